//! The client side of uploads: packs changes, sends them over any line, and brings the receipt back.

mod pace;
mod packer;

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::proto::v1;
use super::proto::v1::ingest_service_client::IngestServiceClient;
use super::push_client::in_time;
use crate::sync::backoff::backoff;
use crate::sync::forward::UpstreamError;
use pace::Pace;

pub use packer::{OutgoingUpload, UploadPacker, UploadTerms};

/// How many attempts in a row may come to nothing before the client gives up, unless asked otherwise.
pub const ATTEMPTS_MAX: u32 = 8;
/// Entries of a report that are asked for at a time.
const REPORT_PAGE_ENTRIES: u32 = 500;

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

impl UploadClient {
    /// A client over a line that gives up after so many attempts in a row that come to nothing.
    pub fn new(line: Channel, attempts_max: u32) -> Self {
        Self {
            client: IngestServiceClient::new(line),
            pace: Pace::default(),
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

    /// Whether there is a hub at the other end that takes uploads: its word, and nothing else.
    pub async fn ask(&mut self) -> Result<(), UpstreamError> {
        let request = v1::ListUploadsRequest {
            page_size: 1,
            page_token: String::new(),
        };
        in_time(self.client.list_uploads(request)).await.map(drop)
    }

    /// A page of the report of an upload, and the token of the next page; empty for the first and after
    /// the last.
    pub async fn report(
        &mut self,
        upload_id: &str,
        page_token: String,
    ) -> Result<(Vec<v1::UploadEntry>, String), UpstreamError> {
        let request = v1::GetUploadRequest {
            upload_id: upload_id.to_owned(),
            node: String::new(),
            page_size: REPORT_PAGE_ENTRIES,
            page_token,
        };
        let page = in_time(self.client.get_upload(request)).await?.into_inner();
        Ok((page.entries, page.next_page_token))
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
