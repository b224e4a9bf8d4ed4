//! A backlog goes as an upload: after months without a line, or after a large file, its bytes go on where a
//! line broke.
//!
//! The upload is kept whole, with the states that it holds, before its first byte is sent. An agent that is
//! killed sends the very same bytes on; where they go on is the hub's word. What is edited meanwhile is
//! another state: it stays in the queue and goes later.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::{SendError, open};
use crate::agent::OWN_NODE;
use crate::agent::answers::note_answers;
use crate::agent::upward::{UpwardAnswer, read_entry, write_change};
use crate::domain::record::Lane;
use crate::domain::unit::UnitReference;
use crate::domain::upload::{Effect, Faults, Packing, Period, UploadId, UploadKind};
use crate::grpc::proto::v1;
use crate::grpc::upload_client::{
    OutgoingUpload, UploadClient, UploadNews, UploadPacker, UploadTerms,
};
use crate::security::seal::SealKey;
use crate::store::{AgentStore, BulkRow, SentState, UploadKey};
use crate::sync::forward::UpstreamError;
use crate::sync::sealing::{open_chunk, seal_chunk};

/// Records that wait from which on an upload is worth its calls; fewer go by the stream.
pub const BULK_RECORDS_MIN: i64 = 2_000;
/// Records of one upload at most.
pub const BULK_RECORDS_MAX: u64 = 5_000;
/// Bytes of one upload before packing, at which it ends: an agent has little memory.
const BULK_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// Records that are read from the queue at a time.
const PACKED_RECORDS: i64 = 200;
/// Records whose answers are noted in one transaction.
const NOTED_RECORDS: i64 = 500;
/// How long a backlog goes by the stream after the hub did not want an upload.
const REFUSED_SECONDS: u64 = 600;

/// The way up for a backlog.
pub struct Bulk {
    store: AgentStore,
    key: Arc<SealKey>,
    client: UploadClient,
    unit: UnitReference,
    /// The upload that is on its way.
    held: Option<OutgoingUpload>,
    /// Whether it is known if one was on its way when the agent ended.
    has_looked_back: bool,
    /// Since when the hub does not want an upload.
    refused_at: Option<Instant>,
}

impl Bulk {
    /// The way to a hub. `unit` is one of the node's own units, which every manifest names.
    pub fn new(
        store: AgentStore,
        key: Arc<SealKey>,
        client: UploadClient,
        unit: UnitReference,
    ) -> Self {
        Self {
            store,
            key,
            client,
            unit,
            held: None,
            has_looked_back: false,
            refused_at: None,
        }
    }

    /// Brings an upload on, the one that is on its way or a new one. `None` if the stream is the better way
    /// now. Otherwise at least 1 if the hub took anything, also before an error.
    pub(super) async fn step(&mut self) -> Option<(usize, Result<(), SendError>)> {
        let upload = match self.held_or_begun().await {
            Ok(upload) => upload?,
            Err(error) if is_refusal(&error) => return self.give_up(&error).await,
            Err(error) => return Some((0, Err(error))),
        };
        let mut moved = 0;
        let sent = self.client.send(&upload, |news| match news {
            UploadNews::Sending { .. } | UploadNews::Committing { .. } => moved += 1,
            UploadNews::Waiting { .. } => {}
        });
        let ended = match sent.await {
            Ok(receipt) => self.end(&upload, &receipt).await,
            Err(error) => Err(error.into()),
        };
        match ended {
            Ok(()) => Some((moved.max(1), Ok(()))),
            Err(error) if is_refusal(&error) => self.give_up(&error).await,
            Err(error) => Some((moved, Err(error))),
        }
    }

    /// Leaves the backlog to the stream for a while. What the hub takes in of the upload all the same is
    /// there already when the stream brings it.
    async fn give_up(&mut self, error: &SendError) -> Option<(usize, Result<(), SendError>)> {
        tracing::warn!(error = %error, "The hub takes no upload now: the backlog goes by the stream");
        self.refused_at = Some(Instant::now());
        self.forget().await.err().map(|error| (0, Err(error)))
    }

    async fn forget(&mut self) -> Result<(), SendError> {
        self.held = None;
        let mut transaction = self.store.write().await?;
        transaction.delete_bulk().await?;
        Ok(transaction.commit().await?)
    }

    async fn held_or_begun(&mut self) -> Result<Option<OutgoingUpload>, SendError> {
        if !self.has_looked_back {
            self.held = self.read_back().await?;
            self.has_looked_back = true;
        }
        if self.held.is_none() && self.is_worth_it().await? {
            // It is packed when a hub is there: what is edited until then need not go twice.
            self.client.ask().await?;
            self.held = self.pack().await?;
        }
        Ok(self.held.clone())
    }

    /// Whether there is a backlog. Nothing is sent before the feed was read once: see `Sender::waiting`.
    async fn is_worth_it(&self) -> Result<bool, SendError> {
        let rest = Duration::from_secs(REFUSED_SECONDS);
        if self.refused_at.is_some_and(|at| at.elapsed() < rest) {
            return Ok(false);
        }
        let mut reading = self.store.read().await?;
        let position = reading.position().await?;
        let may_send = position.feed_read && position.queued >= BULK_RECORDS_MIN;
        Ok(may_send
            && reading
                .queue_reaches(Lane::Routine, BULK_RECORDS_MIN)
                .await?)
    }

    /// The upload that was on its way when the agent ended.
    async fn read_back(&self) -> Result<Option<OutgoingUpload>, SendError> {
        let Some(row) = self.store.read().await?.read_bulk().await? else {
            return Ok(None);
        };
        let content = open_chunk(&self.key, upload_key(row.upload), 0, &row.content)?;
        let terms = terms(row.upload, row.unit);
        let upload = OutgoingUpload::of(content.into(), Packing::Zstd, row.records, &terms);
        tracing::info!(upload.id = %row.upload, "An upload goes on");
        Ok(Some(upload))
    }

    /// Packs what waits longest and keeps it before any of it is sent.
    async fn pack(&self) -> Result<Option<OutgoingUpload>, SendError> {
        let mut packer = UploadPacker::new(Packing::Zstd)?;
        let (mut states, mut place) = (Vec::new(), 0);
        while packer.records() < BULK_RECORDS_MAX && packer.unpacked() < BULK_BYTES_MAX {
            let mut reading = self.store.read().await?;
            let page = reading.read_queue_after(Lane::Routine, place, PACKED_RECORDS);
            let page = page.await?;
            drop(reading);
            let Some((last, _)) = page.last() else {
                break;
            };
            place = *last;
            for (_, state) in page {
                states.push(state.sent());
                packer.add(&write_change(open(&self.key, state)?))?;
            }
        }
        if states.is_empty() {
            return Ok(None);
        }
        let id = UploadId::new(Uuid::now_v7());
        let upload = packer.finish(&terms(id, self.unit))?;
        let row = BulkRow {
            upload: id,
            unit: self.unit,
            records: upload.manifest.records,
            content: seal_chunk(&self.key, upload_key(id), 0, &upload.content)?,
        };
        let mut transaction = self.store.write().await?;
        transaction.put_bulk(row, &states).await?;
        transaction.commit().await?;
        tracing::info!(upload.id = %id, upload.records = states.len(), "A backlog goes as an upload");
        Ok(Some(upload))
    }

    async fn end(
        &mut self,
        upload: &OutgoingUpload,
        receipt: &v1::UploadStatus,
    ) -> Result<(), SendError> {
        if receipt.state() != v1::UploadState::Committed {
            // A hub of ours refuses no upload of ours. Whatever this one is, it takes the records singly.
            return Err(SendError::Upstream(UpstreamError::Refused {
                reason: receipt.failure.clone(),
                retry_after: None,
            }));
        }
        self.note_report(&upload.manifest.upload_id).await?;
        tracing::info!(upload.id = %upload.manifest.upload_id, "An upload was taken in");
        self.forget().await
    }

    /// Notes the hub's word about every record of the upload, page by page. A record without an entry was
    /// taken.
    async fn note_report(&mut self, upload_id: &str) -> Result<(), SendError> {
        let mut page_token = String::new();
        loop {
            let (entries, next) = self.client.report(upload_id, page_token).await?;
            let last = entries.iter().filter_map(|entry| entry.position).max();
            // Nothing is known yet of what stands behind the last entry of a page but the last page.
            let until = match (next.is_empty(), last) {
                (true, _) => u64::MAX,
                (false, Some(last)) => last + 1,
                (false, None) => return Err(UpstreamError::Nonsense("an empty page").into()),
            };
            self.note_until(until, &entries).await?;
            if next.is_empty() {
                return Ok(());
            }
            page_token = next;
        }
    }

    async fn note_until(&self, until: u64, entries: &[v1::UploadEntry]) -> Result<(), SendError> {
        loop {
            let mut transaction = self.store.write().await?;
            let mut sent = transaction.read_bulk_records(NOTED_RECORDS).await?;
            sent.retain(|(place, _)| *place < until);
            let Some((last, _)) = sent.last().copied() else {
                return Ok(());
            };
            let answered = sent
                .into_iter()
                .map(|(place, sent)| answer(place, sent, entries));
            let answered: Vec<_> = answered.collect::<Result<_, _>>()?;
            note_answers(&mut transaction, &answered).await?;
            transaction.delete_bulk_records(last + 1).await?;
            transaction.commit().await?;
        }
    }
}

/// Whether the hub does not want uploads of this node now. The stream takes the records there as well,
/// or meets the same refusal.
fn is_refusal(error: &SendError) -> bool {
    match error {
        SendError::Upstream(UpstreamError::Refused {
            reason,
            retry_after,
        }) => match reason.as_str() {
            "TOO_MANY_UPLOADS" | "UPLOAD_STORAGE_FULL" => true,
            "DIGEST_DIFFERS" | "OFFSET_AHEAD" | "UPLOAD_INCOMPLETE" | "UPLOAD_UNKNOWN" => false,
            _ => retry_after.is_none(),
        },
        SendError::Upstream(
            UpstreamError::Unreachable(_) | UpstreamError::Nonsense(_) | UpstreamError::TimedOut,
        )
        | SendError::Store(_)
        | SendError::Sealing(_)
        | SendError::Tombstone
        | SendError::Packing(_) => false,
    }
}

/// What a report says of a state of the upload. Entries stand in the order of the upload.
fn answer(
    place: u64,
    sent: SentState,
    entries: &[v1::UploadEntry],
) -> Result<(SentState, UpwardAnswer), UpstreamError> {
    let found = entries.binary_search_by_key(&Some(place), |entry| entry.position);
    let Some(entry) = found.ok().and_then(|at| entries.get(at)) else {
        return Ok((sent, UpwardAnswer::taken()));
    };
    let (_, record_id) = sent.key;
    let is_of_it =
        entry.record_id == record_id.to_string() && entry.version == sent.version.as_u64();
    let answer = read_entry(entry).filter(|_| is_of_it);
    let answer = answer.ok_or(UpstreamError::Nonsense("its report is not of the upload"))?;
    Ok((sent, answer))
}

fn terms(upload: UploadId, unit: UnitReference) -> UploadTerms {
    UploadTerms {
        upload: Some(upload.as_uuid()),
        kind: UploadKind::Delta,
        unit,
        period: Period::default(),
        faults: Faults::KeepGood,
        effect: Effect::Take,
    }
}

const fn upload_key(upload: UploadId) -> UploadKey {
    UploadKey {
        node: OWN_NODE,
        upload,
    }
}
