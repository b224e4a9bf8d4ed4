//! Comparing many records on all cores.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::linkage::index::{LinkageIndex, Number, ScoredPair};

/// Records whose pairs one thread looks for at a time.
const RECORDS_PER_TASK: usize = 4_000;

/// Compares every record of an index with its candidates, on all cores, and says how many pairs were
/// compared.
pub fn compare_all(index: &mut LinkageIndex) -> usize {
    let numbers: Vec<Number> = index.numbers().collect();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let shared: &LinkageIndex = index;
    let tasks: Vec<&[Number]> = numbers.chunks(RECORDS_PER_TASK).collect();
    let work = || {
        let (mut pairs, mut compared): (Vec<ScoredPair>, usize) = (Vec::new(), 0);
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            for number in *task {
                let (found, candidates) = shared.pairs_of(*number);
                pairs.extend(found);
                compared += candidates;
            }
        }
        (pairs, compared)
    };
    let found: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
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
