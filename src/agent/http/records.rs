//! Records and status as JSON.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::answers::Problem;
use super::routes::{kind_word, read_kind};
use crate::agent::corrections::unit_words;
use crate::agent::intake::{INTAKE_CHANGES_MAX, Intake, LocalChange};
use crate::agent::overview::Overseen;
use crate::agent::settle::Kept;
use crate::agent::words;
use crate::domain::clock::Timestamp;
use crate::domain::record::{RecordId, RecordKind, TombstoneReason, Version};
use crate::domain::standing::{Above, HubAnswer, HubState, HubWord, Standing};
use crate::domain::tier_word::TierWord;
use crate::domain::validation::{Level, Violation};
use crate::grpc::json::read_record;
use crate::store::{AgentRecord, Answered, OwnKey};
use crate::sync::ingest::{IncomingBody, Outcome};

/// Records of one page of the list.
pub(super) const PAGE_RECORDS_MAX: i64 = 200;

/// A change with the kind of its record, which an answer repeats.
pub(in crate::agent) type KindedChange = (RecordKind, LocalChange);

/// Reads the body of `PUT`: `record`, and `version` and `different_from` where they are given.
pub(super) fn read_put(kind: RecordKind, id: &str, body: &Bytes) -> Result<LocalChange, Problem> {
    let mut members = read_object(body)?;
    let change = read_members(kind, id.to_owned(), &mut members, "")?;
    nothing_left(&members, "")?;
    Ok(change)
}

/// Reads the body of `POST`: `records`, each with `kind`, `record_id`, and `record` or `withdrawn`.
pub(super) fn read_post(body: &Bytes) -> Result<Vec<KindedChange>, Problem> {
    let records = read_records(body)?;
    if records.len() > INTAKE_CHANGES_MAX {
        let problem = format!("may hold {INTAKE_CHANGES_MAX} records: send several requests");
        return Err(invalid("records", &problem));
    }
    let numbered = records.into_iter().enumerate();
    numbered
        .map(|(at, record)| read_entry(&format!("records[{at}]."), record))
        .collect()
}

/// Reads a file in the form of `POST`, of any number of records, each for itself. What is wrong is told by
/// its place.
pub(in crate::agent) fn read_list(
    body: &Bytes,
) -> Result<Vec<Result<KindedChange, String>>, String> {
    let told = |problem: Problem| problem.text().to_owned();
    let records = read_records(body).map_err(told)?;
    let numbered = records.into_iter().enumerate();
    let entries = numbered.map(|(at, record)| {
        let entry = read_entry(&format!("records[{at}]."), record);
        entry.map_err(told)
    });
    Ok(entries.collect())
}

fn read_records(body: &Bytes) -> Result<Vec<Value>, Problem> {
    let mut members = read_object(body)?;
    let Some(Value::Array(records)) = members.remove("records") else {
        return Err(invalid("records", "must be a list of records"));
    };
    nothing_left(&members, "")?;
    Ok(records)
}

fn read_entry(place: &str, entry: Value) -> Result<KindedChange, Problem> {
    let Value::Object(mut members) = entry else {
        return Err(invalid(place.trim_end_matches('.'), "must be an object"));
    };
    let kind = match members.remove("kind") {
        Some(Value::String(word)) => read_kind(&word),
        Some(_) | None => None,
    };
    let at = |name: &str| format!("{place}{name}");
    let kind = kind.ok_or_else(|| invalid(&at("kind"), "must be child or case-report"))?;
    let Some(Value::String(id)) = members.remove("record_id") else {
        return Err(invalid(&at("record_id"), "must be the text of a UUID"));
    };
    let change = match members.remove("withdrawn") {
        None => read_members(kind, id, &mut members, place)?,
        Some(Value::String(reason)) => {
            let version = read_version(&mut members, place)?;
            withdrawal(kind, id, version, &reason)?
        }
        Some(_) => return Err(invalid(&at("withdrawn"), "must be a reason")),
    };
    nothing_left(&members, place)?;
    Ok((kind, change))
}

fn read_members(
    kind: RecordKind,
    record_id: String,
    members: &mut Map<String, Value>,
    place: &str,
) -> Result<LocalChange, Problem> {
    let version = read_version(members, place)?;
    let record = members
        .remove("record")
        .ok_or_else(|| invalid(&format!("{place}record"), "is missing"))?;
    let content =
        read_record(kind, &record).map_err(|error| Problem::Invalid(format!("{place}{error}")))?;
    let different_from = match members.remove("different_from") {
        None => Vec::new(),
        Some(ids) => serde_json::from_value(ids).map_err(|_| {
            let problem = "must be a list of record ids";
            invalid(&format!("{place}different_from"), problem)
        })?,
    };
    Ok(LocalChange {
        record_id,
        version,
        body: IncomingBody::Content(kind, content.into()),
        different_from,
    })
}

fn read_version(members: &mut Map<String, Value>, place: &str) -> Result<Option<u64>, Problem> {
    let Some(version) = members.remove("version") else {
        return Ok(None);
    };
    let number = version.as_u64().filter(|number| *number > 0);
    number.map(Some).ok_or_else(|| {
        let problem = "must be a whole number from 1; leave it out and the agent gives one";
        invalid(&format!("{place}version"), problem)
    })
}

/// Reads `DELETE`: the reason, and the version where it is given, stand in the query.
pub(super) fn read_withdrawal(
    kind: RecordKind,
    id: &str,
    query: &str,
) -> Result<LocalChange, Problem> {
    let reason = parameter(query, "reason").unwrap_or_default();
    let version = match parameter(query, "version") {
        None => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| invalid("version", "must be a whole number from 1"))?,
        ),
    };
    withdrawal(kind, id.to_owned(), version, reason)
}

fn withdrawal(
    kind: RecordKind,
    record_id: String,
    version: Option<u64>,
    reason: &str,
) -> Result<LocalChange, Problem> {
    let reason = match reason {
        "error" => TombstoneReason::Error,
        "duplicate" => TombstoneReason::Duplicate,
        "moved" => TombstoneReason::Moved,
        "turned-16" => TombstoneReason::Turned16,
        "erased" => TombstoneReason::Erased,
        _ => {
            let problem = "must be error, duplicate, moved, turned-16 or erased";
            return Err(invalid("reason", problem));
        }
    };
    Ok(LocalChange {
        record_id,
        version,
        body: IncomingBody::Tombstone(Some((kind, reason)), String::new()),
        different_from: Vec::new(),
    })
}

fn read_object(body: &Bytes) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(invalid("the body", "must be an object")),
        // The parser's own words may repeat what it read; line and column do not.
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let problem = format!("is not JSON at line {line}, column {column}");
            Err(invalid("the body", &problem))
        }
    }
}

/// What nobody understands would be lost in silence.
fn nothing_left(members: &Map<String, Value>, place: &str) -> Result<(), Problem> {
    if members.is_empty() {
        return Ok(());
    }
    let problem = "holds a member that GET /openapi.json does not know: correct its name";
    let place = place.trim_end_matches('.');
    Err(invalid(
        if place.is_empty() { "the body" } else { place },
        problem,
    ))
}

pub(super) fn invalid(place: &str, problem: &str) -> Problem {
    Problem::Invalid(format!("{place} {problem}"))
}

pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// Keeps one change and says what became of it.
pub(super) async fn keep_one(
    intake: &Intake,
    kind: RecordKind,
    change: LocalChange,
) -> Result<Value, Problem> {
    let id = change.record_id.clone();
    let kept = intake.keep(vec![change]).await?;
    kept.first()
        .map(|kept| outcome(kind, &id, kept))
        .ok_or(Problem::Internal)
}

/// Keeps changes, all or none of them, and says what became of each.
pub(super) async fn keep_all(
    intake: &Intake,
    changes: Vec<KindedChange>,
) -> Result<Value, Problem> {
    let names: Vec<(RecordKind, String)> = changes
        .iter()
        .map(|(kind, change)| (*kind, change.record_id.clone()))
        .collect();
    let changes = changes.into_iter().map(|(_, change)| change);
    let kept = intake.keep(changes.collect()).await?;
    let outcomes = names.iter().zip(&kept);
    let outcomes: Vec<Value> = outcomes
        .map(|((kind, id), kept)| outcome(*kind, id, kept))
        .collect();
    Ok(json!({ "outcomes": outcomes }))
}

fn outcome(kind: RecordKind, id: &str, kept: &Kept) -> Value {
    let (reason, meaning) = match kept.settled.outcome {
        Outcome::Rejected(reason) => (reason.word(), words::reason(reason)),
        Outcome::Quarantined => ("RULE_BROKEN", "hồ sơ cần sửa"),
        Outcome::Accepted | Outcome::Unchanged | Outcome::Superseded => ("", ""),
    };
    let violations: Vec<Value> = kept.settled.violations.iter().map(violation).collect();
    json!({
        "kind": kind_word(kind),
        "record_id": id,
        "version": kept.version.map(Version::as_u64),
        "outcome": kept.settled.outcome.word(),
        "reason": reason,
        "reason_vi": meaning,
        "violations": violations,
    })
}

fn violation(violation: &Violation) -> Value {
    json!({
        "field": violation.path.to_string(),
        "rule": violation.rule.as_str(),
        "level": match violation.level { Level::Reject => "reject", Level::Warn => "warn" },
        "description": violation.rule.description(),
        "description_vi": words::rule(violation.rule),
    })
}

/// How the agent is doing.
pub(super) async fn status(overseen: &Overseen) -> Result<Value, Problem> {
    let overview = overseen.look().await?;
    let standings = Standing::ALL.map(|standing| {
        let count = overview.count(standing);
        (standing.word().to_owned(), Value::from(count))
    });
    let lines = overview.lines.iter().map(|(name, health)| {
        let line = json!({
            "last_error": health.last_error,
            "failed_attempts": health.failed_attempts,
            "last_answer_at": health.last_answer_at.map(instant),
        });
        ((*name).to_owned(), line)
    });
    Ok(json!({
        "name": overseen.name.as_str(),
        "hub": overseen.hub,
        "program_version": env!("CARGO_PKG_VERSION"),
        "machine_time": instant(overview.now),
        "has_line": overview.has_line(),
        "is_full": overview.is_full,
        "waiting": { "urgent": overview.urgent_waiting, "routine": overview.routine_waiting },
        "oldest_kept_at": overview.oldest_kept_at.map(instant),
        "used_bytes": overview.used_bytes,
        "bytes_max": overseen.limits.bytes_max,
        "records_max": overseen.limits.records_max,
        "standings": standings.into_iter().collect::<Map<_, _>>(),
        "lines": lines.collect::<Map<_, _>>(),
    }))
}

/// A page of the records of one standing.
pub(super) async fn list(overseen: &Overseen, query: &str) -> Result<Value, Problem> {
    let words = Standing::ALL.map(Standing::word).join(", ");
    let standing = parameter(query, "standing").and_then(Standing::from_word);
    let standing =
        standing.ok_or_else(|| invalid("standing", &format!("must be one of {words}")))?;
    let (after, limit) = page_parameters(query)?;
    let mut reading = overseen.store.read().await?;
    let records = reading.list_records(standing, after, limit).await?;
    let is_last = i64::try_from(records.len()) != Ok(limit);
    let next = records
        .last()
        .filter(|_| !is_last)
        .map(|last| token(last.key));
    let records: Vec<Value> = records.iter().map(record).collect();
    Ok(json!({ "records": records, "next_after": next }))
}

/// Which page a query asks for: the last record of the one before, and records at most.
pub(super) fn page_parameters(query: &str) -> Result<(Option<OwnKey>, i64), Problem> {
    let after =
        match parameter(query, "after") {
            None => None,
            Some(token) => Some(read_token(token).ok_or_else(|| {
                invalid("after", "is not what next_after of the page before said")
            })?),
        };
    let limit = match parameter(query, "limit") {
        None => PAGE_RECORDS_MAX,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE_RECORDS_MAX).contains(limit))
            .ok_or_else(|| invalid("limit", &format!("must be 1 to {PAGE_RECORDS_MAX}")))?,
    };
    Ok((after, limit))
}

pub(super) fn token((kind, id): OwnKey) -> String {
    format!("{}.{id}", kind_word(kind))
}

fn read_token(token: &str) -> Option<OwnKey> {
    let (kind, id) = token.split_once('.')?;
    Some((read_kind(kind)?, id.parse::<RecordId>().ok()?))
}

/// Where one record is.
pub(super) async fn show(overseen: &Overseen, key: OwnKey) -> Result<Value, Problem> {
    let mut reading = overseen.store.read().await?;
    let records = reading.find_records(&[key]).await?;
    records.first().map(record).ok_or(Problem::RecordUnknown)
}

fn record(record: &AgentRecord) -> Value {
    json!({
        "kind": kind_word(record.key.0),
        "record_id": record.key.1.to_string(),
        "version": record.version.as_u64(),
        "standing": record.standing.word(),
        "standing_vi": words::standing(record.standing),
        "kept_at_by_this_machine": record.hash.map(|_| instant(record.kept_at)),
        "broken_rules": record.rules.lines().collect::<Vec<_>>(),
        "broken_rules_vi": words::rule_lines(&record.rules),
        "hub_answer": record.answered.as_ref().map(answer),
        "hub": record.hub.as_ref().map(hub),
    })
}

fn answer(answered: &Answered) -> Value {
    json!({
        "version": answered.version.as_u64(),
        "answer": match answered.answer {
            HubAnswer::Taken => "taken",
            HubAnswer::Quarantined => "quarantined",
            HubAnswer::Refused => "refused",
        },
        "reason": answered.reason,
        "broken_rules": answered.rules.lines().collect::<Vec<_>>(),
        "broken_rules_vi": words::rule_lines(&answered.rules),
    })
}

fn hub(hub: &HubWord) -> Value {
    let (above, since, reason) = match &hub.above {
        Above::NotYet => ("not-yet", None, ""),
        Above::Held(since) => ("held", *since, ""),
        Above::Refused(reason) => ("refused", None, reason.as_str()),
    };
    json!({
        "version": hub.version.as_u64(),
        "state": match hub.state {
            HubState::Live => "live",
            HubState::Withdrawn => "withdrawn",
            HubState::Quarantined => "quarantined",
        },
        "since": hub.since.map(instant),
        "linked_records": hub.linked,
        "above": above,
        "above_since": since.map(instant),
        "above_reason": reason,
        "moved_to": hub.registered_elsewhere().map(|unit| unit.to_string()),
        "tiers": hub.tiers.iter().map(tier).collect::<Vec<_>>(),
    })
}

/// What one tier above the hub says.
fn tier(word: &TierWord) -> Value {
    let units = word.linked_units.iter().map(ToString::to_string);
    json!({
        "hub": word.hub.as_ref().map(ToString::to_string),
        "unit": word.unit.map(|unit| unit.to_string()),
        "unit_vi": word.unit.map(unit_words),
        "state": word.state.word(),
        "state_vi": words::tier(word),
        "is_newest": word.is_newest,
        "since": word.since.map(instant),
        "linked_records": word.linked,
        "linked_units": units.collect::<Vec<_>>(),
        "conflicting_fields": word.conflicts,
        "reason": word.reason,
        "broken_rules": word.rules.lines().collect::<Vec<_>>(),
        "broken_rules_vi": words::rule_lines(&word.rules),
        "moved_to": word.moved_to.map(|unit| unit.to_string()),
    })
}

pub(super) fn instant(at: Timestamp) -> String {
    let nanos = i128::from(at.as_micros()) * 1_000;
    time::OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}
