//! Messages one after the other, each behind its length, packed with zstd.

use std::io::{Read, Write};

use bytes::Bytes;
use prost::Message;
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

use super::BundleFileError;

/// Level of Zstandard: the fastest one that packs names well.
const ZSTD_LEVEL: i32 = 3;
/// Largest window of packed bytes, as a power of two: what level 3 uses at most.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Packs messages.
pub(super) struct Packer {
    bytes: Encoder<'static, Vec<u8>>,
    unpacked: u64,
    frame: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> Result<Self, BundleFileError> {
        let bytes = Encoder::new(Vec::new(), ZSTD_LEVEL).map_err(|_| BundleFileError::Packing)?;
        Ok(Self {
            bytes,
            unpacked: 0,
            frame: Vec::new(),
        })
    }

    pub(super) fn add(&mut self, message: &impl Message) -> Result<(), BundleFileError> {
        self.frame.clear();
        message
            .encode_length_delimited(&mut self.frame)
            .map_err(|_| BundleFileError::Packing)?;
        self.unpacked += u64::try_from(self.frame.len()).map_err(|_| BundleFileError::Packing)?;
        self.bytes
            .write_all(&self.frame)
            .map_err(|_| BundleFileError::Packing)
    }

    /// Bytes so far, before packing.
    pub(super) const fn unpacked(&self) -> u64 {
        self.unpacked
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, BundleFileError> {
        self.bytes.finish().map_err(|_| BundleFileError::Packing)
    }
}

/// Unpacks messages, as many of them and as many bytes as there may be and no more.
pub(super) fn unpack<M: Message + Default>(
    packed: &[u8],
    bytes_max: u64,
    messages_max: u64,
) -> Result<Vec<M>, BundleFileError> {
    let mut decoder = Decoder::new(packed).map_err(|_| BundleFileError::Content)?;
    decoder
        .window_log_max(ZSTD_WINDOW_LOG_MAX)
        .map_err(|_| BundleFileError::Content)?;
    let mut unpacked = Vec::new();
    let read = decoder.take(bytes_max + 1).read_to_end(&mut unpacked);
    let read = read.map_err(|_| BundleFileError::Content)?;
    if u64::try_from(read).is_ok_and(|read| read > bytes_max) {
        return Err(BundleFileError::TooLarge);
    }
    let (mut rest, mut messages) = (Bytes::from(unpacked), Vec::new());
    let messages_max = usize::try_from(messages_max).unwrap_or(usize::MAX);
    while !rest.is_empty() {
        // An empty message is one byte here and a hundred in memory.
        if messages.len() == messages_max {
            return Err(BundleFileError::Content);
        }
        let message = M::decode_length_delimited(&mut rest);
        messages.push(message.map_err(|_| BundleFileError::Content)?);
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::proto::v1::BundleEntry;

    fn entries(count: u64) -> Vec<BundleEntry> {
        let entry = |state| BundleEntry {
            state,
            change: None,
        };
        (1..=count).map(entry).collect()
    }

    #[test]
    fn messages_come_back_in_their_order_and_no_more_of_them_than_allowed() {
        let mut packer = Packer::new().expect("a packer");
        for entry in entries(1_000) {
            packer.add(&entry).expect("packed");
        }
        let unpacked = packer.unpacked();
        let packed = packer.finish().expect("packed");

        let read: Vec<BundleEntry> = unpack(&packed, unpacked, 1_000).expect("read");
        assert!(read == entries(1_000));
        let refused = unpack::<BundleEntry>(&packed, unpacked - 1, 1_000).map(|_| ());
        assert_eq!(refused, Err(BundleFileError::TooLarge));
        let refused = unpack::<BundleEntry>(&packed, unpacked, 999).map(|_| ());
        assert_eq!(refused, Err(BundleFileError::Content));
        let refused = unpack::<BundleEntry>(b"no zstd", unpacked, 1_000).map(|_| ());
        assert_eq!(refused, Err(BundleFileError::Content));
    }
}
