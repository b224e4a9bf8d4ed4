//! The description of the HTTP port, in version 3.1 of `OpenAPI`. What records hold is described from the contract.

use serde_json::{Map, Value, json};

use super::BODY_BYTES_MAX;
use super::records::PAGE_RECORDS_MAX;
use crate::agent::intake::INTAKE_CHANGES_MAX;
use crate::domain::record::RecordKind;
use crate::domain::standing::Standing;
use crate::grpc::json::{message_name, record_schemas};

/// The whole description.
pub fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "childsync agent",
            "version": "1",
            "description": "Takes children's records of this commune in on this machine, keeps them and \
                sends them to the hub. An answer means that the record is on this machine's disk. Fields \
                of records have the names and the JSON form of the contract (proto3 JSON).",
        },
        "servers": [{ "url": "http://127.0.0.1:7480" }],
        "security": [{ "token": [] }],
        "paths": paths(),
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "What the token file holds (http.token_file of the configuration)",
                },
            },
            "schemas": schemas(),
        },
    })
}

fn paths() -> Value {
    let kind = json!({ "name": "kind", "in": "path", "required": true, "schema": kinds() });
    let id = parameter(
        "record_id",
        "path",
        "UUID that the record keeps for ever",
        true,
    );
    json!({
        "/": {
            "get": operation("The page for the official, in Vietnamese", &[], &json!({
                "200": { "description": "The page", "content": { "text/html": {} } },
                "303": { "description": "Opened by a link with the token; the page is at the same path" },
            })),
        },
        "/openapi.json": {
            "get": operation("This description", &[], &answers("The description", &json!({}), &[])),
        },
        "/v1/status": {
            "get": operation("How the agent is doing", &[],
                &answers("Status", &reference("Status"), &[])),
        },
        "/v1/records": {
            "get": operation("Records of one standing, in pages", &list_parameters(),
                &answers("A page", &reference("RecordPage"), &["400"])),
            "post": with_body("Keep up to a hundred records, all of them durably or none",
                &[], &reference("Records"),
                &answers("What became of each, in order", &reference("Outcomes"), WRITE_ERRORS)),
        },
        "/v1/records/{kind}/{record_id}": {
            "get": operation("Where one record is", &[kind.clone(), id.clone()],
                &answers("The record", &reference("RecordStanding"), &["404"])),
            "put": with_body("Keep a record as it is now", &[kind.clone(), id.clone()],
                &reference("Record"),
                &answers("What became of it", &reference("KeepOutcome"), WRITE_ERRORS)),
            "delete": operation("Withdraw a record", &[kind, id, reason(), version_parameter()],
                &answers("What became of it", &reference("KeepOutcome"), WRITE_ERRORS)),
        },
    })
}

const WRITE_ERRORS: &[&str] = &["400", "413", "415", "503", "507"];

fn operation(summary: &str, parameters: &[Value], responses: &Value) -> Value {
    json!({ "summary": summary, "parameters": parameters, "responses": responses })
}

fn with_body(summary: &str, parameters: &[Value], schema: &Value, responses: &Value) -> Value {
    json!({
        "summary": summary,
        "parameters": parameters,
        "requestBody": {
            "required": true,
            "description": format!("At most {BODY_BYTES_MAX} bytes"),
            "content": { "application/json": { "schema": schema } },
        },
        "responses": responses,
    })
}

fn answers(description: &str, schema: &Value, errors: &[&str]) -> Value {
    let mut answers = Map::new();
    let good = json!({
        "description": description,
        "content": { "application/json": { "schema": schema } },
    });
    answers.insert("200".to_owned(), good);
    for code in ["401", "403"].iter().chain(errors) {
        let meaning = match *code {
            "400" => "Something in the request is not as described; the message says where",
            "401" => "The token is missing or wrong",
            "403" => "The request names another host than this machine",
            "404" => "There is no such record",
            "413" => "The body is too large",
            "415" => "The body is not said to be JSON",
            "503" => "Busy or stopping: send it again after Retry-After",
            _ => "Full: nothing of the request was kept; send it again when the hub has taken some",
        };
        let answer = json!({
            "description": meaning,
            "content": { "application/json": { "schema": reference("Problem") } },
        });
        answers.insert((*code).to_owned(), answer);
    }
    Value::Object(answers)
}

fn parameter(name: &str, place: &str, description: &str, is_required: bool) -> Value {
    json!({
        "name": name,
        "in": place,
        "required": is_required,
        "description": description,
        "schema": { "type": "string" },
    })
}

fn list_parameters() -> [Value; 3] {
    let words = Standing::ALL.map(Standing::word);
    [
        json!({
            "name": "standing", "in": "query", "required": true,
            "schema": { "type": "string", "enum": words },
        }),
        parameter("after", "query", "next_after of the page before", false),
        json!({
            "name": "limit", "in": "query", "required": false,
            "schema": { "type": "integer", "minimum": 1, "maximum": PAGE_RECORDS_MAX },
        }),
    ]
}

fn reason() -> Value {
    json!({ "name": "reason", "in": "query", "required": true, "schema": reasons() })
}

fn version_parameter() -> Value {
    json!({ "name": "version", "in": "query", "required": false, "schema": version() })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn kinds() -> Value {
    json!({ "type": "string", "enum": ["child", "case-report"] })
}

fn reasons() -> Value {
    json!({ "type": "string", "enum": ["error", "duplicate", "moved", "turned-16", "erased"] })
}

fn version() -> Value {
    json!({
        "type": "integer",
        "minimum": 1,
        "description": "Rises with every change of the record. Left out, the agent gives the next one \
            when the record has changed",
    })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn instant() -> Value {
    json!({ "type": ["string", "null"], "format": "date-time" })
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

fn list(of: &Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn schemas() -> Value {
    let mut schemas: Map<String, Value> = record_schemas().into_iter().collect();
    let content = json!({ "oneOf": [
        reference(message_name(RecordKind::Child)),
        reference(message_name(RecordKind::CaseReport)),
    ] });
    schemas.extend(incoming(&content));
    schemas.extend(outgoing());
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::agent::http::routes::ROUTES;

    #[test]
    fn every_path_is_described_and_nothing_else() {
        let document = document();
        let paths = document["paths"].as_object().expect("paths");
        let described: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().expect("methods").keys();
                methods.map(|method| (method.to_uppercase(), path.clone()))
            })
            .collect();
        let known = ROUTES.map(|(method, path)| (method.to_owned(), path.to_owned()));

        assert_eq!(described, BTreeSet::from(known));
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        let text = document().to_string();
        let document = document();
        let schemas = document["components"]["schemas"]
            .as_object()
            .expect("schemas");
        for reference in text.split("#/components/schemas/").skip(1) {
            let (name, _) = reference.split_once('"').expect("an end");
            assert!(schemas.contains_key(name), "{name}");
        }
        assert!(schemas["ChildRecord"]["properties"]["full_name"]["description"].is_string());
    }

    #[test]
    fn the_committed_description_is_the_one_that_is_served() {
        let committed = include_str!("../../../deploy/agent.openapi.json");
        let committed: Value = serde_json::from_str(committed).expect("JSON");

        assert!(
            committed == document(),
            "write it again: childsync agent openapi > deploy/agent.openapi.json"
        );
    }
}
