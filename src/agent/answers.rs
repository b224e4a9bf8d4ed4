//! Noting the hub's word: whatever way a state went up, it leaves the queue with the answer to it.

use std::collections::HashMap;

use super::settle::standing_of;
use super::upward::UpwardAnswer;
use crate::store::{AgentTransaction, Answered, OwnKey, SentState, StoreError};

/// Notes the answers to states that were sent, of each record one, and takes those states from the queue.
/// A newer state that came meanwhile waits on.
pub async fn note_answers(
    transaction: &mut AgentTransaction,
    answered: &[(SentState, UpwardAnswer)],
) -> Result<(), StoreError> {
    let answers: HashMap<OwnKey, (SentState, &UpwardAnswer)> = answered
        .iter()
        .map(|(sent, answer)| (sent.key, (*sent, answer)))
        .collect();
    let keys: Vec<OwnKey> = answers.keys().copied().collect();
    let position = transaction.position().await?;
    let queued = transaction.find_queued(&keys).await?;
    let queued: HashMap<OwnKey, i64> = queued
        .into_iter()
        .map(|(key, state, _)| (key, state))
        .collect();
    let mut records = transaction.find_records(&keys).await?;
    for record in &mut records {
        let Some((sent, answer)) = answers.get(&record.key) else {
            continue;
        };
        // An answer that took another way may be of a newer version already.
        let is_late = record
            .answered
            .as_ref()
            .is_some_and(|known| known.version > sent.version);
        if !is_late {
            record.answered = Some(Answered {
                version: sent.version,
                answer: answer.answer,
                reason: answer.reason.clone(),
                rules: answer.rules.clone(),
            });
        }
        let is_waiting = queued
            .get(&record.key)
            .is_some_and(|newest| *newest != sent.state);
        record.standing = standing_of(record, is_waiting);
    }
    transaction.put_records(&records).await?;
    let done: Vec<_> = answers
        .values()
        .map(|(sent, _)| (sent.key, sent.state))
        .collect();
    let gone = transaction.delete_queued(&done).await?;
    let left = position.queued - i64::try_from(gone).unwrap_or(position.queued);
    transaction.set_last_state(position.last_state, left).await
}
