//! The linkage index as the store has it: read page by page, opened and normalised on all cores while the
//! next page is read, then compared on all cores.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt, stream};

use super::ReconcileError;
use super::content::{open_member, read_normalised};
use crate::domain::golden::GoldenId;
use crate::domain::pair::{Pair, Verdict};
use crate::domain::record::{RecordKey, RecordKind};
use crate::linkage::decisions::Decisions;
use crate::linkage::features::Normalised;
use crate::linkage::index::{Former, LinkageIndex, Review};
use crate::linkage::model::Model;
use crate::security::seal::SealKey;
use crate::store::{Member, ReviewRow, Store};
use crate::sync::bulk::{self, Progress};
use crate::sync::codec::RecordCodec;

/// Rows that are read at a time.
const PAGE_ROWS: i64 = 5_000;
/// Records that are taken in at a time when an index catches up.
const CATCH_UP_PAGE_RECORDS: usize = 1_000;

/// A record as the index takes it.
struct Ready {
    key: RecordKey,
    golden: GoldenId,
    normalised: Normalised,
    former: Option<Former>,
    different_from: BTreeSet<RecordKey>,
}

/// What an index is built from, and how.
#[derive(Clone)]
pub struct Rebuild {
    /// The hub's database.
    pub store: Store,
    /// Reads records.
    pub codec: Arc<dyn RecordCodec>,
    /// Opens contents.
    pub key: Arc<SealKey>,
    /// The model that it links by.
    pub model: Arc<Model>,
    /// Cores that it may keep busy.
    pub cores: usize,
    /// How far it is.
    pub progress: Arc<Progress>,
}

impl Rebuild {
    /// The index of every live child, compared and without reviews. All its records wait to be settled:
    /// the links of the store may be those of another model or another program.
    ///
    /// What the reconciler writes meanwhile may be in it or not, and must be taken in afterwards.
    pub async fn build(&self) -> Result<LinkageIndex, ReconcileError> {
        let decisions = read_decisions(&self.store).await?;
        let mut index = LinkageIndex::new(Arc::clone(&self.model), decisions);
        index.reserve(self.count_records().await?);
        let pages = live_children(&self.store).map_ok(|page| self.read(page));
        let mut pages = std::pin::pin!(pages.try_buffered(self.cores));
        let mut next = pages.try_next().await?;
        while let Some(page) = next {
            let page = page?;
            self.progress.add_read(page.len());
            // The database and the readers go on while the index takes a page in.
            let (loaded, following) =
                tokio::join!(apart(move || load(index, page)), pages.try_next());
            (index, next) = (loaded?, following?);
            self.go_on()?;
        }
        let (cores, progress) = (self.cores, Arc::clone(&self.progress));
        let index = apart(move || {
            bulk::compare_watched(&mut index, cores, &progress);
            index.put_off_all();
            index
        })
        .await?;
        self.go_on()?;
        Ok(index)
    }

    /// How many records the index will hold, about.
    async fn count_records(&self) -> Result<usize, ReconcileError> {
        let mut reading = self.store.read().await?;
        let records = reading.read_counter("live_children").await?;
        Ok(usize::try_from(records).unwrap_or_default())
    }

    /// Takes in what the reconciler wrote after the index was begun: these records as the store has them
    /// now, and these decisions.
    pub(super) async fn catch_up(
        &self,
        mut index: LinkageIndex,
        missed: Missed,
    ) -> Result<LinkageIndex, ReconcileError> {
        let keys: Vec<RecordKey> = missed.records.into_iter().collect();
        for keys in keys.chunks(CATCH_UP_PAGE_RECORDS) {
            let members = self.store.read().await?.find_members(keys).await?;
            let live = self.read(members).await??;
            let live = live.into_iter().map(|ready| (ready.key, ready));
            let mut live: HashMap<RecordKey, Ready> = live.collect();
            let keys = keys.to_vec();
            index = apart(move || {
                for key in keys {
                    take_in(&mut index, key, live.remove(&key));
                }
                index
            })
            .await?;
            self.go_on()?;
        }
        for (pair, verdict) in missed.decisions {
            index.decide(pair, verdict);
        }
        index.put_off();
        Ok(index)
    }

    fn read(
        &self,
        page: Vec<Member>,
    ) -> impl Future<Output = Result<Result<Vec<Ready>, ReconcileError>, ReconcileError>> + use<>
    {
        let (codec, key) = (Arc::clone(&self.codec), Arc::clone(&self.key));
        apart(move || read_page(&*codec, &key, page))
    }

    fn go_on(&self) -> Result<(), ReconcileError> {
        if self.progress.is_unwanted() {
            Err(ReconcileError::Unwanted)
        } else {
            Ok(())
        }
    }
}

/// Takes a page in, to be compared when all are there.
fn load(mut index: LinkageIndex, page: Vec<Ready>) -> LinkageIndex {
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
}

/// Takes a record in as the store has it now; `None` is not live, and says nothing of others.
fn take_in(index: &mut LinkageIndex, key: RecordKey, ready: Option<Ready>) {
    index.apply(key, ready.as_ref().map(|ready| &ready.normalised));
    let different_from = match ready {
        Some(ready) => {
            index.place(key, ready.golden, ready.former);
            ready.different_from
        }
        None => BTreeSet::new(),
    };
    index.state(key, different_from);
}

/// What the reconciler wrote while another index was built.
#[derive(Default)]
pub(super) struct Missed {
    /// Children that were written, moved or withdrawn.
    pub(super) records: BTreeSet<RecordKey>,
    /// Decisions that were followed, in their order.
    pub(super) decisions: Vec<(Pair, Option<Verdict>)>,
}

impl Missed {
    /// How much there is to take in.
    pub(super) fn len(&self) -> usize {
        self.records.len() + self.decisions.len()
    }
}

/// The index of every live child, with the reviews of the store, on all cores.
pub async fn rebuild_index(
    store: &Store,
    codec: Arc<dyn RecordCodec>,
    key: Arc<SealKey>,
    model: Arc<Model>,
) -> Result<LinkageIndex, ReconcileError> {
    let rebuild = Rebuild {
        store: store.clone(),
        codec,
        key,
        model,
        cores: bulk::all_cores(),
        progress: Arc::default(),
    };
    let mut index = rebuild.build().await?;
    restore_reviews(store, &mut index).await?;
    Ok(index)
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

/// What linkage looks at in these children; one that cannot be read is left out.
pub(in crate::sync) fn read_normalised_children(
    codec: &dyn RecordCodec,
    key: &SealKey,
    members: Vec<Member>,
) -> Result<Vec<(RecordKey, Normalised)>, ReconcileError> {
    let ready = read_page(codec, key, members)?.into_iter();
    Ok(ready.map(|ready| (ready.key, ready.normalised)).collect())
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
pub(in crate::sync) async fn restore_reviews(
    store: &Store,
    index: &mut LinkageIndex,
) -> Result<(), ReconcileError> {
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
