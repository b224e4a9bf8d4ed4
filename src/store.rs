//! The only room that names sqlx: every SQL statement, for SQLite and PostgreSQL.
//!
//! A [`Store`] hands out transactions; every read and write is a method of [`Transaction`], written
//! once for both engines. What differs between the engines stands in `store/sql.rs` and
//! `store/bulk.rs`, side by side. A method takes and gives domain types; what the database holds of
//! a child is sealed before it comes here.

mod agent;
mod batches;
mod bulk;
mod bundles;
mod comparisons;
mod custody;
mod decisions;
mod engine;
mod error;
mod forward;
mod forward_policy;
mod golden_history;
mod golden_records;
mod jobs;
mod key_proof;
mod leases;
mod migrations;
mod models;
mod nodes;
mod quarantine;
mod relations;
mod source_records;
mod sql;
mod status;
mod submissions;
mod tier_words;
mod units;
mod upload_content;
mod uploads;

pub use agent::{
    AgentPosition, AgentRecord, AgentStore, AgentStoreOptions, AgentTransaction, Answered, BulkRow,
    CorrectionCount, MadeBundle, OwnKey, QueuedState, SentState,
};
pub use batches::{BatchLetters, NewReceivedBatch, ReceivedBatch, SentBatch, Submitted};
pub use bundles::{BundleRow, ImportedBundle};
pub use comparisons::{ComparisonRow, GoldenContent, NewComparison, Resend};
pub use custody::{TracedBatch, TracedVersion};
pub use decisions::{DecisionRow, ReviewOrder, ReviewRow};
pub use engine::{Store, StoreOptions};
pub use error::StoreError;
pub use forward::{ForwardBatch, ForwarderHealth, NewForwardBatch, Receipt, Refusal};
pub use forward_policy::ForwardPolicyState;
pub use golden_history::{AliasCause, AliasKind, AliasRow, GoldenVersion};
pub use golden_records::{GoldenChange, GoldenRow, GoldenState};
pub use jobs::{EndedTick, JobRow, TickRow, TickState};
pub use leases::{Lease, LeaseName};
pub use models::{ModelOrigin, ModelRow, RelinkProgress};
pub use nodes::{NodeRow, Registration};
pub use quarantine::Quarantined;
pub use source_records::{FeedRow, Member, MovedRow, SourceRow, SourceState};
pub use status::{HubCounts, NodeCounts};
pub use submissions::{HeldVersion, LogEntry, NewSubmission, Tally};
pub use tier_words::SealedContents;
pub use units::{NodeTerritory, Placement, PlacementTask, UnitActRow, UnitProgress};
pub use upload_content::{Entry, NewestSubmission};
pub use uploads::{HeldUpload, Received, UploadKey, UploadProgress, UploadRow};

use sqlx::{Postgres, Sqlite};

/// One transaction on either engine. Dropped without [`Transaction::commit`], it is rolled back.
#[derive(Debug)]
pub struct Transaction {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    /// Makes everything this transaction wrote durable, or fails and leaves nothing of it.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Sqlite(transaction) => transaction.commit().await?,
            Inner::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}

/// Runs one body on whichever engine the transaction is of, with `$conn` bound to its connection.
macro_rules! on_conn {
    ($transaction:expr, |$conn:ident| $body:expr) => {
        match &mut $transaction.inner {
            crate::store::Inner::Sqlite(transaction) => {
                let $conn = &mut **transaction;
                $body
            }
            crate::store::Inner::Postgres(transaction) => {
                let $conn = &mut **transaction;
                $body
            }
        }
    };
}
use on_conn;

/// Picks the text of a statement that cannot be the same on both engines.
impl Transaction {
    fn text(&self, statement: sql::Pair) -> &'static str {
        match self.inner {
            Inner::Sqlite(_) => statement.sqlite,
            Inner::Postgres(_) => statement.postgres,
        }
    }
}
