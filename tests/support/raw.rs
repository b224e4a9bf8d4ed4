//! Calls with bytes of the test's choice.

use childsync::grpc::proto::v1::PushResponse;
use tonic::Status;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic_prost::ProstCodec;

/// Sends bytes as they are and reads a `PushResponse`.
pub(crate) struct RawCodec;

/// The sending half.
pub(crate) struct RawEncoder;

impl Codec for RawCodec {
    type Encode = Vec<u8>;
    type Decode = PushResponse;
    type Encoder = RawEncoder;
    type Decoder = <ProstCodec<PushResponse, PushResponse> as Codec>::Decoder;

    fn encoder(&mut self) -> Self::Encoder {
        RawEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<PushResponse, PushResponse>::default().decoder()
    }
}

impl Encoder for RawEncoder {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(buffer, &bytes);
        Ok(())
    }
}
