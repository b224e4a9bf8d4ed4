//! What every way in shares, apart from the contract's own: changes of programs and files, with or
//! without a version, are examined and kept as those of `Push` are.

use std::sync::Arc;

use super::keeper::Keeper;
use super::settle::{Incoming, Kept, Numbering};
use crate::sync::ingest::{Examiner, IncomingBody, IncomingChange, IngestError};

/// Changes of one request at most.
pub const INTAKE_CHANGES_MAX: usize = 100;

/// A change of a program or a file.
#[derive(Clone, Debug)]
pub struct LocalChange {
    /// The record id as text.
    pub record_id: String,
    /// The version, where the source gives one.
    pub version: Option<u64>,
    /// What it says.
    pub body: IncomingBody,
    /// Ids, as text, of records that are other children.
    pub different_from: Vec<String>,
}

/// The way in for programs and files of this machine.
#[derive(Clone)]
pub struct Intake {
    /// Looks at each change.
    pub examiner: Arc<Examiner>,
    /// Keeps them.
    pub keeper: Keeper,
}

impl Intake {
    /// Keeps changes; returns after they are durable, with what became of each, in order.
    pub async fn keep(&self, changes: Vec<LocalChange>) -> Result<Vec<Kept>, IngestError> {
        let incoming = changes.into_iter().map(|change| {
            let numbering = match change.version {
                Some(_) => Numbering::Client,
                None => Numbering::Agent,
            };
            let examined = self.examiner.examine(IncomingChange {
                record_id: change.record_id,
                // Where the agent gives the version, it does so when it knows which one it holds.
                version: change.version.unwrap_or(1),
                body: change.body,
                different_from: change.different_from,
            })?;
            Ok(Incoming {
                examined,
                numbering,
            })
        });
        let incoming: Result<Vec<_>, IngestError> = incoming.collect();
        self.keeper.keep(incoming?).await
    }
}
