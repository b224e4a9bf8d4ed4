//! The JSON form of records, described from the contract itself with its own comments.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::source_code_info::Location;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};
use serde_json::{Map, Value, json};

use crate::domain::record::RecordKind;
use crate::grpc::proto::FILE_DESCRIPTOR_SET;

/// Numbers of the descriptor's own fields, of which the path to a comment is made.
const MESSAGES: i32 = 4;
const ENUMS: i32 = 5;
const FIELDS: i32 = 2;
/// The file that says what records hold.
const RECORDS: &str = "childsync/v1/record.proto";

/// Name of the contract's message for records of a kind.
pub const fn message_name(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Child => "ChildRecord",
        RecordKind::CaseReport => "CaseReport",
    }
}

/// A schema for every message and list of the contract that a record may hold, by name.
pub fn record_schemas() -> BTreeMap<String, Value> {
    let files = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap_or_default();
    let mut schemas = BTreeMap::new();
    let records = files.file.iter().filter(|file| file.name() == RECORDS);
    for file in records {
        let comments = Comments::of(file);
        for (at, message) in (0..).zip(&file.message_type) {
            let schema = message_schema(message, &comments, at);
            schemas.insert(message.name().to_owned(), schema);
        }
        for (at, list) in (0..).zip(&file.enum_type) {
            schemas.insert(list.name().to_owned(), enum_schema(list, &comments, at));
        }
    }
    schemas
}

/// The comments of a file by the path to what they stand above.
struct Comments<'a>(BTreeMap<&'a [i32], &'a Location>);

impl<'a> Comments<'a> {
    fn of(file: &'a FileDescriptorProto) -> Self {
        let locations = file.source_code_info.iter().flat_map(|info| &info.location);
        Self(locations.map(|at| (at.path.as_slice(), at)).collect())
    }

    fn above(&self, path: &[i32]) -> String {
        let comment = self.0.get(path).map(|at| at.leading_comments());
        let lines = comment.unwrap_or_default().lines().map(str::trim);
        lines.collect::<Vec<_>>().join(" ").trim().to_owned()
    }
}

fn message_schema(message: &DescriptorProto, comments: &Comments<'_>, at: i32) -> Value {
    let mut properties = Map::new();
    for (field_at, field) in (0..).zip(&message.field) {
        let mut schema = field_schema(field);
        let comment = comments.above(&[MESSAGES, at, FIELDS, field_at]);
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), Value::String(comment));
        }
        properties.insert(field.name().to_owned(), schema);
    }
    json!({
        "type": "object",
        "description": comments.above(&[MESSAGES, at]),
        "properties": properties,
        "additionalProperties": false,
    })
}

fn enum_schema(list: &EnumDescriptorProto, comments: &Comments<'_>, at: i32) -> Value {
    let (mut names, mut meanings) = (Vec::new(), vec![comments.above(&[ENUMS, at])]);
    for (value_at, value) in (0..).zip(&list.value) {
        let comment = comments.above(&[ENUMS, at, FIELDS, value_at]);
        meanings.push(format!("{}: {comment}", value.name()));
        names.push(value.name());
    }
    json!({ "type": "string", "enum": names, "description": meanings.join("\n") })
}

fn field_schema(field: &FieldDescriptorProto) -> Value {
    let one = match field.r#type() {
        Type::Message | Type::Enum | Type::Group => match field.type_name() {
            ".google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
            name => {
                let name = name.rsplit('.').next().unwrap_or_default();
                json!({ "$ref": format!("#/components/schemas/{name}") })
            }
        },
        Type::Bool => json!({ "type": "boolean" }),
        // 64 bits are more than a number of JSON holds exactly: they are written as text.
        Type::Int64 | Type::Uint64 | Type::Fixed64 | Type::Sfixed64 | Type::Sint64 => {
            json!({ "type": ["string", "integer"], "pattern": "^[0-9]+$" })
        }
        Type::Int32 | Type::Uint32 | Type::Fixed32 | Type::Sfixed32 | Type::Sint32 => {
            json!({ "type": "integer", "minimum": 0 })
        }
        Type::Double | Type::Float => json!({ "type": "number" }),
        Type::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Type::String => json!({ "type": "string" }),
    };
    if field.label() == Label::Repeated {
        json!({ "type": "array", "items": one })
    } else {
        one
    }
}
