//! Taking the receipt of a bundle: as the line's own answers, and never against what came since.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Bundles, BundlesError, place};
use crate::agent::answers::note_answers;
use crate::agent::settle::standing_of;
use crate::agent::upward::{UpwardAnswer, read_answer};
use crate::domain::record::{RecordId, RecordKind, Version};
use crate::domain::standing::HubAnswer;
use crate::grpc::bundle_file::{BundleFileError, ReceiptLetter};
use crate::grpc::proto::v1;
use crate::security::hpke::HpkePrivate;
use crate::security::seal::SealError;
use crate::store::{AgentTransaction, MadeBundle, OwnKey, SentState, StoreError};

/// Answers that are noted in one transaction.
const NOTED_RECORDS: usize = 500;

/// What taking a receipt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenReceipt {
    /// The bundle.
    pub bundle: Uuid,
    /// It was taken before, and nothing has changed.
    pub is_repeated: bool,
    /// Records that left the queue because the hub holds them.
    pub taken: u64,
    /// Records that left the queue and are to be corrected.
    pub to_correct: u64,
    /// Records that wait on: they were changed since, or get a higher version.
    pub waiting: u64,
    /// Records that the line had brought to the hub already.
    pub answered_before: u64,
}

/// The hub's answer to one state.
struct CarriedAnswer {
    sent: SentState,
    answer: UpwardAnswer,
    /// The version is below what the hub holds, or stands there for something else.
    held_above: Option<Version>,
}

impl Bundles {
    /// Takes a receipt. Only the very states that it answers leave the queue; what came since waits on. The same
    /// receipt again changes nothing.
    pub async fn take_receipt(&self, bytes: &[u8]) -> Result<TakenReceipt, BundlesError> {
        let letter = ReceiptLetter::read(bytes)?;
        let made = self.believe(&letter).await?;
        let mut taken = TakenReceipt {
            bundle: letter.bundle,
            is_repeated: false,
            taken: 0,
            to_correct: 0,
            waiting: 0,
            answered_before: 0,
        };
        if made.receipted_at.is_some() {
            taken.is_repeated = true;
            return Ok(taken);
        }
        let key = self.key.open(&place(letter.bundle), &made.reply_key)?;
        let key = HpkePrivate::from_slice(&key).ok_or(SealError::Opening)?;
        let outcomes = letter.open(&key)?;
        let answers: Option<Vec<CarriedAnswer>> = outcomes.iter().map(read).collect();
        let answers = answers.ok_or(BundleFileError::Content)?;
        for page in answers.chunks(NOTED_RECORDS) {
            let mut transaction = self.store.write().await?;
            note(&mut transaction, page, &mut taken).await?;
            transaction.commit().await?;
        }
        let mut transaction = self.store.write().await?;
        let now = self.clock.now();
        transaction.receipt_bundle(letter.bundle, now).await?;
        transaction.commit().await?;
        tracing::info!(bundle.id = %letter.bundle, "A receipt was taken");
        Ok(taken)
    }

    /// The bundle that a receipt is for, if it is one of this agent's and its own hub has signed the receipt.
    async fn believe(&self, letter: &ReceiptLetter<'_>) -> Result<MadeBundle, BundlesError> {
        let (host, now) = (&self.cards.host, self.clock.now());
        let hub = letter.believe(&self.identity.current().authorities, host, now)?;
        let mut reading = self.store.read().await?;
        let made = reading.find_bundle(letter.bundle).await?;
        let made = made.ok_or(BundlesError::UnknownBundle)?;
        if made.hub != hub.as_str() {
            return Err(BundlesError::OtherHub);
        }
        if made.digest != letter.header.bundle_digest || letter.header.node != self.node.as_str() {
            return Err(BundlesError::OtherFile);
        }
        Ok(made)
    }
}

/// Reads one answer; `None` if it makes no sense.
fn read(outcome: &v1::BundleOutcome) -> Option<CarriedAnswer> {
    let kind = match outcome.kind() {
        crate::grpc::proto::record::RecordKind::Unspecified => return None,
        crate::grpc::proto::record::RecordKind::Child => RecordKind::Child,
        crate::grpc::proto::record::RecordKind::CaseReport => RecordKind::CaseReport,
    };
    let told = outcome.outcome.as_ref()?;
    let version = Version::from_u64(told.version)?;
    let held = Version::from_u64(outcome.held_version);
    let is_below = told.outcome() == v1::Outcome::Superseded || told.reason == "VERSION_REUSED";
    Some(CarriedAnswer {
        sent: SentState {
            key: (kind, told.record_id.parse::<RecordId>().ok()?),
            state: i64::try_from(outcome.state).ok()?,
            version,
        },
        answer: read_answer(told)?,
        held_above: held.filter(|_| is_below),
    })
}

/// What an answer comes to beside what waits.
enum Effect {
    /// The line has brought another answer, or this one.
    AnsweredBefore,
    /// What waits is another state, or has another version by now.
    Overtaken,
    /// Without a line the agent could not know what the hub holds of earlier days.
    Renumber(Version),
    /// The very state that it is about waits.
    Settle,
}

/// What waits of some records, and under which version.
struct Waiting {
    states: HashMap<OwnKey, (i64, bool)>,
    versions: HashMap<OwnKey, Version>,
    feed_read: bool,
}

impl Waiting {
    async fn read(transaction: &mut AgentTransaction, keys: &[OwnKey]) -> Result<Self, StoreError> {
        let queued = transaction.find_queued(keys).await?.into_iter();
        let records = transaction.find_records(keys).await?;
        Ok(Self {
            states: queued
                .map(|(key, state, numbered_here)| (key, (state, numbered_here)))
                .collect(),
            versions: records.iter().map(|row| (row.key, row.version)).collect(),
            feed_read: transaction.position().await?.feed_read,
        })
    }

    /// An answer counts only where the very state that it is about still waits under the version that it was
    /// carried as.
    fn effect(&self, answer: &CarriedAnswer) -> Effect {
        let sent = &answer.sent;
        let Some((state, numbered_here)) = self.states.get(&sent.key) else {
            return Effect::AnsweredBefore;
        };
        if *state != sent.state || self.versions.get(&sent.key) != Some(&sent.version) {
            return Effect::Overtaken;
        }
        match answer.held_above {
            Some(held) if *numbered_here && !self.feed_read => Effect::Renumber(held.next()),
            Some(_) | None => Effect::Settle,
        }
    }
}

/// Notes some answers, each as far as it counts.
async fn note(
    transaction: &mut AgentTransaction,
    answers: &[CarriedAnswer],
    taken: &mut TakenReceipt,
) -> Result<(), StoreError> {
    let keys: Vec<OwnKey> = answers.iter().map(|answer| answer.sent.key).collect();
    let waiting = Waiting::read(transaction, &keys).await?;
    let (mut settled, mut renumbered) = (Vec::new(), Vec::new());
    for answer in answers {
        match waiting.effect(answer) {
            Effect::AnsweredBefore => taken.answered_before += 1,
            Effect::Overtaken => taken.waiting += 1,
            Effect::Renumber(version) => {
                taken.waiting += 1;
                renumbered.push((answer.sent.key, version));
            }
            Effect::Settle => {
                match answer.answer.answer {
                    HubAnswer::Taken => taken.taken += 1,
                    HubAnswer::Quarantined | HubAnswer::Refused => taken.to_correct += 1,
                }
                settled.push((answer.sent, answer.answer.clone()));
            }
        }
    }
    note_answers(transaction, &settled).await?;
    renumber(transaction, &renumbered).await
}

/// Gives records that wait versions above those that the hub holds.
async fn renumber(
    transaction: &mut AgentTransaction,
    renumbered: &[(OwnKey, Version)],
) -> Result<(), StoreError> {
    let keys: Vec<OwnKey> = renumbered.iter().map(|(key, _)| *key).collect();
    let versions: HashMap<OwnKey, Version> = renumbered.iter().copied().collect();
    let mut records = transaction.find_records(&keys).await?;
    for record in &mut records {
        if let Some(version) = versions.get(&record.key) {
            record.version = *version;
            record.standing = standing_of(record, true);
        }
    }
    transaction.put_records(&records).await?;
    transaction.renumber_queued(renumbered).await
}
