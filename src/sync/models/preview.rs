//! What another model would change: everything linked under it in memory, beside what the store has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::golden::GoldenId;
use crate::domain::pair::Pair;
use crate::domain::record::RecordKey;
use crate::linkage::decisions::Decisions;
use crate::linkage::index::{LinkageIndex, Settlement};
use crate::linkage::model::{Centibits, Model};
use crate::security::seal::SealKey;
use crate::store::Store;
use crate::sync::bulk::{Progress, all_cores};
use crate::sync::codec::RecordCodec;
use crate::sync::reconcile::{Rebuild, ReconcileError, read_normalised_children, restore_reviews};

/// Example pairs of one kind of change at most.
const EXAMPLES_OF_A_KIND_MAX: usize = 10;

/// What would become of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// Apart now, together under the new model.
    Linked,
    /// Together now, apart under the new model.
    Unlinked,
    /// A steward would be asked.
    ReviewOpened,
    /// A steward would not be asked any more.
    ReviewClosed,
}

/// A pair that would change, with its scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// What would become of it.
    pub kind: ChangeKind,
    /// The pair.
    pub pair: Pair,
    /// Its score under the model in use.
    pub old: Centibits,
    /// Its score under the new model.
    pub new: Centibits,
}

/// What another model would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPreview {
    /// Live children.
    pub records: usize,
    /// Golden records that they are in.
    pub golden_before: usize,
    /// Golden records that they would be in.
    pub golden_after: usize,
    /// Records that would be in another golden record.
    pub moved_records: usize,
    /// Golden records that would lose records to others.
    pub losing_golden: usize,
    /// Pairs of records that would be together.
    pub linked_pairs: usize,
    /// Pairs of records that would be together no more.
    pub unlinked_pairs: usize,
    /// Pairs that a steward would be asked about.
    pub reviews_opened: usize,
    /// Pairs that would wait under another score.
    pub reviews_rescored: usize,
    /// Pairs that a steward would not be asked about any more.
    pub reviews_closed: usize,
    /// Some pairs of each kind.
    pub examples: Vec<Example>,
}

/// Links everything of a store under the second model, in memory, and says what differs from the store.
/// The scores of examples are those of the first model and of the second. On all cores; takes as much
/// memory as the reconciler's own index.
pub async fn preview(
    store: &Store,
    codec: &Arc<dyn RecordCodec>,
    key: &Arc<SealKey>,
    [old, new]: [Arc<Model>; 2],
    progress: Arc<Progress>,
) -> Result<ModelPreview, ReconcileError> {
    let rebuild = Rebuild {
        store: store.clone(),
        codec: Arc::clone(codec),
        key: Arc::clone(key),
        model: new,
        cores: all_cores(),
        progress,
    };
    let mut index = rebuild.build().await?;
    restore_reviews(store, &mut index).await?;
    let settled = tokio::task::spawn_blocking(move || settle(index)).await;
    let (mut preview, kinds) = settled.map_err(|_| ReconcileError::Interrupted)?;
    let pairs: Vec<Pair> = kinds.iter().map(|(_, pair, _)| *pair).collect();
    let old = scores(store, codec, key, old, &pairs).await?;
    let examples = kinds.into_iter().filter_map(|(kind, pair, new)| {
        let old = *old.get(&pair)?;
        Some(Example {
            kind,
            pair,
            old,
            new,
        })
    });
    preview.examples = examples.collect();
    Ok(preview)
}

/// An example without its old score.
type NewScored = (ChangeKind, Pair, Centibits);

fn settle(mut index: LinkageIndex) -> (ModelPreview, Vec<NewScored>) {
    let waiting: BTreeSet<Pair> = index.open_reviews().map(|review| review.pair).collect();
    let golden_before = index.count_golden();
    let mut names = 0_u128;
    let settlement = index.settle_some(usize::MAX, || {
        // Fresh identities are of version 7; these never meet one.
        names += 1;
        GoldenId::new(uuid::Uuid::from_u128(names))
    });
    let [linked, unlinked] = pairs_that_change(&index, &settlement);
    let opened = settlement.opened.iter().map(|review| review.pair);
    let (rescored, opened): (Vec<Pair>, Vec<Pair>) =
        opened.partition(|pair| waiting.contains(pair));
    let losing = settlement.moves.iter().filter_map(|change| change.from);
    let preview = ModelPreview {
        records: index.len(),
        golden_before,
        golden_after: index.count_golden(),
        moved_records: settlement.moves.len(),
        losing_golden: losing.collect::<BTreeSet<_>>().len(),
        linked_pairs: linked.len(),
        unlinked_pairs: unlinked.len(),
        reviews_opened: opened.len(),
        reviews_rescored: rescored.len(),
        reviews_closed: settlement.closed.len(),
        examples: Vec::new(),
    };
    let mut examples = Vec::new();
    for (kind, pairs) in [
        (ChangeKind::Linked, linked),
        (ChangeKind::Unlinked, unlinked),
        (ChangeKind::ReviewOpened, opened),
        (ChangeKind::ReviewClosed, settlement.closed),
    ] {
        let scored = pairs.into_iter().filter_map(|pair| {
            let (one, other) = (index.find(pair.one())?, index.find(pair.other())?);
            let score = index.model().score(&index.compare(one, other));
            Some((kind, pair, score.centibits))
        });
        examples.extend(scored.take(EXAMPLES_OF_A_KIND_MAX));
    }
    (preview, examples)
}

/// Pairs of records that came together, and pairs that came apart, each in the order of their keys.
fn pairs_that_change(index: &LinkageIndex, settlement: &Settlement) -> [Vec<Pair>; 2] {
    let from: HashMap<RecordKey, Option<GoldenId>> = settlement
        .moves
        .iter()
        .map(|change| (change.record, change.from))
        .collect();
    let ends = settlement
        .moves
        .iter()
        .flat_map(|change| [change.from, Some(change.to)]);
    let touched: BTreeSet<GoldenId> = ends.flatten().collect();
    let mut before: BTreeMap<GoldenId, Vec<RecordKey>> = BTreeMap::new();
    let mut after: BTreeMap<GoldenId, Vec<RecordKey>> = BTreeMap::new();
    for number in index.numbers() {
        let (key, now) = (index.key(number), index.golden(number));
        let then = from.get(&key).copied().unwrap_or(now);
        for (groups, golden) in [(&mut before, then), (&mut after, now)] {
            if let Some(golden) = golden.filter(|golden| touched.contains(golden)) {
                groups.entry(golden).or_default().push(key);
            }
        }
    }
    let [before, after] = [before, after].map(pairs_within);
    [
        after.difference(&before).copied().collect(),
        before.difference(&after).copied().collect(),
    ]
}

fn pairs_within(groups: BTreeMap<GoldenId, Vec<RecordKey>>) -> BTreeSet<Pair> {
    let mut pairs = BTreeSet::new();
    for members in groups.into_values() {
        for (place, one) in members.iter().enumerate() {
            let others = members.iter().skip(place + 1);
            pairs.extend(others.map(|other| Pair::new(*one, *other)));
        }
    }
    pairs
}

/// Scores of a few pairs of live records under a model.
async fn scores(
    store: &Store,
    codec: &Arc<dyn RecordCodec>,
    key: &SealKey,
    model: Arc<Model>,
    pairs: &[Pair],
) -> Result<HashMap<Pair, Centibits>, ReconcileError> {
    let keys: BTreeSet<RecordKey> = pairs
        .iter()
        .flat_map(|pair| [pair.one(), pair.other()])
        .collect();
    let keys: Vec<RecordKey> = keys.into_iter().collect();
    let members = store.read().await?.find_members(&keys).await?;
    let mut index = LinkageIndex::new(Arc::clone(&model), Decisions::default());
    for (key, normalised) in read_normalised_children(&**codec, key, members)? {
        index.load(key, &normalised, None);
    }
    let scored = pairs.iter().filter_map(|pair| {
        let (one, other) = (index.find(pair.one())?, index.find(pair.other())?);
        Some((*pair, model.score(&index.compare(one, other)).centibits))
    });
    Ok(scored.collect())
}
