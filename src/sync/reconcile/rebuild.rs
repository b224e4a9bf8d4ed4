//! The linkage index as the store has it: read page by page, opened and normalised on all cores while the
//! next page is read, then compared on all cores.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use futures_util::{Stream, TryStreamExt, stream};

use super::ReconcileError;
use super::content::{open_member, read_normalised};
use crate::domain::golden::GoldenId;
use crate::domain::record::{RecordKey, RecordKind};
use crate::linkage::decisions::Decisions;
use crate::linkage::features::Normalised;
use crate::linkage::index::{Former, LinkageIndex, Review};
use crate::linkage::model::Model;
use crate::security::seal::SealKey;
use crate::store::{Member, ReviewRow, Store};
use crate::sync::bulk;
use crate::sync::codec::RecordCodec;

/// Rows that are read at a time.
const PAGE_ROWS: i64 = 5_000;

/// A record as the index takes it.
struct Ready {
    key: RecordKey,
    golden: GoldenId,
    normalised: Normalised,
    former: Option<Former>,
    different_from: BTreeSet<RecordKey>,
}

/// The index of every live child. All its records wait to be settled: the links of the store may be those
/// of another model or another program.
pub async fn rebuild_index(
    store: &Store,
    codec: Arc<dyn RecordCodec>,
    key: Arc<SealKey>,
    model: Arc<Model>,
) -> Result<LinkageIndex, ReconcileError> {
    let mut index = LinkageIndex::new(model, read_decisions(store).await?);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let pages = live_children(store).map_ok(|page| {
        let (codec, key) = (Arc::clone(&codec), Arc::clone(&key));
        apart(move || read_page(&*codec, &key, page))
    });
    let mut pages = std::pin::pin!(pages.try_buffered(cores));
    while let Some(page) = pages.try_next().await? {
        let page = page?;
        index = apart(move || {
            for record in page {
                let number = index.load(record.key, &record.normalised, Some(record.golden));
                if let Some(former) = record.former {
                    index.remember_former(number, former);
                }
                if !record.different_from.is_empty() {
                    index.state(record.key, record.different_from);
                }
            }
            index
        })
        .await?;
    }
    restore_reviews(store, &mut index).await?;
    apart(move || {
        bulk::compare_all(&mut index);
        index.touch_all();
        index
    })
    .await
}

/// Runs what takes long on a thread where nothing else waits for it.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ReconcileError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| ReconcileError::Interrupted)
}

/// All live children, page by page in the order of their keys.
fn live_children(store: &Store) -> impl Stream<Item = Result<Vec<Member>, ReconcileError>> {
    stream::try_unfold(None, async |after: Option<RecordKey>| {
        let mut reading = store.read().await?;
        let page = reading.scan_live_children(after, PAGE_ROWS).await?;
        let last = page.last().map(|member| member.key);
        Ok(last.map(|last| (page, Some(last))))
    })
}

fn read_page(
    codec: &dyn RecordCodec,
    key: &SealKey,
    page: Vec<Member>,
) -> Result<Vec<Ready>, ReconcileError> {
    let mut ready = Vec::with_capacity(page.len());
    for member in page {
        let opened = open_member(key, &member)?;
        match read_normalised(codec, RecordKind::Child, &opened) {
            Ok(Some(normalised)) => ready.push(Ready {
                key: member.key,
                golden: member.golden_id,
                normalised,
                former: member.former.map(|(golden, alias)| Former {
                    golden,
                    joined: alias.unsigned_abs(),
                }),
                different_from: member.relations.others(member.key),
            }),
            Ok(None) => {}
            Err(error) => {
                let record = member.key.record_id;
                tracing::warn!(record.id = %record, error = %error, "A held record cannot be linked");
            }
        }
    }
    Ok(ready)
}

/// The decisions that the links of the store already rest on.
async fn read_decisions(store: &Store) -> Result<Decisions, ReconcileError> {
    let mut reading = store.read().await?;
    let done = reading.read_counter("decision_done").await?;
    let mut decisions = Decisions::default();
    let mut after = 0;
    loop {
        let page = reading.read_decisions(after, PAGE_ROWS).await?;
        let Some(last) = page.last() else {
            return Ok(decisions);
        };
        after = last.sequence;
        for decision in page
            .into_iter()
            .filter(|decision| decision.sequence <= done)
        {
            decisions.put(decision.pair, decision.verdict);
        }
    }
}

/// The reviews that the store has, so that only what differs is written.
async fn restore_reviews(store: &Store, index: &mut LinkageIndex) -> Result<(), ReconcileError> {
    let mut reading = store.read().await?;
    let mut after = None;
    loop {
        let page = reading.scan_reviews(after, PAGE_ROWS).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.pair);
        for ReviewRow {
            pair, centibits, ..
        } in page
        {
            index.restore_review(Review { pair, centibits });
        }
    }
}
