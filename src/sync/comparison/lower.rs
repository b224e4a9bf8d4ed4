//! The lower end: it compares, looks again, and has what differs sent again.

use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;

use super::entries::{Asking, EntrySet};
use super::{
    COMPARED_RECORDS_MAX, ComparisonError, DIFFERENCES_KEPT_MAX, DIFFERENCES_MAX,
    LOOKED_RECORDS_MAX, ROUNDS_MAX, apart,
};
use crate::domain::comparison::{
    COMPARED_KINDS, ComparisonCounts, ComparisonReport, Difference, Entry, Finding, LowerRecord,
    Repair, UpperRecord, judge,
};
use crate::domain::record::{RecordId, RecordKind};
use crate::store::StoreError;
use crate::sync::forward::UpstreamError;

/// How often a record is looked at that was changing each time before.
const LOOKS_MAX: u32 = 10;
/// What passes between two looks at the same record, after the first; each time as much longer.
const LOOK_MILLISECONDS: u64 = 100;

/// What the upper end holds of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindDigest {
    /// The kind.
    pub kind: RecordKind,
    /// Number of entries.
    pub entries: u64,
    /// Digest over them.
    pub digest: Vec<u8>,
}

/// The line to the upper end.
pub trait UpperEnd: Send {
    /// Begins a comparison, and another one on the same line.
    fn open(
        &mut self,
        comparison: Uuid,
    ) -> impl Future<Output = Result<Vec<KindDigest>, UpstreamError>> + Send;

    /// Answers a message of reconciliation.
    fn reconcile(
        &mut self,
        kind: RecordKind,
        message: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, UpstreamError>> + Send;

    /// Says what it holds of records now: one answer for each, in the order of their ids.
    fn look(
        &mut self,
        kind: RecordKind,
        records: &[RecordId],
    ) -> impl Future<Output = Result<Vec<UpperRecord>, UpstreamError>> + Send;

    /// Keeps the result.
    fn report(
        &mut self,
        report: &ComparisonReport,
    ) -> impl Future<Output = Result<(), UpstreamError>> + Send;

    /// Bytes of all messages so far, in both directions.
    fn traffic_bytes(&self) -> u64;
}

/// What the lower end holds, and what it can do about differences.
pub trait LowerEnd: Send + Sync {
    /// Waits until everything that was written by now is receipted, as long as that makes progress.
    fn settle(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// One entry for each record of a kind, in no order, at most `limit`.
    fn entries(
        &self,
        kind: RecordKind,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Entry>, StoreError>> + Send;

    /// What it holds of records now: one answer for each, in the order of their ids.
    fn look(
        &self,
        kind: RecordKind,
        records: &[RecordId],
    ) -> impl Future<Output = Result<Vec<LowerRecord>, StoreError>> + Send;

    /// Sends again what is different or missing, and withdraws what is extra. It need not have happened
    /// when this returns; [`LowerEnd::settle`] waits for it.
    fn mend(
        &self,
        differences: &[Difference],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What one pass over all records found.
#[derive(Debug, Default)]
struct Found {
    counts: ComparisonCounts,
    differences: Vec<Difference>,
    rounds: i64,
}

/// Compares, mends what is to be mended, compares again after that, and tells the upper end the result.
pub async fn make_comparison<L: LowerEnd, U: UpperEnd>(
    lower: &L,
    upper: &mut U,
    comparison: Uuid,
    repair: Repair,
) -> Result<ComparisonReport, ComparisonError> {
    let found = find_differences(lower, upper, comparison).await?;
    let mended: Vec<Difference> = found
        .differences
        .iter()
        .filter(|difference| repair.mends(difference.finding))
        .copied()
        .collect();
    let mut rounds = found.rounds;
    let mut remaining = None;
    if !mended.is_empty() {
        lower.mend(&mended).await?;
        let again = find_differences(lower, upper, comparison).await?;
        rounds += again.rounds;
        remaining = Some(again.counts.alarms());
    }
    let mut differences = found.differences;
    // What somebody has to know of is kept before what only moves.
    differences.sort_by_key(|difference| !difference.finding.is_alarm());
    differences.truncate(DIFFERENCES_KEPT_MAX);
    let report = ComparisonReport {
        counts: found.counts,
        differences,
        repaired: i64::try_from(mended.len()).unwrap_or(i64::MAX),
        remaining,
        rounds,
        traffic_bytes: i64::try_from(upper.traffic_bytes()).unwrap_or(i64::MAX),
    };
    upper.report(&report).await?;
    Ok(report)
}

async fn find_differences<L: LowerEnd, U: UpperEnd>(
    lower: &L,
    upper: &mut U,
    comparison: Uuid,
) -> Result<Found, ComparisonError> {
    lower.settle().await?;
    let own = async {
        let mut sets = Vec::new();
        for kind in COMPARED_KINDS {
            sets.push((kind, read_entries(lower, kind).await?));
        }
        Ok::<_, ComparisonError>(sets)
    };
    let opening = async { Ok(upper.open(comparison).await?) };
    let (sets, digests) = tokio::try_join!(own, opening)?;
    let mut found = Found::default();
    for (kind, (set, digest)) in sets {
        let entries = set.len();
        found.counts.matched += i64::try_from(entries).unwrap_or(i64::MAX);
        let is_equal = digests
            .iter()
            .any(|theirs| theirs.kind == kind && theirs.digest == digest);
        if is_equal {
            continue;
        }
        let suspects = find_suspects(upper, kind, set, &mut found.rounds).await?;
        look_again(lower, upper, kind, suspects, &mut found).await?;
    }
    Ok(found)
}

async fn read_entries<L: LowerEnd>(
    lower: &L,
    kind: RecordKind,
) -> Result<(EntrySet, Vec<u8>), ComparisonError> {
    let entries = lower.entries(kind, COMPARED_RECORDS_MAX + 1).await?;
    if entries.len() > COMPARED_RECORDS_MAX {
        return Err(ComparisonError::TooManyRecords);
    }
    apart(move || {
        let set = EntrySet::new(entries);
        let digest = set.digest();
        (set, digest)
    })
    .await
}

/// Records of which the two ends do not hold the same: own ones, and those of the other end.
struct Suspects {
    own: BTreeSet<RecordId>,
    others: BTreeSet<RecordId>,
}

async fn find_suspects<U: UpperEnd>(
    upper: &mut U,
    kind: RecordKind,
    set: EntrySet,
    rounds: &mut i64,
) -> Result<Suspects, ComparisonError> {
    let (mut asking, mut message) = apart(move || Asking::new(set)).await??;
    for _ in 0..ROUNDS_MAX {
        let answer = upper.reconcile(kind, message).await?;
        *rounds += 1;
        let (asked, next) = apart(move || {
            let next = asking.read(&answer);
            (asking, next)
        })
        .await?;
        asking = asked;
        if asking.own.len().max(asking.others.len()) > DIFFERENCES_MAX {
            return Err(ComparisonError::TooManyDifferences);
        }
        match next? {
            Some(next) => message = next,
            None => {
                return Ok(Suspects {
                    own: asking.own,
                    others: asking.others,
                });
            }
        }
    }
    Err(ComparisonError::TooManyRounds)
}

/// Looks at suspects until each is judged, or was changing at every look.
async fn look_again<L: LowerEnd, U: UpperEnd>(
    lower: &L,
    upper: &mut U,
    kind: RecordKind,
    suspects: Suspects,
    found: &mut Found,
) -> Result<(), ComparisonError> {
    let Suspects { own, others } = suspects;
    let mut waiting: Vec<RecordId> = own.union(&others).copied().collect();
    let mut moving = Vec::new();
    for look in 0..LOOKS_MAX {
        if look > 0 {
            let pause = LOOK_MILLISECONDS * u64::from(look);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        moving.clear();
        for page in waiting.chunks(LOOKED_RECORDS_MAX) {
            for judged in look_at(lower, upper, kind, page).await? {
                match judged {
                    Judged::Same => {}
                    Judged::Moving(difference) => moving.push(difference),
                    Judged::Differs(difference) => note(found, &own, difference),
                }
            }
        }
        waiting = moving.iter().map(|difference| difference.record).collect();
        if waiting.is_empty() {
            break;
        }
    }
    for difference in moving {
        note(found, &own, difference);
    }
    Ok(())
}

/// Counts a difference; what this end holds was counted as matched before.
fn note(found: &mut Found, own: &BTreeSet<RecordId>, difference: Difference) {
    if own.contains(&difference.record) {
        found.counts.matched -= 1;
    }
    found.counts.add(difference.finding);
    found.differences.push(difference);
}

enum Judged {
    Same,
    Moving(Difference),
    Differs(Difference),
}

async fn look_at<L: LowerEnd, U: UpperEnd>(
    lower: &L,
    upper: &mut U,
    kind: RecordKind,
    records: &[RecordId],
) -> Result<Vec<Judged>, ComparisonError> {
    let before = lower.look(kind, records).await?;
    let above = upper.look(kind, records).await?;
    let after = lower.look(kind, records).await?;
    let each = before.iter().zip(&above).zip(&after);
    let judged = each.map(|((before, above), after)| {
        let difference = |finding| Difference {
            kind,
            record: before.record,
            finding,
            lower: before.held.map(|held| held.version),
            upper: above.held.map(|held| held.version),
        };
        match judge(before, above, after) {
            None => Judged::Same,
            Some(Finding::Moving) => Judged::Moving(difference(Finding::Moving)),
            Some(finding) => Judged::Differs(difference(finding)),
        }
    });
    Ok(judged.collect())
}
