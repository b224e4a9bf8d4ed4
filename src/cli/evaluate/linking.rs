//! Linking a whole file with all cores: the same index as the hub's, loaded first and compared after.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::labelled::{Columns, LabelledFile, LabelledRows};
use crate::domain::golden::GoldenId;
use crate::linkage::decisions::Decisions;
use crate::linkage::details::row_key;
use crate::linkage::evaluation::Evaluation;
use crate::linkage::features::Normalised;
use crate::linkage::index::LinkageIndex;
use crate::linkage::model::Model;
use crate::sync::bulk::compare_all;

/// Rows that are handed from the reader to the index at a time.
const ROWS_PER_BATCH: usize = 2_000;
/// Batches that may wait for the index.
const BATCHES_WAITING: usize = 4;

/// A linked file.
pub(super) struct Linked {
    pub(super) evaluation: Evaluation,
    pub(super) candidate_pairs: usize,
    pub(super) index: LinkageIndex,
    pub(super) entities: Vec<u32>,
    /// Records with a name that had to be repaired.
    pub(super) repaired_texts: u64,
    /// How many records had each fault in a name.
    pub(super) faults: BTreeMap<&'static str, u64>,
}

/// One row on its way to the index.
struct Row {
    normalised: Normalised,
    node: i64,
    entity: u32,
}

/// Reads, normalises, links and counts. About so many rows are `expected`; `advance` is told how many rows have been read.
pub(super) fn link_file(
    file: LabelledFile<impl std::io::Read + Send>,
    expected: usize,
    model: Arc<Model>,
    mut advance: impl FnMut(usize),
) -> anyhow::Result<Linked> {
    let mut index = LinkageIndex::new(model, Decisions::default());
    index.reserve(expected);
    let mut entities: Vec<u32> = Vec::with_capacity(expected);
    let (mut repaired_texts, mut faults) = (0, BTreeMap::new());
    let columns = file.columns();
    let (to_normalise, rows) = sync_channel(BATCHES_WAITING);
    let (to_index, normalised) = sync_channel(BATCHES_WAITING);
    thread::scope(|scope| {
        let reading = scope.spawn(move || read_all(file, &to_normalise));
        scope.spawn(move || normalise_all(&columns, rows, &to_index));
        for batch in normalised {
            advance(batch.len());
            for row in batch {
                let number = u64::try_from(entities.len())?;
                index.load(row_key(row.node, number), &row.normalised, None);
                entities.push(row.entity);
                let found = row.normalised.faults();
                repaired_texts += u64::from(!found.is_empty());
                for fault in found.iter() {
                    *faults.entry(fault.as_str()).or_default() += 1;
                }
            }
        }
        match reading.join() {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    let candidate_pairs = compare_all(&mut index);
    let evaluation = settle(&mut index, &entities);
    Ok(Linked {
        evaluation,
        candidate_pairs,
        index,
        entities,
        repaired_texts,
        faults,
    })
}

/// Hands the rows on in batches until the file ends or nobody wants them.
fn read_all(
    mut file: LabelledFile<impl std::io::Read>,
    rows: &SyncSender<LabelledRows>,
) -> anyhow::Result<()> {
    loop {
        let batch = file.next_rows(ROWS_PER_BATCH)?;
        if batch.is_empty() || rows.send(batch).is_err() {
            return Ok(());
        }
    }
}

fn normalise_all(
    columns: &Columns,
    rows: Receiver<LabelledRows>,
    normalised: &SyncSender<Vec<Row>>,
) {
    for batch in rows {
        let batch = batch.iter().map(|row| Row {
            normalised: Normalised::new(&columns.details(&row)),
            node: row.node,
            entity: row.entity,
        });
        if normalised.send(batch.collect()).is_err() {
            return;
        }
    }
}

/// Clusters everything and counts against the truth.
fn settle(index: &mut LinkageIndex, entities: &[u32]) -> Evaluation {
    let mut names = 0_u128;
    index.put_off_all();
    index.settle_some(usize::MAX, || {
        names += 1;
        GoldenId::new(uuid::Uuid::from_u128(names))
    });
    let golden: Vec<(u32, Option<GoldenId>)> = index
        .numbers()
        .zip(entities)
        .map(|(number, entity)| (*entity, index.golden(number)))
        .collect();
    let row = |key: crate::domain::record::RecordKey| {
        usize::try_from(key.record_id.as_uuid().as_u128()).unwrap_or(usize::MAX)
    };
    let reviews = index.open_reviews();
    let reviews: Vec<_> = reviews
        .map(|review| (row(review.pair.one()), row(review.pair.other())))
        .collect();
    Evaluation::of(&golden, &reviews)
}
