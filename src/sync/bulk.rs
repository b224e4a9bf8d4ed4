//! Comparing many records on several cores.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::linkage::index::{LinkageIndex, Number, ScoredPair};

/// Records whose pairs one thread looks for at a time.
const RECORDS_PER_TASK: usize = 4_000;

/// How far building an index is. Whoever builds it stops soon when nobody wants it any more.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicUsize,
    compared: AtomicUsize,
    is_unwanted: AtomicBool,
}

impl Progress {
    /// Records that were read.
    pub fn read(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }

    /// Records that were compared.
    pub fn compared(&self) -> usize {
        self.compared.load(Ordering::Relaxed)
    }

    /// Tells whoever builds the index that nobody wants it any more.
    pub fn give_up(&self) {
        self.is_unwanted.store(true, Ordering::Relaxed);
    }

    /// Whether nobody wants the index any more.
    pub fn is_unwanted(&self) -> bool {
        self.is_unwanted.load(Ordering::Relaxed)
    }

    pub(crate) fn add_read(&self, records: usize) {
        self.read.fetch_add(records, Ordering::Relaxed);
    }
}

/// All cores of this machine.
pub fn all_cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Compares every record of an index with its candidates, on all cores, and says how many pairs were
/// compared.
pub fn compare_all(index: &mut LinkageIndex) -> usize {
    compare_watched(index, all_cores(), &Progress::default())
}

/// Compares every record of an index with its candidates on some cores, and says how many pairs were
/// compared: not all of them if the index became unwanted.
pub fn compare_watched(index: &mut LinkageIndex, cores: usize, progress: &Progress) -> usize {
    let numbers: Vec<Number> = index.numbers().collect();
    let next = AtomicUsize::new(0);
    let shared: &LinkageIndex = index;
    let tasks: Vec<&[Number]> = numbers.chunks(RECORDS_PER_TASK).collect();
    let work = || {
        let (mut pairs, mut compared): (Vec<ScoredPair>, usize) = (Vec::new(), 0);
        while !progress.is_unwanted()
            && let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed))
        {
            for number in *task {
                let (found, candidates) = shared.pairs_of(*number);
                pairs.extend(found);
                compared += candidates;
            }
            progress.compared.fetch_add(task.len(), Ordering::Relaxed);
        }
        (pairs, compared)
    };
    let found: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut compared = 0;
    for (pairs, count) in found {
        index.add_pairs(pairs);
        compared += count;
    }
    compared
}
