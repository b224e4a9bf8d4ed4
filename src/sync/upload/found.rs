//! Settling the records of a slice against what is held, and saying what became of each.

use super::slice::{Looked, Slice};
use super::take::Taking;
use crate::domain::record::{RecordKey, Version};
use crate::domain::upload::{Fate, Totals, UploadKind};
use crate::domain::validation::{Level, Violation};
use crate::store::{Entry, HeldVersion, StoreError, Transaction};
use crate::sync::ingest::examine::{Candidate, Examined};
use crate::sync::ingest::settle::{Group, Held};
use crate::sync::ingest::{Outcome, Settled};

/// What a record of the upload came to.
struct Told {
    fate: Fate,
    entry: Option<Entry>,
}

/// What one transaction has found out about the records of a slice.
#[derive(Default)]
pub(super) struct Found {
    pub(super) group: Group,
    pub(super) settled: Vec<Settled>,
    pub(super) entries: Vec<Entry>,
    pub(super) totals: Totals,
}

impl Found {
    /// Settles a slice and says what became of each record.
    pub(super) fn add(&mut self, held: &mut Held, taking: &Taking<'_>, slice: Slice) {
        let tells_all = taking.row.manifest.kind != UploadKind::Delta;
        for (place, looked) in (slice.first..).zip(slice.looked) {
            let told = self.add_one(held, place, looked, tells_all);
            self.totals.add(told.fate);
            self.entries.extend(told.entry);
        }
    }

    /// What goes into the log, as it will be held there.
    pub(super) fn appended(&self) -> Vec<HeldVersion> {
        let held = |candidate: &Candidate| HeldVersion {
            key: candidate.submission.record,
            version: candidate.submission.version,
            hash: candidate.hash,
            relations: candidate.relations.clone(),
        };
        self.group.appended.iter().map(held).collect()
    }

    fn add_one(&mut self, held: &mut Held, place: u64, looked: Looked, tells_all: bool) -> Told {
        let again = match &looked.examined {
            Examined::Take(candidate) => held.says_again(candidate),
            Examined::Quarantine(_) | Examined::Refuse(_) => None,
        };
        let settled = self.group.add_one(held, looked.examined);
        let fate = fate(settled.outcome, again);
        let reason = match settled.outcome {
            Outcome::Rejected(reason) => reason.word(),
            Outcome::Quarantined => "RULE_BROKEN",
            Outcome::Accepted | Outcome::Unchanged | Outcome::Superseded => "",
        };
        let is_news = match fate {
            Fate::Created | Fate::Changed => tells_all || !settled.violations.is_empty(),
            Fate::Superseded | Fate::Quarantined | Fate::Rejected => true,
            Fate::Renewed | Fate::Unchanged | Fate::Missing | Fate::Withdrawn => false,
        };
        let entry = is_news.then(|| Entry {
            place,
            record_id: looked.record_id,
            version: looked.version,
            fate,
            reason: reason.to_owned(),
            violations: violation_lines(&settled.violations),
        });
        self.settled.push(settled);
        Told { fate, entry }
    }
}

/// What an outcome means for a record, given whether it says again what its version before said.
fn fate(outcome: Outcome, again: Option<bool>) -> Fate {
    match (outcome, again) {
        (Outcome::Accepted, Some(true)) => Fate::Renewed,
        (Outcome::Accepted, Some(false)) => Fate::Changed,
        (Outcome::Accepted, None) => Fate::Created,
        (Outcome::Unchanged, _) => Fate::Unchanged,
        (Outcome::Superseded, _) => Fate::Superseded,
        (Outcome::Rejected(_), _) => Fate::Rejected,
        (Outcome::Quarantined, _) => Fate::Quarantined,
    }
}

/// `LEVEL path RULE`, one a line: what a field holds is never repeated.
fn violation_lines(violations: &[Violation]) -> String {
    let line = |violation: &Violation| {
        let level = match violation.level {
            Level::Reject => "REJECT",
            Level::Warn => "WARN",
        };
        format!("{level} {} {}", violation.path, violation.rule.as_str())
    };
    violations.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What a slice asks the log for.
pub(super) fn wanted(looked: &[Looked]) -> impl Iterator<Item = (RecordKey, Version)> {
    looked.iter().filter_map(|looked| match &looked.examined {
        Examined::Take(Candidate { submission, .. }) => {
            Some((submission.record, submission.version))
        }
        Examined::Quarantine(_) | Examined::Refuse(_) => None,
    })
}

/// What the log holds of the records of a slice.
pub(super) async fn held(
    transaction: &mut Transaction,
    looked: &[Looked],
) -> Result<Vec<HeldVersion>, StoreError> {
    let wanted: Vec<_> = wanted(looked).collect();
    transaction.find_held_and_prior_versions(&wanted).await
}

pub(super) fn count(looked: &[Looked]) -> u64 {
    u64::try_from(looked.len()).unwrap_or(u64::MAX)
}
