//! Writing a slice's whole effect with the cursor, in one transaction under the fencing token.

use super::Reconciler;
use super::consolidate::Effect;
use crate::domain::record::RecordKey;
use crate::store::{LeaseName, StoreError};

/// Writes the effect of a slice, or nothing of it.
pub(super) async fn write_effect(
    reconciler: &Reconciler,
    token: i64,
    effect: Effect,
) -> Result<(), StoreError> {
    let now = reconciler.clock.now();
    let (opened, closed) = &effect.reviews;
    tracing::debug!(
        reviews.opened = opened.len(),
        reviews.closed = closed.len(),
        "Reviews changed"
    );
    let mut transaction = reconciler.store.write().await?;
    transaction
        .check_fence(LeaseName::Reconciler, token)
        .await?;
    let feed = transaction.lock_counter("feed").await?;
    let change = transaction.lock_counter("change").await?;

    let corrected: Vec<_> = effect
        .sources
        .iter()
        .map(|row| (row.key, row.version))
        .collect();
    let sources: Vec<_> = effect.sources.into_iter().zip(feed + 1..).collect();
    let feed = sources.last().map_or(feed, |(_, number)| *number);
    // A record whose golden record gained a member in this slice is told once, with its own change.
    let retold: Vec<_> = effect.retold.into_iter().zip(feed + 1..).collect();
    let feed = retold.last().map_or(feed, |(_, number)| *number);
    let moved: Vec<_> = effect.moved.into_iter().zip(feed + 1..).collect();
    let feed = moved.last().map_or(feed, |(_, number)| *number);
    let mut golden = effect.golden;
    let mut last_change = change;
    for row in &mut golden {
        last_change += 1;
        row.change = last_change;
    }

    transaction.put_source_records(&sources).await?;
    transaction.retell_source_records(&retold).await?;
    transaction.move_source_records(&moved).await?;
    transaction.put_golden_records(golden).await?;
    transaction.clear_quarantined(&corrected).await?;
    transaction.put_quarantined(effect.quarantined, now).await?;
    transaction.set_counter("feed", feed).await?;
    transaction.set_counter("change", last_change).await?;
    let counts = effect.counts;
    for (name, more) in [
        ("live_children", counts.source_children),
        ("golden_children", counts.golden_children),
        ("case_reports", counts.case_reports),
    ] {
        transaction.add_to_counter(name, more).await?;
    }
    if let Some(span) = effect.span {
        transaction
            .move_log_position(span.lane, span.from, span.to)
            .await?;
    }
    transaction.commit().await
}

/// Gives quarantined records their numbers in the feed.
pub(super) async fn tell_quarantine(
    reconciler: &Reconciler,
    token: i64,
    untold: &[RecordKey],
) -> Result<(), StoreError> {
    let mut transaction = reconciler.store.write().await?;
    transaction
        .check_fence(LeaseName::Reconciler, token)
        .await?;
    let feed = transaction.lock_counter("feed").await?;
    let told: Vec<_> = untold.iter().copied().zip(feed + 1..).collect();
    let feed = told.last().map_or(feed, |(_, number)| *number);
    transaction.tell_quarantined(&told).await?;
    transaction.set_counter("feed", feed).await?;
    transaction.commit().await
}
