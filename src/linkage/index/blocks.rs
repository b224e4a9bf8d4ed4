//! Which records share a blocking key.

use std::hint::black_box;

use hashbrown::{HashMap, HashSet};

use super::Number;
use super::sorted_table::SortedTable;
use crate::linkage::blocking::{KEYS, Keys};

/// Records under each blocking key: one table for each kind of key, in which every record stands beside its
/// key. A block that has become a crowd is a set instead, because nobody walks through it.
pub(super) struct Blocks {
    crowd: usize,
    tables: [SortedTable; KEYS],
    crowded: HashMap<(usize, u32), HashSet<u32>>,
}

/// What became of a record's blocks.
#[derive(Default)]
pub(super) struct Crossed {
    /// Blocks that have become crowds: kind and key.
    pub(super) closed: Vec<(usize, u32)>,
    /// Blocks that are no crowds any more.
    pub(super) opened: Vec<(usize, u32)>,
}

impl Blocks {
    /// No blocks; `crowd` is how many records a block may have to say something.
    pub(super) fn new(crowd: u8) -> Self {
        Self {
            crowd: crowd.into(),
            tables: std::array::from_fn(|_| SortedTable::default()),
            crowded: HashMap::new(),
        }
    }

    /// Makes room for so many more records, so that filling the tables does not rebuild them.
    pub(super) fn reserve(&mut self, records: usize) {
        for table in &mut self.tables {
            // Some records lack what a key is made of.
            table.reserve(records / 4 * 3);
        }
    }

    /// Reads the beginning of the block of each key. They lie far apart in memory, and reading them in one
    /// go waits for memory once instead of once for each.
    pub(super) fn read_ahead(&self, keys: &Keys) {
        let read = self.tables.iter().zip(keys);
        let read = read.map(|(table, key)| table.at_home(*key));
        black_box(read.fold(0, |all, one| all ^ one));
    }

    /// Takes a record out of the blocks of its keys before and puts it into those of its keys now.
    pub(super) fn put(&mut self, number: Number, [before, now]: [Keys; 2]) -> Crossed {
        let mut crossed = Crossed::default();
        for (kind, (old, new)) in before.into_iter().zip(now).enumerate() {
            if old == new {
                continue;
            }
            if old != 0 && self.take_out(number, (kind, old)) {
                crossed.opened.push((kind, old));
            }
            if new != 0 && self.put_in(number, (kind, new)) {
                crossed.closed.push((kind, new));
            }
        }
        crossed
    }

    /// Puts a record into a block; says whether the block has become a crowd.
    fn put_in(&mut self, number: Number, block: (usize, u32)) -> bool {
        if !self.crowded.is_empty()
            && let Some(crowd) = self.crowded.get_mut(&block)
        {
            crowd.insert(number.0);
            return false;
        }
        let others = self.block(block).count();
        if others < self.crowd {
            self.insert(number.0, block);
            return false;
        }
        let mut members: HashSet<u32> = self.block(block).map(|other| other.0).collect();
        for member in &members {
            self.remove(*member, block);
        }
        members.insert(number.0);
        self.crowded.insert(block, members);
        true
    }

    /// Takes a record out of a block; says whether the block is no crowd any more.
    fn take_out(&mut self, number: Number, block: (usize, u32)) -> bool {
        let Some(crowd) = self.crowded.get_mut(&block) else {
            self.remove(number.0, block);
            return false;
        };
        crowd.remove(&number.0);
        if crowd.len() > self.crowd {
            return false;
        }
        for member in self.crowded.remove(&block).into_iter().flatten() {
            self.insert(member, block);
        }
        true
    }

    fn insert(&mut self, number: u32, (kind, key): (usize, u32)) {
        if let Some(table) = self.tables.get_mut(kind) {
            table.insert(key, number);
        }
    }

    fn remove(&mut self, number: u32, (kind, key): (usize, u32)) {
        if let Some(table) = self.tables.get_mut(kind) {
            table.remove(key, number);
        }
    }

    /// The records of a block, rising; none for a crowd.
    pub(super) fn block(&self, (kind, key): (usize, u32)) -> impl Iterator<Item = Number> {
        let table = self.tables.get(kind).filter(|_| key != 0);
        table
            .into_iter()
            .flat_map(move |table| table.of(key))
            .map(Number)
    }

    /// The records of a crowd.
    pub(super) fn members(&self, block: (usize, u32)) -> Vec<Number> {
        let crowd = self.crowded.get(&block);
        let mut members: Vec<Number> = crowd.into_iter().flatten().copied().map(Number).collect();
        members.sort_unstable();
        members
    }

    /// Whether a block is no crowd.
    pub(super) fn is_open(&self, block: (usize, u32)) -> bool {
        self.crowded.is_empty() || !self.crowded.contains_key(&block)
    }
}
