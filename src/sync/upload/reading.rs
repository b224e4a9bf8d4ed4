//! Feeding the thread that reads an upload: chunks are opened and given away in their order.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::committer::{Reign, UploadCommitter};
use super::length;
use super::slice::{Listed, ReadError, Slice, SliceReader};
use super::take::{CHUNKS_WAITING_MAX, TakeError, Taking};
use crate::domain::upload::UploadKind;
use crate::store::UploadRow;
use crate::sync::ingest::Examiner;
use crate::sync::sealing::open_chunk;

/// Chunks that are read from the database at a time.
const CHUNKS_READ: i64 = 8;

impl UploadCommitter {
    /// Starts the thread that reads the upload; what feeds it must be waited for beside it.
    pub(super) async fn read(
        &self,
        taking: &Taking<'_>,
        slices: mpsc::Sender<Slice>,
    ) -> Result<
        (
            impl Future<Output = Result<(), TakeError>>,
            JoinHandle<Result<Listed, ReadError>>,
        ),
        TakeError,
    > {
        let mut transaction = self.store.read().await?;
        let territory = transaction.territory_of(taking.row.node).await?;
        drop(transaction);
        let examiner = Examiner {
            node: taking.row.node,
            territory: Arc::new(territory),
            units: Arc::clone(&self.units),
            codec: Arc::clone(&self.codec),
            key: Arc::clone(&self.key),
            clock: Arc::clone(&self.clock),
        };
        let reader = SliceReader {
            examiner: Arc::new(examiner),
            packing: taking.row.manifest.packing,
            done: taking.progress.done,
            lists: taking.row.manifest.kind != UploadKind::Delta,
        };
        let (sender, chunks) = mpsc::channel(CHUNKS_WAITING_MAX);
        let reading = spawn_blocking(move || reader.read(chunks, &slices));
        let row = taking.row.clone();
        Ok((self.feed_row(taking.reign, row, sender), reading))
    }

    /// Gives the chunks of an upload away.
    pub(super) async fn feed(
        &self,
        taking: &Taking<'_>,
        chunks: mpsc::Sender<Bytes>,
    ) -> Result<(), TakeError> {
        self.feed_row(taking.reign, taking.row.clone(), chunks)
            .await
    }

    /// Reads the chunks, opens them and gives them away until the end, or until nobody wants more.
    async fn feed_row(
        &self,
        reign: &Reign,
        row: UploadRow,
        chunks: mpsc::Sender<Bytes>,
    ) -> Result<(), TakeError> {
        let key = row.key();
        let mut at = 0;
        while at < row.manifest.bytes {
            self.keep(reign).await?;
            let mut transaction = self.store.read().await?;
            let page = transaction.read_chunks(key, at, CHUNKS_READ).await?;
            drop(transaction);
            if page.is_empty() {
                return Err(TakeError::Gap);
            }
            for (start, sealed) in page {
                if start != at {
                    return Err(TakeError::Gap);
                }
                let content = open_chunk(&self.key, key, start, &sealed)?;
                at += length(&content);
                if chunks.send(content.into()).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
