//! What a hub says about units, for people and as JSON.

use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use serde_json::{Value, json};

use crate::cli::operator::say;
use crate::domain::unit::UnitReference;
use crate::grpc::proto::record::RecordKind;
use crate::grpc::proto::record::UnitReference as UnitMessage;
use crate::grpc::proto::v1;
use crate::grpc::unit_text;

pub(super) fn applied(applied: &v1::ApplyUnitActResponse, dry_run: bool, as_json: bool) {
    if as_json {
        say(json!({
            "act_id": applied.act_id,
            "created": applied.created && !dry_run,
            "dry_run": dry_run,
            "known": !applied.created,
            "due": applied.due,
            "effective_from": applied.effective_from,
            "renamed": applied.renamed,
            "merged": applied.merged,
            "split": applied.split,
            "abolished": applied.abolished,
            "nodes": applied.nodes,
        }));
        return;
    }
    say(format_args!(
        "{}, from {} on: {} units renamed, {} merged, {} split, {} abolished; it names units or territories \
         of {} registered nodes.",
        applied.act_id,
        applied.effective_from,
        applied.renamed,
        applied.merged,
        applied.split,
        applied.abolished,
        applied.nodes
    ));
    say(match (applied.created, dry_run, applied.due) {
        (false, _, _) => "The hub has this act already: nothing was changed.",
        (true, true, _) => "Nothing was changed. Without --dry-run the hub keeps the act.",
        (true, false, true) => {
            "The hub keeps the act, and its day has come: `childsync units status` shows how far records are."
        }
        (true, false, false) => "The hub keeps the act and follows it when its day comes.",
    });
}

pub(super) fn acts(acts: &[v1::UnitAct], as_json: bool) {
    if as_json {
        let acts: Vec<Value> = acts.iter().map(act_as_json).collect();
        say(json!({ "acts": acts }));
        return;
    }
    let mut table = table(["act", "from", "changes", "given by", "state", "title"]);
    for act in acts {
        table.add_row([
            act.act_id.clone(),
            act.effective_from.clone(),
            act.changes.to_string(),
            act.received_by.clone(),
            state(act).to_owned(),
            act.title.clone(),
        ]);
    }
    say(table);
}

fn state(act: &v1::UnitAct) -> &'static str {
    match (act.begun_at, act.finished) {
        (None, _) => "waits for its day",
        (Some(_), false) => "records are being moved",
        (Some(_), true) => "holds",
    }
}

fn act_as_json(act: &v1::UnitAct) -> Value {
    json!({
        "act_id": act.act_id,
        "title": act.title,
        "effective_from": act.effective_from,
        "changes": act.changes,
        "received_by": act.received_by,
        "holds": act.begun_at.is_some(),
        "finished": act.finished,
    })
}

pub(super) fn status(status: &v1::GetUnitStatusResponse, as_json: bool) {
    let finished = status.finished_at.is_some();
    if as_json {
        say(json!({
            "acts": status.acts,
            "looked_at_records": status.looked_at_records,
            "changed_records": status.changed_records,
            "golden_records": status.golden_records,
            "finished": finished,
            "placement_tasks": status.placement_tasks,
        }));
        return;
    }
    if status.acts == 0 {
        say("No act about units holds.");
        return;
    }
    say(format_args!(
        "{} acts hold. {} of {} records were looked at{}, {} changed.",
        status.acts,
        status.looked_at_records,
        status.golden_records,
        if finished { ", which is all" } else { "" },
        status.changed_records,
    ));
    if status.placement_tasks > 0 {
        say(format_args!(
            "{} records wait for somebody to say into which part of a split unit they belong: `childsync units \
             tasks` lists them.",
            status.placement_tasks
        ));
    }
}

pub(super) fn nodes(nodes: &[v1::UnitNode], as_json: bool) {
    if as_json {
        let nodes: Vec<Value> = nodes
            .iter()
            .map(|node| {
                json!({
                    "name": node.name,
                    "registered_unit": text(node.registered_unit.as_ref()),
                    "unit": text(node.unit.as_ref()),
                    "gained": texts(&node.gained),
                })
            })
            .collect();
        say(json!({ "nodes": nodes }));
        return;
    }
    let mut table = table([
        "node",
        "registered with",
        "stands in",
        "may write for besides",
    ]);
    for node in nodes {
        table.add_row([
            node.name.clone(),
            named(node.registered_unit.as_ref()),
            named(node.unit.as_ref()),
            texts(&node.gained).join("\n"),
        ]);
    }
    say(table);
}

pub(super) fn tasks(tasks: &[v1::PlacementTask], as_json: bool) {
    let kind = |task: &v1::PlacementTask| match task.kind() {
        RecordKind::Child => "child",
        RecordKind::CaseReport => "case report",
        RecordKind::Unspecified => "",
    };
    if as_json {
        let tasks: Vec<Value> = tasks
            .iter()
            .map(|task| {
                json!({
                    "golden_id": task.golden_id,
                    "kind": kind(task),
                    "unit": text(task.unit.as_ref()),
                    "parts": texts(&task.parts),
                })
            })
            .collect();
        say(json!({ "tasks": tasks }));
        return;
    }
    let mut table = table(["golden record", "kind", "unit", "its parts went into"]);
    for task in tasks {
        let parts: Vec<String> = task.parts.iter().map(|part| named(Some(part))).collect();
        table.add_row([
            task.golden_id.clone(),
            kind(task).to_owned(),
            named(task.unit.as_ref()),
            parts.join("\n"),
        ]);
    }
    say(table);
}

pub(super) fn placed(count: usize, unit: UnitReference, as_json: bool) {
    if as_json {
        say(json!({ "placed": count, "unit": unit.to_string() }));
    } else {
        say(format_args!(
            "{count} records belong to {unit} from now on."
        ));
    }
}

fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(header);
    table
}

fn text(unit: Option<&UnitMessage>) -> String {
    unit.map(unit_text).unwrap_or_default()
}

fn texts(units: &[UnitMessage]) -> Vec<String> {
    units.iter().map(unit_text).collect()
}

/// A unit with its name, where its list has one.
fn named(unit: Option<&UnitMessage>) -> String {
    let text = text(unit);
    let listed = text.parse::<UnitReference>().ok();
    match listed.and_then(|unit| unit.find()) {
        Some(unit) => format!("{text} {}", unit.name),
        None => text,
    }
}
