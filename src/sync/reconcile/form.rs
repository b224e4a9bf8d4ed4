//! Golden records under another policy of what goes upstream: each whose forwarded form changes gets a new
//! version, so that the forwarder sends it and the upstream takes it.

use super::{ReconcileError, Reconciler};
use crate::domain::golden::GoldenId;
use crate::domain::record::Lane;
use crate::store::{GoldenChange, LeaseName};
use crate::sync::forwarded::forwarded_hash;
use crate::sync::sealing::{open_golden, seal_golden};

/// Golden records that one transaction looks at.
const LOOKED_AT_RECORDS: i64 = 1_000;

/// Notes the policy of this program, and returns the lanes whose records are to be looked at, the urgent one
/// first.
pub(super) async fn begin(
    reconciler: &Reconciler,
    token: i64,
) -> Result<Vec<Lane>, ReconcileError> {
    let Some(digest) = reconciler.forms.as_ref().map(|form| form.digest()) else {
        return Ok(Vec::new());
    };
    let mut transaction = reconciler.store.write().await?;
    transaction
        .check_fence(LeaseName::Reconciler, token)
        .await?;
    let mut lanes = Vec::new();
    for lane in [Lane::Urgent, Lane::Routine] {
        let state = transaction.forward_policy(lane).await?;
        if state.digest != Some(digest) {
            transaction.begin_forward_policy(lane, digest).await?;
            tracing::info!(lane = ?lane, "Records are looked at under another policy");
        }
        if state.digest != Some(digest) || !state.is_done {
            lanes.push(lane);
        }
    }
    transaction.commit().await?;
    Ok(lanes)
}

/// Looks at the next records of a lane. Returns whether it was the last of them.
pub(super) async fn look(
    reconciler: &Reconciler,
    token: i64,
    lane: Lane,
) -> Result<bool, ReconcileError> {
    let mut reading = reconciler.store.read().await?;
    let from = reading.forward_policy(lane).await?.looked_at;
    let page = reading
        .scan_live_golden_records(lane, from, LOOKED_AT_RECORDS)
        .await?;
    drop(reading);
    let to = page.last().map_or(from, |row| row.golden_id);
    let is_done = i64::try_from(page.len()).is_ok_and(|rows| rows < LOOKED_AT_RECORDS);
    let mut renewed = Vec::new();
    for row in page {
        renewed.extend(renew(reconciler, row)?);
    }
    let replaced: Vec<GoldenId> = renewed.iter().map(|row| row.golden_id).collect();

    let mut transaction = reconciler.store.write().await?;
    transaction
        .check_fence(LeaseName::Reconciler, token)
        .await?;
    let mut change = transaction.lock_counter("change").await?;
    for row in &mut renewed {
        change += 1;
        row.change = change;
    }
    let now = reconciler.clock.now();
    transaction.keep_history(&replaced, now).await?;
    transaction.put_golden_records(renewed).await?;
    transaction.set_counter("change", change).await?;
    transaction
        .move_forward_policy(lane, from, to, is_done)
        .await?;
    transaction.commit().await?;
    if is_done {
        tracing::info!(lane = ?lane, "All records are formed under the policy");
    }
    Ok(is_done)
}

/// The record under its next version, if another form of it goes upstream than before.
fn renew(
    reconciler: &Reconciler,
    row: GoldenChange,
) -> Result<Option<GoldenChange>, ReconcileError> {
    let (key, golden_id) = (&reconciler.key, row.golden_id);
    let content = open_golden(key, golden_id, row.version, &row.content)?;
    let forwarded_hash = forwarded_hash(&reconciler.forms, row.kind, &content)?;
    if forwarded_hash == row.forwarded_hash {
        return Ok(None);
    }
    let version = row.version.next();
    Ok(Some(GoldenChange {
        version,
        forwarded_hash,
        content: seal_golden(key, golden_id, version, &content)?,
        ..row
    }))
}
