//! The description of the HTTP port, in version 3.1 of `OpenAPI`. What records hold is described from the contract.

mod schemas;

use serde_json::{Map, Value, json};

use super::bundles::{BUNDLE_HEADER, NEXT_HEADER, RECORDS_HEADER};
use super::records::PAGE_RECORDS_MAX;
use super::{BODY_BYTES_MAX, RECEIPT_BYTES_MAX};
use crate::domain::correction::CorrectionReason;
use crate::domain::standing::Standing;

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
            "schemas": schemas::all(),
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
        "/corrections": {
            "get": operation("The page of what is to be corrected, in Vietnamese; made to be printed",
                &[unit()], &page_answer()),
        },
        "/corrections/{reason}": {
            "get": operation("The same for one reason, in pages", &corrections_parameters(),
                &page_answer()),
        },
        "/v1/bundles": {
            "get": operation("The bundles that were written to be carried by hand, the newest first", &[],
                &answers("The bundles", &reference("Bundles"), &[])),
            "post": operation("Write what waits as a bundle; nothing leaves the queue",
                &[parameter("after", "query", "childsync-next-after of the bundle before", false)],
                &bundle_answer()),
        },
        "/v1/bundles/receipt": {
            "post": with_file("Take the receipt of a bundle: what it answers leaves the queue",
                &answers("What came of it", &reference("TakenReceipt"), &["413", "415", "422", "503"])),
        },
        "/v1/corrections": {
            "get": operation("How many records are to be corrected, by reason", &[unit()],
                &answers("The counts", &reference("CorrectionCounts"), &["400"])),
        },
        "/v1/corrections/{reason}": {
            "get": operation("What is to be corrected for one reason, in pages, with the children's names",
                &corrections_parameters(),
                &answers("A page", &reference("CorrectionPage"), &["400", "404"])),
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

fn page_answer() -> Value {
    json!({ "200": { "description": "The page", "content": { "text/html": {} } } })
}

fn bundle_answer() -> Value {
    let mut answers = answers("The bundle", &json!({}), &["400", "409", "503"]);
    let headers = [BUNDLE_HEADER, RECORDS_HEADER, NEXT_HEADER];
    let headers = headers.map(|name| (name.to_owned(), json!({ "schema": text() })));
    let file = json!({
        "description": "The bundle; write it to a file. With childsync-next-after there is more for another one",
        "headers": headers.into_iter().collect::<Map<_, _>>(),
        "content": { "application/octet-stream": {} },
    });
    if let Some(place) = answers.pointer_mut("/200") {
        *place = file;
    }
    answers
}

fn with_file(summary: &str, responses: &Value) -> Value {
    json!({
        "summary": summary,
        "parameters": [],
        "requestBody": {
            "required": true,
            "description": format!("At most {RECEIPT_BYTES_MAX} bytes"),
            "content": { "application/octet-stream": {} },
        },
        "responses": responses,
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
            "409" => {
                "Nothing waits, or the card of the hub is missing; the message says what to do"
            }
            "415" => "The body is not said to be JSON, or a file where one is expected",
            "422" => "The receipt is damaged, or of another hub or bundle",
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
    let standing = json!({
        "name": "standing", "in": "query", "required": true,
        "schema": { "type": "string", "enum": words },
    });
    let [after, limit] = page_parameters();
    [standing, after, limit]
}

fn page_parameters() -> [Value; 2] {
    [
        parameter("after", "query", "next_after of the page before", false),
        json!({
            "name": "limit", "in": "query", "required": false,
            "schema": { "type": "integer", "minimum": 1, "maximum": PAGE_RECORDS_MAX },
        }),
    ]
}

fn unit() -> Value {
    let text = "Records of this commune only, as SCHEME:CODE, for example GSO_PRE2025:30742";
    parameter("unit", "query", text, false)
}

fn corrections_parameters() -> [Value; 4] {
    let reason =
        json!({ "name": "reason", "in": "path", "required": true, "schema": correction_reasons() });
    let [after, limit] = page_parameters();
    [reason, unit(), after, limit]
}

pub(super) fn correction_reasons() -> Value {
    json!({ "type": "string", "enum": CorrectionReason::ALL.map(CorrectionReason::word) })
}

fn reason() -> Value {
    json!({ "name": "reason", "in": "query", "required": true, "schema": reasons() })
}

fn version_parameter() -> Value {
    json!({ "name": "version", "in": "query", "required": false, "schema": version() })
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

pub(super) fn kinds() -> Value {
    json!({ "type": "string", "enum": ["child", "case-report"] })
}

pub(super) fn reasons() -> Value {
    json!({ "type": "string", "enum": ["error", "duplicate", "moved", "turned-16", "erased"] })
}

pub(super) fn version() -> Value {
    json!({
        "type": "integer",
        "minimum": 1,
        "description": "Rises with every change of the record. Left out, the agent gives the next one \
            when the record has changed",
    })
}

pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

pub(super) fn instant() -> Value {
    json!({ "type": ["string", "null"], "format": "date-time" })
}

pub(super) fn object(required: &[&str], properties: &Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

pub(super) fn list(of: &Value) -> Value {
    json!({ "type": "array", "items": of })
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
