//! The backup job: a copy of the SQLite database for each tick, and the newest few of them.
//!
//! A copy holds contents as they are stored, sealed, and not the sealing key: without a copy of that key, kept
//! elsewhere, no backup can be read.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

use super::{Finished, HeldTick, Work, WorkError};
use crate::domain::clock::Timestamp;
use crate::domain::job::Counts;
use crate::security::directory::make_private_folder;
use crate::store::Store;

/// How the due time stands in the name of a copy, in UTC.
const DUE: &[FormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second].[subsecond digits:6]Z");
/// What the name of a copy ends with.
const ENDING: &str = ".db";
/// What the name of a copy that is being made ends with.
const UNFINISHED: &str = ".unfinished";

/// Copies the database into a folder, and removes all but the newest copies.
pub struct Backup {
    /// The hub's database.
    pub store: Store,
    /// Name of the hub; its copies begin with it.
    pub hub: String,
    /// Where the copies are put.
    pub folder: PathBuf,
    /// How many are kept.
    pub copies: u32,
}

impl Work for Backup {
    fn run<'a>(&'a self, tick: &'a HeldTick) -> BoxFuture<'a, Result<Finished, WorkError>> {
        Box::pin(self.back_up(tick))
    }
}

impl Backup {
    async fn back_up(&self, tick: &HeldTick) -> Result<Finished, WorkError> {
        let name = self.name(tick.key.due)?;
        let file = self.folder.join(&name);
        // Another name for each runner of a tick: one that slept must not write into the copy of another.
        let unfinished = self
            .folder
            .join(format!("{name}.{}{UNFINISHED}", tick.attempt()));
        make_private_folder(&self.folder).map_err(|error| WorkError::Failed(error.to_string()))?;
        self.remove_unfinished().map_err(|error| disk(&error))?;
        make_empty(&unfinished).map_err(|error| disk(&error))?;
        if !self.store.copy_to(&unfinished).await? {
            let problem = "BACKUP: only SQLite is copied; use pg_dump or continuous archiving";
            return Err(WorkError::Failed(problem.to_owned()));
        }
        // The copy gets its name, and older ones go, while the tick is surely ours.
        let transaction = tick.begin().await?;
        let bytes = finish(&unfinished, &file).map_err(|error| disk(&error))?;
        let kept = self.rotate().map_err(|error| disk(&error))?;
        Ok(Finished {
            transaction,
            counts: Counts::of(&[("bytes", bytes), ("copies", kept)]),
        })
    }

    fn name(&self, due: Timestamp) -> Result<String, WorkError> {
        let unnamed = || WorkError::Failed("BACKUP: the due time cannot be written".to_owned());
        let due = OffsetDateTime::from_unix_timestamp_nanos(i128::from(due.as_micros()) * 1_000);
        let due = due.ok().and_then(|due| due.format(DUE).ok());
        Ok(format!("{}-{}{ENDING}", self.hub, due.ok_or_else(unnamed)?))
    }

    /// Whether a file is a copy of this hub: a folder may hold those of others, and other files.
    fn is_copy(&self, name: &str) -> bool {
        let due = name
            .strip_prefix(self.hub.as_str())
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|rest| rest.strip_suffix(ENDING));
        due.is_some_and(|due| time::PrimitiveDateTime::parse(due, DUE).is_ok())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.folder)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    fn remove_unfinished(&self) -> io::Result<()> {
        for name in self.names()? {
            let copy = name
                .strip_suffix(UNFINISHED)
                .and_then(|name| name.rsplit_once('.'));
            if copy.is_some_and(|(copy, _)| self.is_copy(copy)) {
                fs::remove_file(self.folder.join(name))?;
            }
        }
        Ok(())
    }

    /// Removes all but the newest copies, and says how many are left.
    fn rotate(&self) -> io::Result<i64> {
        let mut copies = self.names()?;
        copies.retain(|name| self.is_copy(name));
        // Due times sort as they are written.
        copies.sort_unstable_by(|one, other| other.cmp(one));
        let kept = usize::try_from(self.copies)
            .unwrap_or(usize::MAX)
            .min(copies.len());
        for name in copies.iter().skip(kept) {
            fs::remove_file(self.folder.join(name))?;
        }
        Ok(i64::try_from(kept).unwrap_or(i64::MAX))
    }
}

/// An empty file that only its owner may read.
fn make_empty(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    made.map(drop)
}

/// Makes a copy durable under its name, and says how long it is.
fn finish(unfinished: &Path, file: &Path) -> io::Result<i64> {
    let copy = File::open(unfinished)?;
    copy.sync_all()?;
    fs::rename(unfinished, file)?;
    if let Some(folder) = file.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(i64::try_from(copy.metadata()?.len()).unwrap_or(i64::MAX))
}

fn disk(error: &io::Error) -> WorkError {
    WorkError::Failed(format!("DISK: {error}"))
}
