//! A hub as the lower end: its golden records, and the reconciler that has them sent again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::lower::LowerEnd;
use crate::domain::comparison::{Difference, Entry, LowerRecord};
use crate::domain::golden::GoldenId;
use crate::domain::record::{Lane, RecordId, RecordKind, Version};
use crate::store::{Resend, Store, StoreError};
use crate::sync::signals::Signals;

/// How long a comparison waits for receipts while none comes.
pub const SETTLE_SECONDS_MAX: u64 = 60;
/// Records that are asked for again in one transaction.
const RESENDS_OF_A_TRANSACTION: usize = 5_000;

/// A hub below another.
#[derive(Clone)]
pub struct HubEnd {
    /// Its database.
    pub store: Store,
    /// Wakes the reconciler, and tells when golden records have changed.
    pub signals: Arc<Signals>,
}

/// How far sending is: records to be sent again, and the last receipted change of each lane.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Progress {
    resends: i64,
    positions: [i64; 2],
}

impl HubEnd {
    async fn progress(&self) -> Result<Progress, StoreError> {
        let mut reading = self.store.read().await?;
        let mut positions = [0; 2];
        for (lane, position) in Lane::ALL.into_iter().zip(&mut positions) {
            *position = reading.forward_position(lane).await?;
        }
        let resends = reading.count_resends().await?;
        Ok(Progress { resends, positions })
    }

    async fn heads(&self) -> Result<[i64; 2], StoreError> {
        let mut reading = self.store.read().await?;
        let mut heads = [0; 2];
        for (lane, head) in Lane::ALL.into_iter().zip(&mut heads) {
            *head = reading.change_head(lane).await?;
        }
        Ok(heads)
    }

    /// Waits until it is true of the progress, or nothing has moved for long.
    async fn until(&self, reached: impl Fn(&Progress) -> bool) -> Result<(), StoreError> {
        let mut changes = self.signals.changes.listen();
        let mut last = self.progress().await?;
        let mut moved = Instant::now();
        while !reached(&last) && moved.elapsed() < Duration::from_secs(SETTLE_SECONDS_MAX) {
            changes.heard_within(Duration::from_millis(50)).await;
            let now = self.progress().await?;
            if now != last {
                (last, moved) = (now, Instant::now());
            }
        }
        if !reached(&last) {
            tracing::warn!(
                resends = last.resends,
                "A comparison goes on although not everything is receipted"
            );
        }
        Ok(())
    }
}

impl LowerEnd for HubEnd {
    async fn settle(&self) -> Result<(), StoreError> {
        self.until(|progress| progress.resends == 0).await?;
        let heads = self.heads().await?;
        self.until(|progress| {
            let mut each = progress.positions.iter().zip(&heads);
            each.all(|(position, head)| position >= head)
        })
        .await
    }

    async fn entries(&self, kind: RecordKind, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut reading = self.store.read().await?;
        reading.scan_golden_entries(kind.lane(), limit).await
    }

    async fn look(
        &self,
        kind: RecordKind,
        records: &[RecordId],
    ) -> Result<Vec<LowerRecord>, StoreError> {
        let mut reading = self.store.read().await?;
        reading.look_at_golden_records(kind.lane(), records).await
    }

    async fn mend(&self, differences: &[Difference]) -> Result<(), StoreError> {
        let resends: Vec<Resend> = differences
            .iter()
            .map(|difference| Resend {
                golden_id: GoldenId::new(difference.record.as_uuid()),
                kind: difference.kind,
                above: difference.upper.map_or(0, Version::as_i64),
            })
            .collect();
        for part in resends.chunks(RESENDS_OF_A_TRANSACTION) {
            let mut transaction = self.store.write().await?;
            transaction.put_resends(part).await?;
            transaction.commit().await?;
        }
        self.signals.log.call();
        Ok(())
    }
}
