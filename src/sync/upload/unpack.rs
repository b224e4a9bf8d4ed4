//! From chunks to changes: unpacking within limits, one change at a time.

use std::io::{self, BufRead, BufReader, Read};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

use super::UNPACKED_BYTES_MAX;
use crate::domain::upload::{Manifest, Packing, UploadFault};

/// Largest encoded change, in bytes. A record of more than 64 KiB is one record's outcome; what is larger
/// than this is no record at all.
const FRAME_BYTES_MAX: u64 = 1024 * 1024;
/// Largest window of Zstandard, as a logarithm: 8 MiB of memory.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Bytes that are unpacked at a time.
const BUFFER_BYTES: usize = 64 * 1024;

/// The bytes of an upload, as they come from the database, for a thread that may wait.
pub(super) struct Chunks {
    coming: mpsc::Receiver<Bytes>,
    current: Bytes,
    digest: blake3::Hasher,
}

impl Chunks {
    pub(super) fn new(chunks: mpsc::Receiver<Bytes>) -> Self {
        Self {
            coming: chunks,
            current: Bytes::new(),
            digest: blake3::Hasher::new(),
        }
    }

    /// Reads to the end and gives the hash of everything.
    fn digest(mut self) -> [u8; 32] {
        while let Some(chunk) = self.coming.blocking_recv() {
            self.digest.update(&chunk);
        }
        *self.digest.finalize().as_bytes()
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let Some(chunk) = self.coming.blocking_recv() else {
                return Ok(0);
            };
            self.digest.update(&chunk);
            self.current = chunk;
        }
        let length = self.current.len().min(buffer.len());
        if let Some(part) = buffer.get_mut(..length) {
            self.current.copy_to_slice(part);
        }
        Ok(length)
    }
}

/// The encoded changes of an upload, one after the other.
pub(super) struct Frames<'a> {
    bytes: Box<dyn BufRead + 'a>,
    unpacked: u64,
}

impl<'a> Frames<'a> {
    pub(super) fn new(chunks: &'a mut Chunks, packing: Packing) -> Result<Self, UploadFault> {
        let bytes: Box<dyn BufRead + 'a> = match packing {
            Packing::Plain => Box::new(BufReader::with_capacity(BUFFER_BYTES, chunks)),
            Packing::Gzip => {
                let unpacked = flate2::read::MultiGzDecoder::new(chunks);
                Box::new(BufReader::with_capacity(BUFFER_BYTES, unpacked))
            }
            Packing::Zstd => {
                let unpacked = zstd::stream::read::Decoder::new(chunks);
                let mut unpacked = unpacked.map_err(|_| UploadFault::NotUnpackable)?;
                let limited = unpacked.window_log_max(ZSTD_WINDOW_LOG_MAX);
                limited.map_err(|_| UploadFault::NotUnpackable)?;
                Box::new(BufReader::with_capacity(BUFFER_BYTES, unpacked))
            }
        };
        Ok(Self { bytes, unpacked: 0 })
    }

    /// The next change, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, UploadFault> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        let mut frame = Vec::with_capacity(length);
        self.take(length, |part| frame.extend_from_slice(part))?;
        Ok(Some(frame.into()))
    }

    /// Passes over the next change; false at the end.
    pub(super) fn skip(&mut self) -> Result<bool, UploadFault> {
        let Some(length) = self.length()? else {
            return Ok(false);
        };
        self.take(length, |_| ())?;
        Ok(true)
    }

    /// Bytes that came out so far.
    pub(super) fn unpacked(&self) -> u64 {
        self.unpacked
    }

    /// Length of the next change, a varint of at most four bytes.
    fn length(&mut self) -> Result<Option<usize>, UploadFault> {
        let mut value = 0_u64;
        for shift in [0_u32, 7, 14, 21] {
            let Some(byte) = self.byte()? else {
                let is_end = shift == 0;
                return if is_end {
                    Ok(None)
                } else {
                    Err(UploadFault::FrameBroken)
                };
            };
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if value > FRAME_BYTES_MAX {
                    return Err(UploadFault::FrameBroken);
                }
                return Ok(usize::try_from(value).ok());
            }
        }
        Err(UploadFault::FrameBroken)
    }

    fn byte(&mut self) -> Result<Option<u8>, UploadFault> {
        let first = self.filled()?.first().copied();
        self.consumed(usize::from(first.is_some()))?;
        Ok(first)
    }

    fn take(&mut self, mut length: usize, mut each: impl FnMut(&[u8])) -> Result<(), UploadFault> {
        while length > 0 {
            let part = self.filled()?;
            let part = part.get(..length.min(part.len())).unwrap_or_default();
            if part.is_empty() {
                return Err(UploadFault::FrameBroken);
            }
            each(part);
            let taken = part.len();
            self.consumed(taken)?;
            length -= taken;
        }
        Ok(())
    }

    fn filled(&mut self) -> Result<&[u8], UploadFault> {
        self.bytes
            .fill_buf()
            .map_err(|_| UploadFault::NotUnpackable)
    }

    fn consumed(&mut self, bytes: usize) -> Result<(), UploadFault> {
        self.bytes.consume(bytes);
        self.unpacked += u64::try_from(bytes).unwrap_or(u64::MAX);
        if self.unpacked > UNPACKED_BYTES_MAX {
            return Err(UploadFault::UnpackedTooLarge);
        }
        Ok(())
    }
}

/// Whether the bytes are those of the manifest and hold as many changes as it says, in no more than
/// `unpacked_max` bytes. Before this is known, nothing is taken in.
pub(super) fn verify(
    chunks: mpsc::Receiver<Bytes>,
    manifest: &Manifest,
    unpacked_max: u64,
) -> Result<(), UploadFault> {
    let mut chunks = Chunks::new(chunks);
    let counted = count(&mut chunks, manifest, unpacked_max);
    // Bytes that are not the node's own are no reason to find fault with what they say.
    if chunks.digest() != manifest.digest {
        return Err(UploadFault::DigestDiffers);
    }
    counted
}

fn count(chunks: &mut Chunks, manifest: &Manifest, unpacked_max: u64) -> Result<(), UploadFault> {
    let mut frames = Frames::new(chunks, manifest.packing)?;
    let mut records = 0;
    while frames.skip()? {
        records += 1;
        if records > manifest.records {
            return Err(UploadFault::CountDiffers);
        }
        if frames.unpacked() > unpacked_max {
            return Err(UploadFault::UnpackedTooLarge);
        }
    }
    if records == manifest.records {
        Ok(())
    } else {
        Err(UploadFault::CountDiffers)
    }
}
