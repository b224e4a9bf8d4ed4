//! Comparing a snapshot with what is held of its unit: what it does not list is missing.
//!
//! What is held is what the log has, reconciled or not, as of the moment at which the upload was opened:
//! a record that came later is news that the snapshot cannot know, and it is never missing.

use std::collections::HashSet;

use super::committer::UploadCommitter;
use super::slice::Listed;
use super::take::{TakeError, Taking};
use crate::domain::golden::SubmissionKey;
use crate::domain::record::{RecordKey, RecordKind, TombstoneReason, Version};
use crate::domain::relations::Relations;
use crate::domain::territory::Territory;
use crate::domain::upload::{Effect, Fate, Missing};
use crate::store::{Entry, NewestSubmission, StoreError, Tally, Transaction, UploadProgress};
use crate::sync::ingest::Outcome;
use crate::sync::ingest::examine::{Examined, tombstone};
use crate::sync::ingest::group_commit::{add_tally, number};
use crate::sync::ingest::settle::{Group, Held};
use crate::sync::sealing::open_submission;

/// Records that one transaction compares.
const COMPARED_ROWS: i64 = 4_000;
/// Contents that are in memory at a time, to see which unit they are of.
const CONTENTS_READ: usize = 250;

/// A record that the snapshot does not list, with the version that is held.
type Absent = (RecordKey, Version);

impl UploadCommitter {
    /// Reports what a snapshot does not list, and withdraws it where the manifest asks and every listed
    /// id could be read.
    pub(super) async fn compare(
        &self,
        taking: &mut Taking<'_>,
        of: RecordKind,
        missing: Missing,
        listed: &Listed,
    ) -> Result<(), TakeError> {
        let withdraws = missing == Missing::Withdraw
            && taking.row.manifest.effect == Effect::Take
            && !listed.is_incomplete;
        loop {
            self.keep(taking.reign).await?;
            let (node, after) = (taking.row.node, taking.progress.compared_to);
            let mut transaction = self.store.read().await?;
            let page = transaction
                .scan_newest_submissions(node, of, after, COMPARED_ROWS)
                .await?;
            drop(transaction);
            let Some(last) = page.last() else {
                return Ok(());
            };
            let compared_to = last.record_id.as_uuid();
            let absent = self.absent(taking, of, listed, &page).await?;
            let mut next = UploadProgress {
                compared_to,
                ..taking.progress.clone()
            };
            self.write_absent(taking, &mut next, absent, withdraws)
                .await?;
            taking.progress = next;
        }
    }

    /// Those of a page that are live, of the unit, and not listed.
    async fn absent(
        &self,
        taking: &Taking<'_>,
        kind: RecordKind,
        listed: &Listed,
        page: &[NewestSubmission],
    ) -> Result<Vec<Absent>, TakeError> {
        let unlisted: Vec<Absent> = page
            .iter()
            .filter(|newest| !newest.is_tombstone)
            .filter(|newest| newest.sequence <= taking.row.log_position)
            .filter(|newest| !listed.has(newest.record_id))
            .map(|newest| {
                let key = RecordKey {
                    node: taking.row.node,
                    kind,
                    record_id: newest.record_id,
                };
                (key, newest.version)
            })
            .collect();
        let unit = Territory::new(vec![taking.row.manifest.unit]);
        let mut absent = Vec::new();
        for part in unlisted.chunks(CONTENTS_READ) {
            let contents = self.store.read().await?.read_contents(part).await?;
            for (record, version, sealed) in contents {
                let submission = SubmissionKey { record, version };
                let content = open_submission(&self.key, submission, &sealed)?;
                // What day it is does not matter for the unit.
                let read = self.codec.validate(kind, &content, time::Date::MAX);
                // A record of a commune that was split may be of the other part, which is not listed here.
                let of_unit = read.is_ok_and(|read| read.unit.is_some_and(|of| unit.holds(&of)));
                if of_unit {
                    absent.push((record, version));
                }
            }
        }
        Ok(absent)
    }

    async fn write_absent(
        &self,
        taking: &Taking<'_>,
        next: &mut UploadProgress,
        absent: Vec<Absent>,
        withdraws: bool,
    ) -> Result<(), TakeError> {
        let key = taking.row.key();
        let mut transaction = self.write(taking).await?;
        let absent = if withdraws && !absent.is_empty() {
            self.withdraw(&mut transaction, taking, absent).await?
        } else {
            let missing = absent.into_iter();
            missing
                .map(|(record, version)| (record, version, Fate::Missing))
                .collect()
        };
        let told = next.totals.of(Fate::Missing) + next.totals.of(Fate::Withdrawn);
        let first = taking.row.manifest.records + told;
        let entries = (first..).zip(&absent);
        let entries = entries.map(|(place, (record, version, fate))| Entry {
            place,
            record_id: Some(record.record_id),
            version: version.as_u64(),
            fate: *fate,
            reason: String::new(),
            violations: String::new(),
        });
        transaction.insert_entries(key, entries.collect()).await?;
        for (_, _, fate) in &absent {
            next.totals.add(*fate);
        }
        transaction.advance_upload(key, next.done, next).await?;
        transaction.commit().await?;
        self.signals.log.call();
        self.signals.uploads.call();
        Ok(())
    }

    /// Withdraws these under the next version. What has become newer meanwhile is not missing.
    async fn withdraw(
        &self,
        transaction: &mut Transaction,
        taking: &Taking<'_>,
        absent: Vec<Absent>,
    ) -> Result<Vec<(RecordKey, Version, Fate)>, StoreError> {
        let now = self.clock.now();
        let head = transaction.lock_counter("log").await?;
        let mut held = Held::new(transaction.find_held_versions(&absent).await?);
        let (mut group, mut settled, mut withdrawn) = (Group::default(), Vec::new(), Vec::new());
        for (record, version) in absent {
            let version = version.next();
            let submission = SubmissionKey { record, version };
            let taken = Examined::Take(tombstone(
                submission,
                TombstoneReason::Withdrawn,
                Relations::None,
            ));
            let one = group.add_one(&mut held, taken);
            if one.outcome == Outcome::Accepted {
                withdrawn.push((record, version, Fate::Withdrawn));
                settled.push(one);
            }
        }
        // A tombstone that was not accepted is no history either: the node has said something newer.
        let accepted: HashSet<RecordKey> = withdrawn.iter().map(|(key, ..)| *key).collect();
        group
            .appended
            .retain(|candidate| accepted.contains(&candidate.submission.record));
        let submissions = number(group.appended, head);
        let new_head = submissions.last().map_or(head, |last| last.sequence);
        transaction.append_submissions(submissions, now).await?;
        transaction.set_counter("log", new_head).await?;
        let mut tally = Tally::default();
        add_tally(&mut tally, &settled);
        transaction
            .add_tallies(&[(taking.row.node, tally)], now)
            .await?;
        Ok(withdrawn)
    }
}
