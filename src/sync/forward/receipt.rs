//! Receipts: whether what the upstream signs is what it answered, and the note of it.

use std::collections::HashSet;

use super::{Answer, BatchEntry, Forwarder, SealedBatch, SignedReceipt, Upstream};
use crate::domain::golden::GoldenId;
use crate::store::{LeaseName, Receipt, Refusal, StoreError};

/// What to believe of each record, or `None` if the receipt contradicts the answers. What the upstream signs as
/// held it has, even if it refuses to be sent it again; what it took and does not sign as held is not there.
pub(super) fn judge(answers: Vec<Answer>, receipt: Option<&SignedReceipt>) -> Option<Vec<Answer>> {
    let Some(receipt) = receipt else {
        return Some(answers);
    };
    let not_held: HashSet<usize> = receipt.not_held.iter().copied().collect();
    let judged = answers.into_iter().enumerate().map(|(position, answer)| {
        match (answer, not_held.contains(&position)) {
            (Answer::Refused(_), false) => Some(Answer::Unchanged),
            (answer @ (Answer::Accepted | Answer::Unchanged), false)
            | (answer @ Answer::Refused(_), true) => Some(answer),
            (Answer::Accepted | Answer::Unchanged, true) => None,
        }
    });
    judged.collect()
}

impl<U: Upstream> Forwarder<U> {
    pub(super) async fn note_receipt(
        &self,
        token: i64,
        batch: &SealedBatch,
        entries: &[BatchEntry],
        answers: Vec<Answer>,
        signed: Option<SignedReceipt>,
    ) -> Result<(), StoreError> {
        let mut receipt = Receipt {
            letter: signed.map(|signed| signed.letter).unwrap_or_default(),
            accepted: 0,
            unchanged: 0,
            refused: 0,
        };
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for (entry, answer) in entries.iter().zip(answers) {
            match answer {
                Answer::Accepted => {
                    receipt.accepted += 1;
                    taken.push(entry.golden_id);
                }
                Answer::Unchanged => {
                    receipt.unchanged += 1;
                    taken.push(entry.golden_id);
                }
                Answer::Refused(reason) => {
                    receipt.refused += 1;
                    let (golden_id, version) = (entry.golden_id, entry.version);
                    refused.push(Refusal {
                        golden_id,
                        version,
                        reason,
                    });
                }
            }
        }
        let (now, manifest) = (self.clock.now(), &batch.manifest);
        let (lane, number, last_change) = (manifest.lane, manifest.number, manifest.last_change);
        let count = receipt.refused;
        let mut transaction = self.store.write().await?;
        transaction.check_fence(LeaseName::Forwarder, token).await?;
        transaction
            .receipt_batch(lane, number, last_change, receipt, now)
            .await?;
        transaction.note_refusals(&taken, &refused, now).await?;
        if !refused.is_empty() {
            // What is taken is told by the upstream's feed; what it refuses stands in no feed but ours.
            let golden: Vec<GoldenId> = refused.iter().map(|row| row.golden_id).collect();
            let feed = transaction.lock_counter("feed").await?;
            let feed = transaction.retell_golden_records(&golden, feed).await?;
            transaction.set_counter("feed", feed).await?;
        }
        transaction.commit().await?;
        if !refused.is_empty() {
            self.signals.changes.call();
            tracing::warn!(
                batch.number = number,
                batch.refused = count,
                "The upstream refused records of a batch; the others went through"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(not_held: &[usize]) -> SignedReceipt {
        SignedReceipt {
            letter: Vec::new(),
            not_held: not_held.to_vec(),
        }
    }

    #[test]
    fn what_was_taken_and_is_not_signed_as_held_makes_the_receipt_worthless() {
        let answers = || vec![Answer::Accepted, Answer::Unchanged];

        assert_eq!(judge(answers(), Some(&receipt(&[]))), Some(answers()));
        assert_eq!(judge(answers(), Some(&receipt(&[0]))), None);
        assert_eq!(judge(answers(), Some(&receipt(&[1]))), None);
        assert_eq!(judge(answers(), None), Some(answers()), "no receipts here");
    }

    #[test]
    fn what_was_refused_counts_as_taken_only_if_the_upstream_signs_that_it_holds_it() {
        let refused = || vec![Answer::Refused("RULE_BROKEN".to_owned())];

        assert_eq!(judge(refused(), Some(&receipt(&[0]))), Some(refused()));
        let held = judge(refused(), Some(&receipt(&[])));
        assert_eq!(held, Some(vec![Answer::Unchanged]));
    }
}
