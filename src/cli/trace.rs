//! `childsync trace`: where one record is durable and since when, tier by tier.

use clap::{Args, ValueEnum};
use comfy_table::Table;
use serde_json::{Value, json};
use uuid::Uuid;

use super::operator::{HubLine, answer, say};
use super::status::plain_table;
use crate::domain::node::NodeName;
use crate::grpc::proto::record::{RecordKind, UnitReference};
use crate::grpc::proto::v1;
use crate::grpc::proto::v1::custody_service_client::CustodyServiceClient;
use crate::grpc::proto::v1::{FeedState, TierState, UpstreamState};
use crate::grpc::unit_text;

/// Show where a record is durable and since when, tier by tier
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync trace commune-30742 0197f3a2-0000-7000-8000-000000000001 --hub https://hub:7443 --identity an\n  \
    childsync trace commune-30742 0197f3a2-… --kind case-report --json --hub … --identity commune-30742\n\n\
    Ask the hub that the node sends to. Times are by the clock of the tier that they are told of.\n\
    The exit status is 0 if the newest version is held by every tier that has been heard of.")]
pub(super) struct Trace {
    /// The node that sent the record; a node may ask for its own records, an operator for all
    node: NodeName,
    /// UUID of the record
    record_id: Uuid,
    /// Kind of the record
    #[arg(long, value_enum, default_value_t = Kind::Child)]
    kind: Kind,
    #[command(flatten)]
    line: HubLine,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Child,
    CaseReport,
}

impl Trace {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut client = CustodyServiceClient::new(self.line.open()?);
        let kind = match self.kind {
            Kind::Child => RecordKind::Child,
            Kind::CaseReport => RecordKind::CaseReport,
        };
        let request = v1::TraceRequest {
            node: self.node.to_string(),
            record_id: self.record_id.to_string(),
            kind: kind.into(),
        };
        let trace = answer(client.trace(request)).await?;
        if self.json {
            say(serde_json::to_string_pretty(&as_json(
                &trace,
                self.record_id,
            ))?);
        } else {
            say(table(&trace));
        }
        anyhow::ensure!(
            is_held_everywhere(&trace),
            "the newest version is not held by every tier yet: see what waits, is in quarantine or refused"
        );
        Ok(())
    }
}

/// Whether every tier that was heard of holds the newest version.
fn is_held_everywhere(trace: &v1::TraceResponse) -> bool {
    let newest = trace.versions.first().map_or(0, |version| version.version);
    let told = trace.states.iter().find(|state| state.version == newest);
    let Some(told) = told.filter(|state| state.state() != FeedState::Quarantined) else {
        return false;
    };
    let is_above = !trace.has_upstream || !told.tiers.is_empty();
    is_above && told.tiers.iter().all(holds)
}

fn holds(word: &v1::TierWord) -> bool {
    word.is_newest
        && match word.state() {
            TierState::Reconciled | TierState::Linked | TierState::Withdrawn => true,
            TierState::Unspecified | TierState::Quarantined | TierState::Refused => false,
        }
}

fn table(trace: &v1::TraceResponse) -> Table {
    let mut table = plain_table();
    table.set_header(["Cấp / tier", "Từ lúc / since", "Việc gì / what"]);
    let here = place(&trace.hub, trace.hub_unit.as_ref());
    for (since, what) in steps_here(trace) {
        table.add_row([here.clone(), instant(since.as_ref()), what]);
    }
    // Of a record in quarantine the words stand with its last good version.
    for word in trace.states.iter().flat_map(|state| &state.tiers) {
        let hub = place(&word.hub, word.hub_unit.as_ref());
        table.add_row([hub, instant(word.since.as_ref()), what_of(word)]);
    }
    table
}

/// What happened at the hub that was asked.
fn steps_here(trace: &v1::TraceResponse) -> Vec<(Option<prost_types::Timestamp>, String)> {
    let mut steps = Vec::new();
    for version in trace.versions.iter().rev() {
        let withdrawal = if version.is_withdrawal {
            ", rút hồ sơ / a withdrawal"
        } else {
            ""
        };
        let waits = if version.is_reconciled {
            ""
        } else {
            ", chờ hợp nhất / waits to be reconciled"
        };
        let (number, log) = (version.version, version.log_number);
        let what = format!(
            "đã nhận phiên bản {number} / version {number} taken in, số / number {log}{withdrawal}{waits}"
        );
        steps.push((version.received_at, what));
    }
    for state in &trace.states {
        if state.state() == FeedState::Quarantined {
            let rules = state.violated_rules.join(", ");
            let what = format!(
                "phiên bản {version} chờ sửa / version {version} in quarantine: {} {rules}",
                state.reason,
                version = state.version,
            );
            steps.push((state.received_at, what));
            continue;
        }
        let linked = linked_text(
            state.linked_records,
            &state.linked_units,
            &state.conflicting_fields,
        );
        let moved = moved_text(state.moved_to.as_ref());
        let what = format!(
            "hồ sơ hợp nhất / golden record {} v{}{linked}{moved}",
            state.golden_id, trace.golden_version
        );
        steps.push((trace.golden_since, what));
        if state.upstream_state() == UpstreamState::Refused {
            let what = format!(
                "cấp trên từ chối / refused above: {}",
                state.upstream_reason
            );
            steps.push((None, what));
        }
    }
    if let Some(batch) = &trace.batch {
        let number = batch.number;
        let what = format!("xếp vào lô gửi {number} / sealed in batch {number}");
        steps.push((batch.sealed_at, what));
        if batch.receipted_at.is_some() {
            let evidence = if batch.receipt.is_empty() {
                ""
            } else {
                ", có chữ ký / signed"
            };
            let what =
                format!("cấp trên đã nhận lô {number} / batch {number} receipted above{evidence}");
            steps.push((batch.receipted_at, what));
        }
    } else if trace.has_upstream && trace.golden_version > 0 {
        steps.push((
            None,
            "chờ gửi lên cấp trên / waits to be sent upward".to_owned(),
        ));
    }
    steps
}

fn what_of(word: &v1::TierWord) -> String {
    let age = if word.is_newest {
        ""
    } else {
        ", bản cũ hơn / an older version"
    };
    let linked = linked_text(
        word.linked_records,
        &word.linked_units,
        &word.conflicting_fields,
    );
    let moved = moved_text(word.moved_to.as_ref());
    let state = match word.state() {
        TierState::Reconciled | TierState::Linked => "đang giữ / holds it",
        TierState::Withdrawn => "đã rút / withdrawn",
        TierState::Quarantined => "chờ sửa / in quarantine",
        TierState::Refused => "từ chối / refused",
        TierState::Unspecified => "không rõ / unknown",
    };
    let reason = match (word.reason.as_str(), word.violated_rules.as_slice()) {
        ("", _) => String::new(),
        (reason, rules) => format!(": {reason} {}", rules.join(", ")),
    };
    format!("{state}{age}{reason}{linked}{moved}")
}

fn linked_text(records: u32, units: &[UnitReference], conflicts: &[String]) -> String {
    if records < 2 {
        return String::new();
    }
    let units: Vec<String> = units.iter().map(unit_text).collect();
    let mut text = format!("; {records} hồ sơ cùng một trẻ / records of one child");
    if !units.is_empty() {
        text = format!("{text}, cả ở / also in {}", units.join(", "));
    }
    if !conflicts.is_empty() {
        text = format!("{text}; mâu thuẫn / in conflict: {}", conflicts.join(", "));
    }
    text
}

fn moved_text(moved_to: Option<&UnitReference>) -> String {
    moved_to.map_or_else(String::new, |unit| {
        format!("; nay đăng ký ở / registered now in {}", unit_text(unit))
    })
}

fn place(hub: &str, unit: Option<&UnitReference>) -> String {
    let unit = unit.map_or_else(String::new, |unit| format!(" ({})", unit_text(unit)));
    let hub = if hub.is_empty() {
        "cấp trên / above"
    } else {
        hub
    };
    format!("{hub}{unit}")
}

fn instant(at: Option<&prost_types::Timestamp>) -> String {
    at.map_or_else(String::new, ToString::to_string)
}

fn as_json(trace: &v1::TraceResponse, record_id: Uuid) -> Value {
    let at = |at: Option<&prost_types::Timestamp>| at.map(ToString::to_string);
    let versions = trace.versions.iter().map(|version| {
        json!({
            "version": version.version,
            "log_number": version.log_number,
            "received_at": at(version.received_at.as_ref()),
            "is_withdrawal": version.is_withdrawal,
            "is_reconciled": version.is_reconciled,
        })
    });
    let quarantined = trace.states.iter();
    let quarantined = quarantined.filter(|state| state.state() == FeedState::Quarantined);
    let quarantined = quarantined.map(|state| {
        json!({
            "version": state.version,
            "since": at(state.received_at.as_ref()),
            "reason": state.reason,
            "broken_rules": state.violated_rules,
        })
    });
    let good = trace.states.iter();
    let good = good
        .clone()
        .find(|state| state.state() != FeedState::Quarantined);
    let golden = good.map(|state| {
        json!({
            "golden_id": state.golden_id,
            "version": trace.golden_version,
            "since": at(trace.golden_since.as_ref()),
            "linked_records": state.linked_records,
            "linked_units": state.linked_units.iter().map(unit_text).collect::<Vec<_>>(),
            "conflicting_fields": state.conflicting_fields,
            "moved_to": state.moved_to.as_ref().map(unit_text),
            "refused_above": state.upstream_reason,
        })
    });
    let batch = trace.batch.as_ref().map(|batch| {
        json!({
            "number": batch.number,
            "first_change": batch.first_change,
            "last_change": batch.last_change,
            "sealed_at": at(batch.sealed_at.as_ref()),
            "receipted_at": at(batch.receipted_at.as_ref()),
            "has_signed_receipt": !batch.receipt.is_empty(),
        })
    });
    let tiers = trace.states.iter().flat_map(|state| &state.tiers);
    json!({
        "node": trace.node,
        "record_id": record_id.to_string(),
        "hub": trace.hub,
        "unit": trace.hub_unit.as_ref().map(unit_text),
        "read_at": at(trace.read_at.as_ref()),
        "versions": versions.collect::<Vec<_>>(),
        "quarantined": quarantined.collect::<Vec<_>>(),
        "golden": golden,
        "batch": batch,
        "tiers": tiers.map(tier_as_json).collect::<Vec<_>>(),
        "is_held_everywhere": is_held_everywhere(trace),
    })
}

fn tier_as_json(word: &v1::TierWord) -> Value {
    let state = word.state().as_str_name();
    let state = state.strip_prefix("TIER_STATE_").unwrap_or(state);
    json!({
        "hub": word.hub,
        "unit": word.hub_unit.as_ref().map(unit_text),
        "state": state.to_ascii_lowercase(),
        "is_newest": word.is_newest,
        "version": word.version,
        "since": word.since.as_ref().map(ToString::to_string),
        "golden_id": word.golden_id,
        "linked_records": word.linked_records,
        "linked_units": word.linked_units.iter().map(unit_text).collect::<Vec<_>>(),
        "conflicting_fields": word.conflicting_fields,
        "reason": word.reason,
        "broken_rules": word.violated_rules,
        "moved_to": word.moved_to.as_ref().map(unit_text),
    })
}
