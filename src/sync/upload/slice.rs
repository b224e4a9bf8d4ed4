//! Reading an upload slice by slice: unpacked and examined by a thread of its own while the slice before
//! is being written.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::unpack::{Chunks, Frames};
use crate::domain::record::RecordId;
use crate::domain::upload::{Packing, UploadFault};
use crate::sync::ingest::examine::Examined;
use crate::sync::ingest::{Examiner, IngestError, Reason};

/// Records of one slice at most: what one transaction takes in.
const SLICE_RECORDS: usize = 4_000;
/// Encoded bytes of one slice, at which it ends.
const SLICE_BYTES: usize = 4 * 1024 * 1024;

/// A change of an upload that was examined.
pub(super) struct Looked {
    pub(super) record_id: Option<RecordId>,
    pub(super) version: u64,
    pub(super) examined: Examined,
}

/// Changes that are taken in together.
pub(super) struct Slice {
    /// Position of the first one in the upload.
    pub(super) first: u64,
    pub(super) looked: Vec<Looked>,
}

/// Which records an upload lists, whatever became of them.
#[derive(Default)]
pub(super) struct Listed {
    ids: HashSet<RecordId>,
    /// Whether the id of a record could not be read: then what is missing cannot be told for sure.
    pub(super) is_incomplete: bool,
}

impl Listed {
    pub(super) fn has(&self, id: RecordId) -> bool {
        self.ids.contains(&id)
    }

    fn add(&mut self, id: Option<RecordId>) {
        match id {
            Some(id) => drop(self.ids.insert(id)),
            None => self.is_incomplete = true,
        }
    }
}

/// Why reading ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// Bytes that were verified cannot be read any more.
    #[error(transparent)]
    Fault(#[from] UploadFault),
    /// A record could not be examined.
    #[error(transparent)]
    Examining(#[from] IngestError),
}

/// What reads the changes of one upload.
pub(super) struct SliceReader {
    pub(super) examiner: Arc<Examiner>,
    pub(super) packing: Packing,
    /// Changes at the beginning that are dealt with: only their ids are asked for.
    pub(super) done: u64,
    /// Whether anybody will ask what is listed.
    pub(super) lists: bool,
}

impl SliceReader {
    /// Reads everything and gives the slices away as they are ready; ends early when nobody wants more.
    pub(super) fn read(
        &self,
        chunks: mpsc::Receiver<Bytes>,
        slices: &mpsc::Sender<Slice>,
    ) -> Result<Listed, ReadError> {
        let mut chunks = Chunks::new(chunks);
        let mut frames = Frames::new(&mut chunks, self.packing)?;
        let (mut listed, mut position, mut bytes) = (Listed::default(), 0, 0);
        let mut slice = Vec::new();
        while let Some(frame) = frames.next()? {
            let is_done = position < self.done;
            position += 1;
            if is_done && !self.lists {
                continue;
            }
            bytes += frame.len();
            let looked = self.look(frame, is_done)?;
            if self.lists {
                listed.add(looked.record_id);
            }
            if is_done {
                bytes = 0;
                continue;
            }
            slice.push(looked);
            if slice.len() >= SLICE_RECORDS || bytes >= SLICE_BYTES {
                bytes = 0;
                let full = std::mem::take(&mut slice);
                if !give(slices, position, full) {
                    return Ok(listed);
                }
            }
        }
        if !slice.is_empty() {
            give(slices, position, slice);
        }
        Ok(listed)
    }

    fn look(&self, frame: Bytes, only_id: bool) -> Result<Looked, IngestError> {
        let Ok(change) = self.examiner.codec.read_change(frame) else {
            return Ok(Looked {
                record_id: None,
                version: 0,
                examined: Examined::Refuse(Reason::ContentUnreadable),
            });
        };
        let (record_id, version) = (change.record_id.parse().ok(), change.version);
        let examined = if only_id {
            Examined::Refuse(Reason::ContentMissing)
        } else {
            self.examiner.examine(change)?
        };
        Ok(Looked {
            record_id,
            version,
            examined,
        })
    }
}

/// Gives a slice whose last change is before `end` away; false when nobody wants it.
fn give(slices: &mpsc::Sender<Slice>, end: u64, looked: Vec<Looked>) -> bool {
    let length = u64::try_from(looked.len()).unwrap_or(u64::MAX);
    let first = end.saturating_sub(length);
    slices.blocking_send(Slice { first, looked }).is_ok()
}
