//! The client side of uploads: packs changes, sends them over any line, and brings the receipt back.

use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use uuid::Uuid;

use super::convert::{write_kind, write_unit};
use super::proto::v1;
use super::proto::v1::ingest_service_client::IngestServiceClient;
use super::push_client::in_time;
use crate::domain::unit::UnitReference;
use crate::domain::upload::{Effect, Faults, Missing, Packing, Period, UploadKind};
use crate::sync::backoff::backoff;
use crate::sync::forward::UpstreamError;
use crate::sync::upload::CHUNK_BYTES_MAX;

/// Smallest chunk, in bytes: below it, what surrounds a chunk on the wire weighs more than the chunk.
const CHUNK_BYTES_MIN: u64 = 4 * 1024;
/// A chunk is at most this part of what the line is expected to carry before it breaks: a cut costs one
/// chunk at most.
const CHUNK_SHARE: u64 = 128;
/// On a line that has not broken and carries it within [`QUICK_MILLISECONDS`], a chunk may be this part of
/// the upload, or this large: there are few moments at which a cut can hit it.
const QUICK_SHARE: u64 = 64;
/// See [`QUICK_SHARE`]; in bytes.
const QUICK_BYTES: u64 = 64 * 1024;
/// See [`QUICK_SHARE`].
const QUICK_MILLISECONDS: u64 = 50;
/// How long sending one chunk should take at most.
const CHUNK_MILLISECONDS: u64 = 2_000;
/// How many attempts in a row may come to nothing before the client gives up, unless asked otherwise.
pub const ATTEMPTS_MAX: u32 = 8;
/// Level of Zstandard: the fastest one that packs names well.
const ZSTD_LEVEL: i32 = 3;

/// Packs changes into the bytes of an upload.
pub struct UploadPacker {
    bytes: Packer,
    packing: Packing,
    records: u64,
    frame: Vec<u8>,
}

enum Packer {
    Plain(Vec<u8>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
}

impl UploadPacker {
    /// A packer without changes.
    pub fn new(packing: Packing) -> io::Result<Self> {
        let bytes = match packing {
            Packing::Plain => Packer::Plain(Vec::new()),
            Packing::Zstd => {
                Packer::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?)
            }
            Packing::Gzip => {
                let level = flate2::Compression::default();
                Packer::Gzip(flate2::write::GzEncoder::new(Vec::new(), level))
            }
        };
        Ok(Self {
            bytes,
            packing,
            records: 0,
            frame: Vec::new(),
        })
    }

    /// Adds a change.
    pub fn add(&mut self, change: &v1::RecordChange) -> io::Result<()> {
        self.frame.clear();
        change
            .encode_length_delimited(&mut self.frame)
            .map_err(io::Error::other)?;
        self.records += 1;
        match &mut self.bytes {
            Packer::Plain(bytes) => bytes.write_all(&self.frame),
            Packer::Zstd(bytes) => bytes.write_all(&self.frame),
            Packer::Gzip(bytes) => bytes.write_all(&self.frame),
        }
    }

    /// Ends the upload and says what it is for. Its id is drawn from everything that it is, so that the
    /// same content under the same terms is the same upload, also when another run sends it.
    pub fn finish(self, terms: &UploadTerms) -> io::Result<OutgoingUpload> {
        let bytes = match self.bytes {
            Packer::Plain(bytes) => bytes,
            Packer::Zstd(bytes) => bytes.finish()?,
            Packer::Gzip(bytes) => bytes.finish()?,
        };
        let (kind, record_kind, withdraw_missing) = match terms.kind {
            UploadKind::Delta => (v1::UploadKind::Delta, 0, false),
            UploadKind::Snapshot { of, missing } => (
                v1::UploadKind::Snapshot,
                write_kind(of).into(),
                missing == Missing::Withdraw,
            ),
        };
        let packing = match self.packing {
            Packing::Plain => v1::UploadPacking::Unspecified,
            Packing::Zstd => v1::UploadPacking::Zstd,
            Packing::Gzip => v1::UploadPacking::Gzip,
        };
        let mut manifest = v1::UploadManifest {
            upload_id: String::new(),
            kind: kind.into(),
            record_kind,
            unit: Some(write_unit(terms.unit)),
            period: terms.period.as_str().to_owned(),
            records: self.records,
            bytes: length(&bytes),
            digest: blake3::hash(&bytes).as_bytes().to_vec(),
            packing: packing.into(),
            withdraw_missing,
            validate_only: terms.effect == Effect::ReportOnly,
            all_or_nothing: terms.faults == Faults::RefuseAll,
        };
        manifest.upload_id = terms
            .upload
            .unwrap_or_else(|| drawn_id(&manifest))
            .to_string();
        Ok(OutgoingUpload {
            manifest,
            content: bytes.into(),
        })
    }
}

fn drawn_id(manifest: &v1::UploadManifest) -> Uuid {
    let hash = blake3::hash(&manifest.encode_to_vec());
    let mut id = [0; 16];
    for (place, byte) in id.iter_mut().zip(hash.as_bytes()) {
        *place = *byte;
    }
    uuid::Builder::from_custom_bytes(id).into_uuid()
}

/// What an upload is for.
#[derive(Clone, Debug)]
pub struct UploadTerms {
    /// Its id; drawn from its content unless given.
    pub upload: Option<Uuid>,
    /// What it states.
    pub kind: UploadKind,
    /// The unit that it is about.
    pub unit: UnitReference,
    /// The time that it is about.
    pub period: Period,
    /// What faulty records mean.
    pub faults: Faults,
    /// Whether it has an effect.
    pub effect: Effect,
}

/// An upload that is ready to be sent.
#[derive(Clone)]
pub struct OutgoingUpload {
    /// What it is.
    pub manifest: v1::UploadManifest,
    /// Its bytes.
    pub content: Bytes,
}

/// How far an upload is, for those who wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadNews {
    /// So many bytes are durable at the hub.
    Sending {
        /// Durable bytes.
        durable: u64,
    },
    /// So many records were dealt with.
    Committing {
        /// Records.
        done: u64,
    },
    /// An attempt failed; another follows.
    Waiting {
        /// Attempts in a row that came to nothing.
        failures: u32,
    },
}

/// A line to a hub's uploads.
pub struct UploadClient {
    client: IngestServiceClient<Channel>,
    pace: Pace,
    attempts_max: u32,
    /// Bytes of content that were given to the line, whatever became of them.
    pub bytes_sent: u64,
}

/// How large the next chunk may be. A cut loses the chunk that is on its way, so that a chunk is a small
/// part of what the line carries between two cuts, and no more than it carries in two seconds.
struct Pace {
    /// Bytes that the present line has carried.
    carried: u64,
    /// Bytes that the last line carried before it broke.
    before_break: Option<u64>,
    /// Bytes a second at which the last chunk arrived.
    rate: Option<u64>,
}

impl Pace {
    fn chunk(&self, total: u64) -> u64 {
        let within = |milliseconds, unknown| {
            let rate = self
                .rate
                .map(|rate| rate.saturating_mul(milliseconds) / 1_000);
            rate.unwrap_or(unknown)
        };
        let share = match self.before_break {
            None => {
                let bold = (total / QUICK_SHARE).max(QUICK_BYTES);
                within(QUICK_MILLISECONDS, 0).clamp(total / CHUNK_SHARE, bold)
            }
            Some(before) => before.max(self.carried) / CHUNK_SHARE,
        };
        let most = u64::try_from(CHUNK_BYTES_MAX).unwrap_or(u64::MAX);
        let share = share.min(within(CHUNK_MILLISECONDS, u64::MAX));
        share.clamp(CHUNK_BYTES_MIN, most)
    }

    fn arrived(&mut self, bytes: u64, took: Duration) {
        self.carried += bytes;
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        self.rate = Some(bytes.saturating_mul(1_000_000) / micros);
    }

    fn broke(&mut self) {
        self.before_break = Some(self.carried);
        self.carried = 0;
    }
}

impl UploadClient {
    /// A client over a line that gives up after so many attempts in a row that come to nothing.
    pub fn new(line: Channel, attempts_max: u32) -> Self {
        Self {
            client: IngestServiceClient::new(line),
            pace: Pace {
                carried: 0,
                before_break: None,
                rate: None,
            },
            attempts_max,
            bytes_sent: 0,
        }
    }

    /// Sends an upload and gives its receipt. A line that breaks is made again, and the upload goes on at
    /// what is durable; calling again after an error does the same.
    pub async fn send(
        &mut self,
        upload: &OutgoingUpload,
        mut told: impl FnMut(UploadNews) + Send,
    ) -> Result<v1::UploadStatus, UpstreamError> {
        let (mut failures, mut sent_again) = (0, false);
        loop {
            let mut has_moved = false;
            let sent = self.attempt(upload, |news| {
                has_moved = true;
                told(news);
            });
            let error = match sent.await {
                Ok(status) => return Ok(status),
                Err(error) => error,
            };
            self.pace.broke();
            let patience = patience(&error);
            match patience {
                Patience::None => return Err(error),
                Patience::Once if sent_again => return Err(error),
                Patience::Once => sent_again = true,
                Patience::Wait(_) => {}
            }
            failures = if has_moved { 1 } else { failures + 1 };
            if failures >= self.attempts_max {
                return Err(error);
            }
            told(UploadNews::Waiting { failures });
            let wait = backoff(failures, rand::random());
            let asked = match patience {
                Patience::Wait(Some(asked)) => asked,
                Patience::Wait(None) | Patience::Once | Patience::None => Duration::ZERO,
            };
            tokio::time::sleep(wait.max(asked)).await;
        }
    }

    async fn attempt(
        &mut self,
        upload: &OutgoingUpload,
        mut told: impl FnMut(UploadNews) + Send,
    ) -> Result<v1::UploadStatus, UpstreamError> {
        let request = v1::OpenUploadRequest {
            manifest: Some(upload.manifest.clone()),
        };
        let opened = in_time(self.client.open_upload(request))
            .await?
            .into_inner();
        let status = opened.upload.unwrap_or_default();
        let end = length(&upload.content);
        match status.state() {
            v1::UploadState::Receiving if status.durable_offset < end => {
                let from = status.durable_offset;
                self.send_chunks(upload, from, &mut told).await?;
            }
            v1::UploadState::Receiving | v1::UploadState::Committing => {}
            v1::UploadState::Committed | v1::UploadState::Validated | v1::UploadState::Refused => {
                return Ok(status);
            }
            v1::UploadState::Unspecified => {
                return Err(UpstreamError::Nonsense("it gave no state of the upload"));
            }
        }
        self.commit(&upload.manifest.upload_id, told).await
    }

    /// Sends one chunk after the other, each when the one before it is durable.
    async fn send_chunks(
        &mut self,
        upload: &OutgoingUpload,
        mut durable: u64,
        told: &mut (impl FnMut(UploadNews) + Send),
    ) -> Result<(), UpstreamError> {
        let end = length(&upload.content);
        let (chunks, outgoing) = mpsc::channel(1);
        let opening = self.client.send_chunks(ReceiverStream::new(outgoing));
        // The hub answers the first chunk, not the opening of the stream.
        let mut answers: Option<Streaming<v1::SendChunksResponse>> = None;
        tokio::pin!(opening);
        while durable < end {
            let size = self.pace.chunk(end).min(end - durable);
            let content = part(&upload.content, durable, size);
            let chunk = v1::SendChunksRequest {
                upload_id: upload.manifest.upload_id.clone(),
                offset: durable,
                content,
            };
            let started = Instant::now();
            self.bytes_sent += size;
            // A stream that has ended says so where its answer is read.
            drop(chunks.send(chunk).await);
            let stream = match &mut answers {
                Some(stream) => stream,
                None => answers.insert(in_time(&mut opening).await?.into_inner()),
            };
            let answer = in_time(stream.message()).await?;
            let answer = answer.ok_or(UpstreamError::Nonsense("it ended the stream"))?;
            if answer.durable_offset <= durable || answer.durable_offset > end {
                return Err(UpstreamError::Nonsense("its offset does not rise"));
            }
            self.pace.arrived(size, started.elapsed());
            durable = answer.durable_offset;
            told(UploadNews::Sending { durable });
        }
        Ok(())
    }

    /// Commits and waits for the end.
    async fn commit(
        &mut self,
        upload_id: &str,
        mut told: impl FnMut(UploadNews) + Send,
    ) -> Result<v1::UploadStatus, UpstreamError> {
        let request = v1::CommitUploadRequest {
            upload_id: upload_id.to_owned(),
        };
        let mut answers = in_time(self.client.commit_upload(request))
            .await?
            .into_inner();
        loop {
            // A hub that has much to do says nothing for a while; a line that is gone is found by pings.
            let answer = answers.message().await;
            let answer = answer.map_err(|status| super::status::read_upstream_error(&status))?;
            let answer = answer.ok_or(UpstreamError::Nonsense("it ended before the receipt"))?;
            let status = answer.upload.unwrap_or_default();
            match status.state() {
                v1::UploadState::Committing => told(UploadNews::Committing {
                    done: status.records_done,
                }),
                v1::UploadState::Committed
                | v1::UploadState::Validated
                | v1::UploadState::Refused => return Ok(status),
                v1::UploadState::Receiving | v1::UploadState::Unspecified => {
                    return Err(UpstreamError::Nonsense("it went back to receiving"));
                }
            }
        }
    }
}

/// Whether trying again may help.
#[derive(Clone, Copy)]
enum Patience {
    /// It does not.
    None,
    /// It may have been an accident.
    Once,
    /// After a while, at least as long as the hub asks for.
    Wait(Option<Duration>),
}

fn patience(error: &UpstreamError) -> Patience {
    match error {
        UpstreamError::Refused {
            reason,
            retry_after: None,
        } => match reason.as_str() {
            // Bytes that another client of ours has sent, or that the hub has forgotten.
            "DIGEST_DIFFERS" => Patience::Once,
            "OFFSET_AHEAD" | "UPLOAD_INCOMPLETE" | "UPLOAD_UNKNOWN" => Patience::Wait(None),
            _ => Patience::None,
        },
        UpstreamError::Refused { retry_after, .. } => Patience::Wait(*retry_after),
        UpstreamError::Unreachable(_) | UpstreamError::TimedOut | UpstreamError::Nonsense(_) => {
            Patience::Wait(None)
        }
    }
}

fn part(content: &Bytes, from: u64, size: u64) -> Bytes {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(content.len());
    content.slice(place(from)..place(from + size))
}

fn length(content: &[u8]) -> u64 {
    u64::try_from(content.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(carried: u64, before_break: Option<u64>) -> Pace {
        Pace {
            carried,
            before_break,
            rate: None,
        }
    }

    #[test]
    fn a_chunk_is_a_small_part_of_what_the_line_carries() {
        let five = 5 * 1024 * 1024;

        assert_eq!(pace(0, None).chunk(five), 40 * 1024);
        assert_eq!(pace(0, Some(1024 * 1024)).chunk(five), 8 * 1024);
        assert_eq!(pace(2 * 1024 * 1024, Some(0)).chunk(five), 16 * 1024);
        assert_eq!(pace(0, Some(0)).chunk(five), 4 * 1024);
        assert_eq!(pace(0, None).chunk(1 << 40), 256 * 1024);
    }

    #[test]
    fn a_quick_line_gets_larger_chunks_until_it_breaks() {
        let five = 5 * 1024 * 1024;
        let mut pace = pace(0, None);

        pace.arrived(1024 * 1024, Duration::from_millis(20));

        assert_eq!(pace.chunk(five), 80 * 1024);
        assert_eq!(pace.chunk(1024 * 1024), 64 * 1024);
        pace.broke();
        assert_eq!(pace.chunk(five), 8 * 1024);
    }

    #[test]
    fn a_slow_line_gets_chunks_of_two_seconds() {
        let mut pace = pace(0, None);

        pace.arrived(40_000, Duration::from_secs(4));

        assert_eq!(pace.chunk(1 << 40), 20_000);
    }
}
