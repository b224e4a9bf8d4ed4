//! Records as JSON, for programs beside which an agent stands: the contract's own mapping of messages to
//! JSON, with the contract's own field names, and its description.

mod schema;

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};

use super::proto::{FILE_DESCRIPTOR_SET, v1};
use crate::domain::record::RecordKind;

pub use schema::{message_name, record_schemas};

/// The contract's messages. Only a program that sends JSON needs them, so they are read when the first does.
static MESSAGES: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).ok());

/// JSON that is no record. It names the place and never what stands there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: is not what the contract has there: correct the name or the type of the field")]
pub struct JsonUnreadable {
    /// Where, from the record down.
    pub path: String,
}

/// Encodes a record that was sent as JSON. A field that the contract does not know is an error: it would
/// be lost in silence.
pub fn read_record(kind: RecordKind, json: &serde_json::Value) -> Result<Vec<u8>, JsonUnreadable> {
    let unreadable = |path: String| JsonUnreadable { path };
    let message = message(kind).ok_or_else(|| unreadable("record".to_owned()))?;
    let mut track = serde_path_to_error::Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(json, &mut track);
    match DynamicMessage::deserialize(message, deserializer) {
        Ok(record) => Ok(record.encode_to_vec()),
        Err(_) => Err(unreadable(format!("record.{}", track.path()))),
    }
}

/// The JSON form of a change, or `None` if it has none. Fields that this program does not know are not in it.
pub(super) fn write_change(change: &v1::RecordChange) -> Option<String> {
    let message = MESSAGES.as_ref()?;
    let message = message.get_message_by_name("childsync.v1.RecordChange")?;
    let change = DynamicMessage::decode(message, change.encode_to_vec().as_slice()).ok()?;
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut text);
    let options = SerializeOptions::new().use_proto_field_name(true);
    let written = change.serialize_with_options(&mut serializer, &options);
    written.ok()?;
    String::from_utf8(text).ok()
}

fn message(kind: RecordKind) -> Option<MessageDescriptor> {
    let name = format!("childsync.v1.{}", message_name(kind));
    MESSAGES.as_ref()?.get_message_by_name(&name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::grpc::convert::read_child;

    #[test]
    fn a_record_in_json_is_the_record_of_the_contract() {
        let record = json!({
            "commune": { "scheme": "ADMIN_SCHEME_GSO_PRE2025", "code": "30742" },
            "full_name": "Danh Thị Mẫu",
            "birth_date": { "year": 2018, "month": 4, "day": 2, "precision": "DATE_PRECISION_DAY" },
            "sex": "SEX_FEMALE",
            "changed_at": "2026-01-02T03:04:05Z",
        });

        let encoded = read_record(RecordKind::Child, &record).expect("a record");

        let draft = read_child(&encoded).expect("readable");
        assert_eq!(draft.full_name, "Danh Thị Mẫu");
        assert_eq!(draft.sex, 2);
        assert!(draft.changed_at.is_some());
    }

    #[test]
    fn what_is_no_record_is_told_by_its_place_and_not_by_its_value() {
        for record in [
            json!({ "full_name": 7 }),
            json!({ "birth_date": { "year": "Bí Mật" } }),
            json!({ "no_such_field": "Bí Mật" }),
            json!(["Bí Mật"]),
        ] {
            let error = read_record(RecordKind::Child, &record).expect_err("unreadable");

            assert!(!error.to_string().contains("Mật"), "{error}");
            assert!(error.path.starts_with("record"), "{error}");
        }
    }
}
