//! The description of what a platform upstream must serve, in version 3.1 of `OpenAPI`.

use serde_json::{Map, Value, json};

use super::{ANSWER_SECONDS_MAX, BATCHES_PATH, KEY_HEADER, REQUEST_RECORDS_MAX};
use crate::grpc::json::record_schemas;

/// The whole description.
pub fn document() -> Value {
    let records = record_schemas();
    let mut schemas: Map<String, Value> = records.into_iter().collect();
    schemas.extend(own_schemas());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Upstream of a childsync hub",
            "version": "1",
            "description": "What a platform serves so that a hub can forward to it over HTTP. The hub sends \
                each record when it is new or has changed, and again until it is answered. Records have the \
                JSON form of the contract (proto3 JSON, names as in the contract); fields that the hub's \
                policy withholds are absent.",
        },
        "servers": [{ "url": "https://platform.example/childsync" }],
        "security": [{ "token": [] }, { "certificate": [] }],
        "paths": { BATCHES_PATH: { "post": operation() } },
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "certificate": { "type": "mutualTLS" },
            },
            "schemas": schemas,
        },
    })
}

fn operation() -> Value {
    let seconds = ANSWER_SECONDS_MAX;
    let problem = |description: &str| {
        let content = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
        json!({ "description": description, "content": { "application/json": content } })
    };
    json!({
        "summary": "Takes records of a batch",
        "description": format!(
            "Answers within {seconds} seconds, when every record that it accepts is durable. Sent again, with \
             the same key or another one, a version that it holds is unchanged. Records of one batch can come \
             in several requests."
        ),
        "parameters": [{
            "name": KEY_HEADER,
            "in": "header",
            "required": true,
            "description": "Number of the batch and a digest of the body: the same key, the same body",
            "schema": { "type": "string", "pattern": "^[0-9]+-[0-9a-f]{64}$" },
        }],
        "requestBody": {
            "required": true,
            "content": {
                "application/json": { "schema": { "$ref": "#/components/schemas/Batch" } },
            },
        },
        "responses": {
            "200": {
                "description": "An answer for every record, in their order",
                "content": {
                    "application/json": { "schema": { "$ref": "#/components/schemas/Answers" } },
                },
            },
            "401": problem("The token or the certificate is not known"),
            "429": problem("Too much at a time: the hub comes back after Retry-After, in seconds"),
            "503": problem("Away for a while: the hub comes back after Retry-After, in seconds"),
            "default": problem("Anything else: the hub sends all records of the request again"),
        },
    })
}

fn own_schemas() -> [(String, Value); 5] {
    let id = json!({ "type": "string", "format": "uuid" });
    let version = json!({ "type": ["string", "integer"], "pattern": "^[0-9]+$" });
    let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let batch = object(
        &["batch", "lane", "records"],
        &json!({
            "batch": { "type": "integer", "description": "Its number, rising" },
            "lane": { "type": "string", "enum": ["urgent", "routine"] },
            "records": {
                "type": "array",
                "minItems": 1,
                "maxItems": REQUEST_RECORDS_MAX,
                "items": schema("RecordChange"),
            },
        }),
    );
    let change = object(
        &["record_id", "version"],
        &json!({
            "record_id": id,
            "version": version,
            "child": schema("ChildRecord"),
            "case_report": schema("CaseReport"),
            "tombstone": schema("Tombstone"),
            "different_from": {
                "type": "array",
                "items": id,
                "description": "Records that are other children, whatever the evidence",
            },
        }),
    );
    let answer = object(
        &["record_id", "version", "outcome"],
        &json!({
            "record_id": id,
            "version": version,
            "outcome": {
                "type": "string",
                "enum": ["accepted", "unchanged", "refused"],
                "description": "unchanged: this version or a newer one is held. refused: it will not be taken \
                    as it is; the hub shows the reason and sends the record again when it changes.",
            },
            "reason": {
                "type": "string",
                "pattern": "^[A-Z0-9_]{1,40}$",
                "description": "Of a refusal, a stable word",
            },
        }),
    );
    let answers = json!({ "answers": { "type": "array", "items": schema("Answer") } });
    let problem = json!({ "reason": { "type": "string", "pattern": "^[A-Z0-9_]{1,40}$" } });
    [
        ("Batch".to_owned(), batch),
        ("RecordChange".to_owned(), change),
        ("Answers".to_owned(), object(&["answers"], &answers)),
        ("Answer".to_owned(), answer),
        ("Problem".to_owned(), object(&[], &problem)),
    ]
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_the_description_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        let schemas = document["components"]["schemas"]
            .as_object()
            .expect("schemas");

        for reference in text.split("#/components/schemas/").skip(1) {
            let (name, _) = reference.split_once('"').expect("an end");
            assert!(schemas.contains_key(name), "{name}");
        }
    }

    #[test]
    fn the_committed_description_is_the_one_that_is_spoken() {
        let committed = include_str!("../../../deploy/upstream.openapi.json");
        let committed: Value = serde_json::from_str(committed).expect("JSON");

        assert!(
            committed == document(),
            "write it again: childsync upstream openapi > deploy/upstream.openapi.json"
        );
    }
}
