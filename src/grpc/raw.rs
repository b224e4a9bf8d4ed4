//! A message left as the bytes that were sent.

use bytes::{Buf, BufMut};
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_varint, encode_key, encode_varint};

/// A message that is not decoded: it takes in and gives out every field as it was sent, known or not.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct RawMessage(pub Vec<u8>);

impl std::fmt::Debug for RawMessage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RawMessage({} bytes, redacted)", self.0.len())
    }
}

impl prost::Message for RawMessage {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        buffer.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        _: DecodeContext,
    ) -> Result<(), DecodeError> {
        let bytes = &mut self.0;
        encode_key(tag, wire_type, bytes);
        let length = match wire_type {
            WireType::Varint => {
                encode_varint(decode_varint(buffer)?, bytes);
                0
            }
            WireType::ThirtyTwoBit => 4,
            WireType::SixtyFourBit => 8,
            WireType::LengthDelimited => {
                let length = decode_varint(buffer)?;
                encode_varint(length, bytes);
                usize::try_from(length).map_err(|_| truncated())?
            }
            WireType::StartGroup | WireType::EndGroup => {
                #[expect(deprecated, reason = "prost has no other way to make this error")]
                return Err(DecodeError::new("a record has no groups"));
            }
        };
        if buffer.remaining() < length {
            return Err(truncated());
        }
        bytes.put(buffer.take(length));
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

fn truncated() -> DecodeError {
    #[expect(deprecated, reason = "prost has no other way to make this error")]
    DecodeError::new("a field is longer than its message")
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::grpc::proto::record::ChildRecord;

    #[test]
    fn a_message_comes_out_as_it_went_in_unknown_fields_included() {
        let mut sent = ChildRecord {
            village: "Ấp Thử".into(),
            ..ChildRecord::default()
        }
        .encode_to_vec();
        sent.extend_from_slice(&[0x98, 0x3f, 0x05, 0xa2, 0x3f, 0x02, 0x0a, 0x00]);

        let raw = RawMessage::decode(sent.as_slice()).expect("well-formed");

        assert_eq!(raw.encode_to_vec(), sent);
    }

    #[test]
    fn a_truncated_message_is_an_error() {
        assert!(RawMessage::decode([0x12, 0x05, 0x41].as_slice()).is_err());
    }
}
