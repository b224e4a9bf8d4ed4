//! Writing a slice's whole effect with the cursor, in one transaction under the fencing token.

use super::Reconciler;
use super::consolidate::Effect;
use crate::domain::clock::Timestamp;
use crate::domain::golden::GoldenId;
use crate::domain::pair::Pair;
use crate::domain::record::{RecordKey, RecordKind, Version};
use crate::domain::unit::UnitReference;
use crate::linkage::index::Review;
use crate::store::{
    AliasCause, AliasKind, AliasRow, LeaseName, PlacementTask, StoreError, Transaction,
    UnitProgress,
};

/// What besides the log an effect comes from, and how far that is dealt with by it.
pub(super) enum Followed {
    /// Nothing else.
    Nothing,
    /// Decisions of stewards, up to this number.
    Decisions(i64),
    /// Acts about units.
    Units(UnitProgress),
    /// What operators said of records of units that were split, up to this number.
    Placements(i64),
}

/// Writes the effect of a slice, or nothing of it.
pub(super) async fn write_effect(
    reconciler: &Reconciler,
    token: i64,
    effect: Effect,
    followed: Followed,
) -> Result<(), StoreError> {
    let now = reconciler.clock.now();
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
    let replaced: Vec<GoldenId> = golden
        .iter()
        .filter(|row| row.version != Version::FIRST)
        .map(|row| row.golden_id)
        .collect();
    transaction.keep_history(&replaced, now).await?;
    let changed = golden.len();
    transaction.put_golden_records(golden).await?;
    write_linkage(
        &mut transaction,
        effect.reviews,
        alias_rows(
            effect.aliases,
            effect.succeeded,
            matches!(followed, Followed::Decisions(_)),
            now,
        ),
        now,
    )
    .await?;
    write_tasks(&mut transaction, effect.waiting, effect.not_waiting, now).await?;
    write_followed(&mut transaction, followed, changed).await?;
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

/// Writes what linking says besides: reviews, aliases, and how far the decisions are dealt with.
async fn write_linkage(
    transaction: &mut Transaction,
    (opened, closed): (Vec<Review>, Vec<Pair>),
    aliases: Vec<AliasRow>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let opened: Vec<_> = opened
        .into_iter()
        .map(|review| (review.pair, review.centibits))
        .collect();
    transaction.put_reviews(&opened, now).await?;
    transaction.delete_reviews(&closed).await?;
    transaction.append_aliases(&aliases).await
}

/// Writes which golden records wait for a place.
async fn write_tasks(
    transaction: &mut Transaction,
    waiting: Vec<(GoldenId, RecordKind, UnitReference)>,
    not_waiting: Vec<GoldenId>,
    opened_at: Timestamp,
) -> Result<(), StoreError> {
    let waiting: Vec<_> = waiting
        .into_iter()
        .map(|(golden_id, kind, unit)| PlacementTask {
            golden_id,
            kind,
            unit,
            opened_at,
        })
        .collect();
    transaction.put_placement_tasks(&waiting).await?;
    transaction.clear_placement_tasks(&not_waiting).await
}

/// Writes how far what the effect comes from is dealt with.
async fn write_followed(
    transaction: &mut Transaction,
    followed: Followed,
    changed: usize,
) -> Result<(), StoreError> {
    match followed {
        Followed::Nothing => Ok(()),
        Followed::Decisions(last) => transaction.set_counter("decision_done", last).await,
        Followed::Placements(last) => transaction.set_counter("placement_done", last).await,
        Followed::Units(mut progress) => {
            progress.changed += i64::try_from(changed).unwrap_or_default();
            transaction.set_unit_progress(&progress).await
        }
    }
}

/// What became of golden records: by evidence or by decisions, and by their nodes' word.
fn alias_rows(
    aliases: Vec<(GoldenId, GoldenId, AliasKind)>,
    succeeded: Vec<(GoldenId, GoldenId)>,
    decided: bool,
    now: Timestamp,
) -> Vec<AliasRow> {
    let cause = if decided {
        AliasCause::Decision
    } else {
        AliasCause::Evidence
    };
    let aliases = aliases
        .into_iter()
        .map(|(from, to, kind)| (from, to, kind, cause));
    let succeeded = succeeded
        .into_iter()
        .map(|(from, to)| (from, to, AliasKind::Merged, AliasCause::Node));
    aliases
        .chain(succeeded)
        .map(|(from, to, kind, cause)| AliasRow {
            from,
            to,
            kind,
            cause,
            happened_at: now,
        })
        .collect()
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
