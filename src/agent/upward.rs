//! How records go up: the seam between the queue and the wire. There are two ways for the same queue: the
//! stream of `Push` for what is fresh, and an upload for a backlog.

use crate::domain::record::{RecordId, RecordKind, TombstoneReason, Version};
use crate::domain::relations::Relations;
use crate::domain::standing::HubAnswer;
use crate::grpc::proto::v1;
use crate::grpc::push_client::{PushClient, record_change};
use crate::grpc::status::is_word;
use crate::sync::forward::{OutgoingBody, UpstreamError};

/// Longest text of broken rules that is kept of one answer, in bytes.
const RULES_BYTES_MAX: usize = 8 * 1024;

/// A record on its way.
pub struct OutgoingRecord {
    /// Its kind.
    pub kind: RecordKind,
    /// Its name.
    pub record_id: RecordId,
    /// Its version.
    pub version: Version,
    /// What it says: its content, or the reason of its withdrawal.
    pub body: Result<Vec<u8>, TombstoneReason>,
    /// What it says of other records.
    pub relations: Relations,
}

/// The hub's answer to a record.
#[derive(Clone, Debug)]
pub struct UpwardAnswer {
    /// What the hub did.
    pub answer: HubAnswer,
    /// Why, as a stable word; empty when there is nothing to explain.
    pub reason: String,
    /// The broken rules as `path RULE`, one a line.
    pub rules: String,
}

/// A way up for a few records at a time.
pub trait Upward: Send {
    /// Sends records and returns when the hub has each of them durably. Adds one answer for each, in order,
    /// as they come: after an error, what was answered need not be sent again.
    fn send(
        &mut self,
        records: Vec<OutgoingRecord>,
        answered: &mut Vec<UpwardAnswer>,
    ) -> impl Future<Output = Result<(), UpstreamError>> + Send;
}

impl Upward for PushClient {
    async fn send(
        &mut self,
        records: Vec<OutgoingRecord>,
        answered: &mut Vec<UpwardAnswer>,
    ) -> Result<(), UpstreamError> {
        let changes = records.into_iter().map(write_change).collect();
        let mut nonsense = None;
        let sent = self.send_each(changes, |outcomes| {
            for outcome in &outcomes {
                match read_answer(outcome) {
                    Some(answer) if nonsense.is_none() => answered.push(answer),
                    Some(_) => {}
                    None => nonsense = Some(UpstreamError::Nonsense("it gave no outcome")),
                }
            }
        });
        sent.await?;
        nonsense.map_or(Ok(()), Err)
    }
}

/// A record as the contract has it.
pub(super) fn write_change(record: OutgoingRecord) -> v1::RecordChange {
    let successor = record.relations.successor().map(RecordId::as_uuid);
    let different_from: Vec<_> = match &record.relations {
        Relations::DifferentFrom(records) => records.iter().map(|id| id.as_uuid()).collect(),
        Relations::None | Relations::Successor(_) => Vec::new(),
    };
    let body = match record.body {
        Ok(content) => OutgoingBody::Content(content),
        Err(reason) => OutgoingBody::Tombstone(reason, successor),
    };
    let (record_id, version) = (record.record_id.as_uuid(), record.version.as_u64());
    record_change(record_id, version, record.kind, body, &different_from)
}

/// What a hub says of a record; `None` if it makes no sense.
pub(super) fn read_answer(outcome: &v1::RecordOutcome) -> Option<UpwardAnswer> {
    let answer = match outcome.outcome() {
        v1::Outcome::Unspecified => return None,
        v1::Outcome::Accepted | v1::Outcome::Unchanged | v1::Outcome::Superseded => {
            HubAnswer::Taken
        }
        v1::Outcome::Quarantined => HubAnswer::Quarantined,
        v1::Outcome::Rejected => HubAnswer::Refused,
    };
    Some(answer_with(answer, &outcome.reason, &outcome.violations))
}

/// What the report of an upload of changes says of a record; `None` if it makes no sense.
pub(super) fn read_entry(entry: &v1::UploadEntry) -> Option<UpwardAnswer> {
    let answer = match entry.fate() {
        v1::RecordFate::Created
        | v1::RecordFate::Changed
        | v1::RecordFate::Renewed
        | v1::RecordFate::Unchanged
        | v1::RecordFate::Superseded => HubAnswer::Taken,
        v1::RecordFate::Quarantined => HubAnswer::Quarantined,
        v1::RecordFate::Rejected => HubAnswer::Refused,
        // Only a snapshot finds something missing.
        v1::RecordFate::Unspecified | v1::RecordFate::Missing | v1::RecordFate::Withdrawn => {
            return None;
        }
    };
    Some(answer_with(answer, &entry.reason, &entry.violations))
}

impl UpwardAnswer {
    /// The hub has taken the record and has nothing to say about it.
    pub(super) fn taken() -> Self {
        answer_with(HubAnswer::Taken, "", &[])
    }
}

fn answer_with(answer: HubAnswer, reason: &str, violations: &[v1::FieldViolation]) -> UpwardAnswer {
    let reason = match reason {
        "" => String::new(),
        word if is_word(word) => word.to_owned(),
        _ => "UNSPECIFIED".to_owned(),
    };
    let mut rules = String::new();
    let rejecting = i32::from(v1::ViolationLevel::Reject);
    for violation in violations {
        let line = format!("{} {}", violation.field, violation.rule);
        // What a hub says is kept only as far as it is a path and a word.
        let is_plain = is_word(&violation.rule) && violation.field.is_ascii();
        if violation.level == rejecting && is_plain && rules.len() + line.len() < RULES_BYTES_MAX {
            if !rules.is_empty() {
                rules.push('\n');
            }
            rules.push_str(&line);
        }
    }
    UpwardAnswer {
        answer,
        reason,
        rules,
    }
}
