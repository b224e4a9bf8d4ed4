//! An upstream without a line: a folder of bundles, sealed to the hub above, that somebody carries there.
//!
//! A record is answered when the bundle that holds it is durable in the folder under its name. That the hub above
//! took it is not known here; it is what the receipt says that the hub gives for the bundle.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::bundle_file::{BundleFileError, BundleTerms, BundleWriter, HubCard};
use super::hub_upstream::write_change;
use crate::domain::clock::Clock;
use crate::domain::node::NodeName;
use crate::domain::record::Lane;
use crate::security::hpke::HpkePrivate;
use crate::security::live::LiveIdentity;
use crate::sync::forward::{
    Answer, BatchEntry, OutgoingChange, ReceiptError, SealedBatch, SignedReceipt, Upstream,
    UpstreamError,
};

/// What the names of bundles end with.
pub const BUNDLE_ENDING: &str = "bundle";
/// What the names of files end with that are not whole yet.
const UNFINISHED_ENDING: &str = "unfinished";

/// A folder into which batches go as bundles.
pub struct BundleDirectory {
    /// The folder.
    pub folder: PathBuf,
    /// Who writes.
    pub node: NodeName,
    /// Signs.
    pub identity: Arc<LiveIdentity>,
    /// Whom the bundles are for.
    pub card: HubCard,
    /// Says what time it is, for people only.
    pub clock: Arc<dyn Clock>,
    /// Names bundles.
    pub fresh_id: fn() -> Uuid,
}

/// Records of one bundle.
struct Part {
    writer: BundleWriter,
    names: blake3::Hasher,
    answers: Vec<Answer>,
}

impl Part {
    fn new() -> Result<Self, BundleFileError> {
        Ok(Self {
            writer: BundleWriter::new()?,
            names: blake3::Hasher::new(),
            answers: Vec::new(),
        })
    }

    /// Adds a record, or says that there is no room for it.
    fn add(&mut self, lane: Lane, change: &OutgoingChange) -> Result<bool, BundleFileError> {
        let state = self.writer.records() + 1;
        if !self.writer.add(lane, state, write_change(change.clone()))? {
            return Ok(false);
        }
        self.names.update(change.golden_id.as_uuid().as_bytes());
        self.names.update(&change.version.as_i64().to_be_bytes());
        self.answers.push(Answer::Accepted);
        Ok(true)
    }
}

impl BundleDirectory {
    /// Makes a bundle durable and gives the answers of its records.
    async fn keep(&self, batch: &SealedBatch, part: Part) -> Result<Vec<Answer>, UpstreamError> {
        // The same records under the same versions have the same name: what is there is not written again.
        let names = part.names.finalize().to_hex();
        let names = names.get(..16).unwrap_or_default();
        let path = format!(
            "batch-{:010}-{names}.{BUNDLE_ENDING}",
            batch.manifest.number
        );
        let path = self.folder.join(path);
        let reply = HpkePrivate::generate().and_then(|key| key.public());
        let bytes = part.writer.finish(&BundleTerms {
            bundle: (self.fresh_id)(),
            node: &self.node,
            identity: &self.identity.current(),
            card: &self.card,
            reply: reply.map_err(|_| UpstreamError::Nonsense("no key could be made"))?,
            made_at: self.clock.now(),
        });
        let bytes = bytes.map_err(unpackable)?;
        let kept = tokio::task::spawn_blocking(move || keep_file(&path, &bytes)).await;
        match kept {
            Ok(Ok(())) => Ok(part.answers),
            Ok(Err(error)) => Err(unwritable(&error)),
            Err(_) => Err(UpstreamError::Unreachable("writing broke off".to_owned())),
        }
    }
}

impl Upstream for BundleDirectory {
    async fn push(
        &mut self,
        batch: &SealedBatch,
        changes: Vec<OutgoingChange>,
        answered: &mut Vec<Answer>,
    ) -> Result<(), UpstreamError> {
        let mut part = Part::new().map_err(unpackable)?;
        for change in changes {
            if part.add(batch.manifest.lane, &change).map_err(unpackable)? {
                continue;
            }
            let full = std::mem::replace(&mut part, Part::new().map_err(unpackable)?);
            answered.extend(self.keep(batch, full).await?);
            part.add(batch.manifest.lane, &change).map_err(unpackable)?;
        }
        if !part.answers.is_empty() {
            answered.extend(self.keep(batch, part).await?);
        }
        Ok(())
    }

    /// The receipt for a bundle is carried back to a person.
    async fn receipt(
        &mut self,
        _batch: &SealedBatch,
        _entries: &[BatchEntry],
    ) -> Result<Option<SignedReceipt>, ReceiptError> {
        Ok(None)
    }
}

/// Puts a file under its name, whole and durable, unless it is there already.
fn keep_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if !path.try_exists()? {
        let unfinished = path.with_extension(UNFINISHED_ENDING);
        let mut file = std::fs::File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)?;
    }
    // Also where it was there: whoever wrote it may have died before this.
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

fn unpackable(_: BundleFileError) -> UpstreamError {
    UpstreamError::Nonsense("the bundle cannot be written")
}

fn unwritable(error: &io::Error) -> UpstreamError {
    let of = |kinds: [io::ErrorKind; 2]| kinds.contains(&error.kind());
    let reason = if of([io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded]) {
        "DISK_FULL"
    } else if of([io::ErrorKind::NotFound, io::ErrorKind::NotADirectory]) {
        "FOLDER_MISSING"
    } else if of([
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::ReadOnlyFilesystem,
    ]) {
        "FOLDER_READ_ONLY"
    } else {
        "FOLDER_UNUSABLE"
    };
    UpstreamError::Refused {
        reason: reason.to_owned(),
        retry_after: None,
    }
}
