//! The schemas of the description: what requests carry and what answers say.

use serde_json::{Map, Value, json};

use super::{correction_reasons, instant, kinds, list, object, reasons, reference, text, version};
use crate::agent::intake::INTAKE_CHANGES_MAX;
use crate::domain::correction::CorrectionReason;
use crate::domain::record::RecordKind;
use crate::domain::standing::Standing;
use crate::domain::tier_word::TierState;
use crate::grpc::json::{message_name, record_schemas};

/// Every schema that the paths refer to.
pub(super) fn all() -> Value {
    let mut schemas: Map<String, Value> = record_schemas().into_iter().collect();
    let content = json!({ "oneOf": [
        reference(message_name(RecordKind::Child)),
        reference(message_name(RecordKind::CaseReport)),
    ] });
    schemas.extend(incoming(&content));
    schemas.extend(outgoing());
    schemas.extend(corrections());
    schemas.extend(bundles());
    Value::Object(schemas)
}

fn incoming(content: &Value) -> [(String, Value); 2] {
    let record =
        json!({ "version": version(), "record": content, "different_from": list(&text()) });
    let entry = json!({
        "kind": kinds(),
        "record_id": text(),
        "version": version(),
        "record": content,
        "different_from": list(&text()),
        "withdrawn": reasons(),
    });
    let records = json!({
        "type": "array",
        "maxItems": INTAKE_CHANGES_MAX,
        "items": object(&["kind", "record_id"], &entry),
    });
    [
        ("Record".to_owned(), object(&["record"], &record)),
        (
            "Records".to_owned(),
            object(&["records"], &json!({ "records": records })),
        ),
    ]
}

fn outgoing() -> Vec<(String, Value)> {
    let outcomes = [
        "accepted",
        "unchanged",
        "superseded",
        "rejected",
        "quarantined",
    ];
    let violation = object(
        &["field", "rule", "level"],
        &json!({
            "field": text(), "rule": text(), "level": { "type": "string", "enum": ["reject", "warn"] },
            "description": text(), "description_vi": text(),
        }),
    );
    let outcome = object(
        &["kind", "record_id", "outcome"],
        &json!({
            "kind": kinds(), "record_id": text(), "version": { "type": ["integer", "null"] },
            "outcome": { "type": "string", "enum": outcomes },
            "reason": text(), "reason_vi": text(), "violations": list(&reference("Violation")),
        }),
    );
    let page = json!({
        "records": list(&reference("RecordStanding")),
        "next_after": { "type": ["string", "null"] },
    });
    let problem = object(
        &["reason", "message"],
        &json!({ "reason": text(), "message": text() }),
    );
    let outcomes = json!({ "outcomes": list(&reference("KeepOutcome")) });
    vec![
        ("Violation".to_owned(), violation),
        ("KeepOutcome".to_owned(), outcome),
        ("Outcomes".to_owned(), object(&["outcomes"], &outcomes)),
        ("RecordStanding".to_owned(), record_standing()),
        ("RecordPage".to_owned(), object(&["records"], &page)),
        ("Status".to_owned(), status()),
        ("Problem".to_owned(), problem),
    ]
}

fn bundles() -> [(String, Value); 2] {
    let count = json!({ "type": "integer" });
    let bundle = json!({
        "bundle_id": text(), "hub": text(), "records": count, "made_at": instant(),
        "receipted_at": instant(),
    });
    let taken = json!({
        "bundle_id": text(), "repeated": { "type": "boolean" }, "taken": count, "to_correct": count,
        "waiting": count, "answered_before": count,
    });
    let bundles = json!({ "bundles": list(&object(&["bundle_id"], &bundle)) });
    [
        ("Bundles".to_owned(), object(&["bundles"], &bundles)),
        ("TakenReceipt".to_owned(), object(&["bundle_id"], &taken)),
    ]
}

fn corrections() -> [(String, Value); 4] {
    let count = json!({ "type": "integer" });
    let unit = json!({
        "scheme": text(), "code": text(), "name": { "type": ["string", "null"] },
    });
    let reasons: Map<String, Value> = CorrectionReason::ALL
        .into_iter()
        .map(|reason| (reason.word().to_owned(), count.clone()))
        .collect();
    let gone = json!({
        "unit": reference("Unit"), "successors": list(&reference("Unit")), "records": count,
    });
    let counts = json!({
        "records": count,
        "reasons": object(&[], &Value::Object(reasons)),
        "units": list(&object(&[], &gone)),
    });
    let trouble = json!({
        "field": text(), "field_vi": text(), "problem": text(), "problem_vi": text(),
        "advice": text(), "advice_vi": text(),
    });
    let correction = json!({
        "kind": kinds(), "record_id": text(), "version": count,
        "standing": { "type": "string", "enum": Standing::ALL.map(Standing::word) },
        "standing_vi": text(), "reason": correction_reasons(), "reason_vi": text(),
        "name": text(), "birth_date": text(),
        "unit": { "oneOf": [{ "type": "null" }, reference("Unit")] },
        "successors": list(&reference("Unit")), "linked_units": list(&reference("Unit")),
        "troubles": list(&object(&[], &trouble)),
    });
    let page = json!({
        "reason": correction_reasons(), "reason_vi": text(),
        "counts": reference("CorrectionCounts"),
        "corrections": list(&reference("Correction")),
        "next_after": { "type": ["string", "null"] },
    });
    let needed = ["kind", "record_id", "reason", "troubles"];
    [
        ("Unit".to_owned(), object(&["scheme", "code"], &unit)),
        (
            "CorrectionCounts".to_owned(),
            object(&["records", "reasons"], &counts),
        ),
        ("Correction".to_owned(), object(&needed, &correction)),
        (
            "CorrectionPage".to_owned(),
            object(&["corrections", "counts"], &page),
        ),
    ]
}

/// What one tier above the hub says of a record.
fn tier_word() -> Value {
    let rules = list(&text());
    let properties = json!({
        "hub": text(), "unit": text(), "unit_vi": text(),
        "state": { "type": "string", "enum": TierState::ALL.map(TierState::word) },
        "state_vi": text(), "is_newest": { "type": "boolean" }, "since": instant(),
        "linked_records": { "type": "integer" }, "linked_units": list(&text()),
        "conflicting_fields": list(&text()), "reason": text(),
        "broken_rules": rules, "broken_rules_vi": rules, "moved_to": text(),
    });
    object(&["state", "is_newest"], &properties)
}

fn record_standing() -> Value {
    let rules = list(&text());
    let answer = json!({
        "version": { "type": "integer" },
        "answer": { "type": "string", "enum": ["taken", "quarantined", "refused"] },
        "reason": text(), "broken_rules": rules, "broken_rules_vi": rules,
    });
    let hub = json!({
        "version": { "type": "integer" },
        "state": { "type": "string", "enum": ["live", "withdrawn", "quarantined"] },
        "since": instant(), "linked_records": { "type": "integer" },
        "above": { "type": "string", "enum": ["not-yet", "held", "refused"] },
        "above_since": instant(), "above_reason": text(),
        "moved_to": text(), "tiers": list(&tier_word()),
    });
    let nullable =
        |properties: &Value| json!({ "oneOf": [{ "type": "null" }, object(&[], properties)] });
    object(
        &["kind", "record_id", "version", "standing"],
        &json!({
            "kind": kinds(), "record_id": text(), "version": { "type": "integer" },
            "standing": { "type": "string", "enum": Standing::ALL.map(Standing::word) },
            "standing_vi": text(), "kept_at_by_this_machine": instant(),
            "broken_rules": rules, "broken_rules_vi": rules,
            "hub_answer": nullable(&answer), "hub": nullable(&hub),
        }),
    )
}

fn status() -> Value {
    let count = json!({ "type": "integer" });
    let flag = json!({ "type": "boolean" });
    let line = object(
        &["last_error", "failed_attempts"],
        &json!({
            "last_error": text(), "failed_attempts": count, "last_answer_at": instant(),
        }),
    );
    let standings: Map<String, Value> = Standing::ALL
        .into_iter()
        .map(|standing| (standing.word().to_owned(), count.clone()))
        .collect();
    let lines = json!({ "urgent": line, "routine": line, "feed": line });
    object(
        &["name", "has_line", "is_full", "waiting", "standings"],
        &json!({
            "name": text(), "hub": text(), "program_version": text(), "machine_time": instant(),
            "has_line": flag, "is_full": flag,
            "waiting": object(&[], &json!({ "urgent": count, "routine": count })),
            "oldest_kept_at": instant(), "used_bytes": count, "bytes_max": count, "records_max": count,
            "standings": object(&[], &Value::Object(standings)),
            "lines": object(&[], &lines),
        }),
    )
}
