//! Golden records that a comparison asks to send again: each gets a version above both ends'.

use std::collections::{BTreeSet, HashMap};

use super::{ReconcileError, Reconciler};
use crate::domain::golden::GoldenId;
use crate::domain::record::{ContentHash, Version};
use crate::store::{GoldenChange, GoldenContent, GoldenState, LeaseName, Resend};
use crate::sync::sealing::{open_golden, seal_golden};

/// Golden records that one transaction has sent again.
const RESENDS_OF_A_SLICE: i64 = 2_000;
/// How far above its own the version of a golden record may leap: an upstream that claims to hold more is
/// not believed, or it could use up all versions that there are.
const VERSION_LEAP_MAX: i64 = 1 << 40;

/// Gives golden records new versions, so that the forwarder sends them, and forgets that they were asked
/// for, all in one transaction. Returns how many were dealt with.
pub(super) async fn send_again(
    reconciler: &Reconciler,
    token: i64,
) -> Result<usize, ReconcileError> {
    let mut reading = reconciler.store.read().await?;
    let asked = reading.read_resends(RESENDS_OF_A_SLICE).await?;
    if asked.is_empty() {
        return Ok(0);
    }
    let golden: Vec<GoldenId> = asked.iter().map(|resend| resend.golden_id).collect();
    let held = reading.find_golden_contents(&golden).await?;
    drop(reading);
    let replaced: Vec<GoldenId> = held.iter().map(|row| row.golden_id).collect();
    let mut held: HashMap<GoldenId, GoldenContent> =
        held.into_iter().map(|row| (row.golden_id, row)).collect();
    let (mut renewed, mut withdrawn) = (Vec::new(), Vec::new());
    for resend in &asked {
        match held.remove(&resend.golden_id) {
            Some(row) => renewed.push(renew(reconciler, row, resend.above)?),
            None => withdrawn.push(withdrawal(*resend)),
        }
    }

    let mut transaction = reconciler.store.write().await?;
    transaction
        .check_fence(LeaseName::Reconciler, token)
        .await?;
    let mut change = transaction.lock_counter("change").await?;
    let renewed: Vec<(GoldenContent, i64)> = renewed.into_iter().zip(change + 1..).collect();
    change = renewed.last().map_or(change, |(_, number)| *number);
    for row in &mut withdrawn {
        change += 1;
        row.change = change;
    }
    transaction
        .keep_history(&replaced, reconciler.clock.now())
        .await?;
    transaction.renew_golden_records(renewed).await?;
    transaction.put_golden_records(withdrawn).await?;
    transaction.set_counter("change", change).await?;
    transaction.delete_resends(&asked).await?;
    transaction.commit().await?;
    Ok(asked.len())
}

/// The version after one's own and another.
fn version_above(own: Version, above: i64) -> Version {
    let leap = above.saturating_sub(own.as_i64());
    let above = Version::from_i64(above).filter(|_| leap <= VERSION_LEAP_MAX);
    above.map_or(own, |above| above.max(own)).next()
}

fn renew(
    reconciler: &Reconciler,
    mut row: GoldenContent,
    above: i64,
) -> Result<GoldenContent, ReconcileError> {
    let version = version_above(row.version, above);
    if !row.content.is_empty() {
        let key = &reconciler.key;
        let content = open_golden(key, row.golden_id, row.version, &row.content)?;
        row.content = seal_golden(key, row.golden_id, version, &content)?;
    }
    row.version = version;
    Ok(row)
}

/// The withdrawal of a record that only the upstream holds.
fn withdrawal(resend: Resend) -> GoldenChange {
    GoldenChange {
        change: 0,
        golden_id: resend.golden_id,
        kind: resend.kind,
        version: version_above(Version::FIRST, resend.above),
        state: GoldenState::Withdrawn,
        hash: ContentHash::of(&[]),
        forwarded_hash: ContentHash::of(&[]),
        content: Vec::new(),
        provenance: String::new(),
        conflicts: "[]".to_owned(),
        different_from: BTreeSet::new(),
        unit_move: None,
    }
}
