//! An identity folder that is followed while the program runs: a new certificate, a new CA and a
//! revocation list count without a restart.
//!
//! The files are looked at twice a second rather than watched: network drives and mounted secrets, whose
//! folders are swapped as a whole, tell nobody of their changes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::directory::{
    CA_FILE, CERTIFICATE_FILE, DirectoryError, IdentityDirectory, KEY_FILE, LISTS_FILE,
    SIGNING_CERTIFICATE_FILE, SIGNING_KEY_FILE,
};

/// How often the files are looked at.
pub const LOOK_MILLISECONDS: u64 = 500;

/// The identity of a participant as it is now.
pub struct LiveIdentity {
    folder: PathBuf,
    current: watch::Sender<Arc<IdentityDirectory>>,
}

/// What tells that a file is another one than before.
type Mark = Option<(SystemTime, u64, u64)>;

/// What tells that something in a folder is another file than before.
type Marks = [Mark; 6];

impl LiveIdentity {
    /// Reads a folder; nothing is followed until `follow` runs.
    pub fn read(folder: &Path) -> Result<Self, DirectoryError> {
        let (current, _) = watch::channel(Arc::new(IdentityDirectory::read(folder)?));
        Ok(Self {
            folder: folder.to_owned(),
            current,
        })
    }

    /// The identity now.
    pub fn current(&self) -> Arc<IdentityDirectory> {
        Arc::clone(&self.current.borrow())
    }

    /// Tells of every further change.
    pub fn changes(&self) -> watch::Receiver<Arc<IdentityDirectory>> {
        self.current.subscribe()
    }

    /// Follows the folder until it is told to stop. What cannot be read, or names somebody else, changes
    /// nothing and is told in the log: one file may be there before the other one.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut known = None;
        let look = Duration::from_millis(LOOK_MILLISECONDS);
        while !stop.is_cancelled() {
            let (this, before) = (Arc::clone(&self), known);
            let looked = tokio::task::spawn_blocking(move || this.look(before)).await;
            known = looked.ok().or(known);
            stop.run_until_cancelled(tokio::time::sleep(look)).await;
        }
    }

    /// Takes over what has changed and gives what the files look like.
    fn look(&self, known: Option<Marks>) -> Marks {
        let files = [
            CERTIFICATE_FILE,
            KEY_FILE,
            CA_FILE,
            LISTS_FILE,
            SIGNING_CERTIFICATE_FILE,
            SIGNING_KEY_FILE,
        ];
        let marks = files.map(|file| mark(&self.folder.join(file)));
        if known == Some(marks) {
            return marks;
        }
        match IdentityDirectory::read(&self.folder) {
            Ok(read) if read.identity != self.current.borrow().identity => {
                tracing::warn!(
                    identity.new = %read.identity,
                    "The identity folder names somebody else now; the former certificate stays in use"
                );
            }
            // The first look comes after the folder was read: it may have changed in between.
            Ok(read) => {
                if known.is_some() {
                    tracing::info!(identity = %read.identity, "The identity folder was read again");
                }
                self.current.send_replace(Arc::new(read));
            }
            Err(error) => {
                tracing::warn!(
                    error = %error,
                    "The identity folder cannot be read; what was read before stays in use"
                );
            }
        }
        marks
    }
}

fn mark(path: &Path) -> Mark {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}
