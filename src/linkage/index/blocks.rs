//! Which records share a blocking key.

use hashbrown::{HashSet, HashTable};

use super::Number;
use crate::linkage::blocking::{KEYS, Keys};
use crate::linkage::words::mix;

/// Records under each blocking key: one table for each kind of key, and in it the newest record of each
/// block; every record names the next older one of its block. So a block costs nothing beyond its
/// records.
pub(super) struct Blocks {
    crowd: u8,
    tables: [HashTable<u32>; KEYS],
    links: Vec<Links>,
    /// Blocks with more records than the crowd.
    crowded: HashSet<(usize, u32)>,
}

/// A record in its blocks.
#[derive(Clone, Copy)]
struct Links {
    keys: Keys,
    /// The next older record of each block.
    older: [u32; KEYS],
    /// How many records the block has from this one on; it stops counting at 255.
    depth: [u8; KEYS],
}

/// End of a block.
const END: u32 = u32::MAX;

const NOWHERE: Links = Links {
    keys: [0; KEYS],
    older: [END; KEYS],
    depth: [0; KEYS],
};

impl Blocks {
    /// No blocks; `crowd` is how many records a block may have to say something, less than 255.
    pub(super) fn new(crowd: u8) -> Self {
        Self {
            crowd,
            tables: std::array::from_fn(|_| HashTable::new()),
            links: Vec::new(),
            crowded: HashSet::new(),
        }
    }

    /// Takes a record in and names the kinds of its blocks that have become crowds by it. Records are
    /// numbered from 0 without gaps; a number may come again after [`Blocks::remove`].
    pub(super) fn insert(&mut self, number: Number, keys: Keys) -> Vec<usize> {
        let place = number.place();
        if place >= self.links.len() {
            self.links.resize(place + 1, NOWHERE);
        }
        if let Some(own) = self.links.get_mut(place) {
            *own = Links { keys, ..NOWHERE };
        }
        let mut crowds = Vec::new();
        for (kind, key) in keys.into_iter().enumerate() {
            if key != 0 && self.push(number, kind, key) == self.crowd.saturating_add(1) {
                self.crowded.insert((kind, key));
                crowds.push(kind);
            }
        }
        crowds
    }

    /// Puts a record in front of its block and says how many records the block has now.
    fn push(&mut self, number: Number, kind: usize, key: u32) -> u8 {
        let links = &self.links;
        let Some(table) = self.tables.get_mut(kind) else {
            return 0;
        };
        let is_it = |head: &u32| key_of(links, *head, kind) == key;
        let older = if let Some(head) = table.find_mut(table_hash(key), is_it) {
            std::mem::replace(head, number.0)
        } else {
            let hash = |head: &u32| table_hash(key_of(links, *head, kind));
            table.insert_unique(table_hash(key), number.0, hash);
            END
        };
        let depth = self.depth(older, kind).saturating_add(1);
        self.set(number.0, kind, |old, deep| (*old, *deep) = (older, depth));
        depth
    }

    /// Takes a record out of all its blocks and names the kinds of those that are no crowds any more.
    pub(super) fn remove(&mut self, number: Number) -> Vec<usize> {
        let keys = self.keys(number);
        let mut opened = Vec::new();
        for (kind, key) in keys.into_iter().enumerate() {
            if key == 0 {
                continue;
            }
            self.unlink(number, kind, key);
            let size = self
                .head(kind, key)
                .map_or(0, |head| self.depth(head, kind));
            if size == self.crowd && self.crowded.remove(&(kind, key)) {
                opened.push(kind);
            }
        }
        if let Some(own) = self.links.get_mut(number.place()) {
            *own = NOWHERE;
        }
        opened
    }

    fn unlink(&mut self, number: Number, kind: usize, key: u32) {
        let older = self.older(number.0, kind);
        let Some(head) = self.head(kind, key) else {
            return;
        };
        let newer: Vec<u32> = self
            .chain(head, kind)
            .take_while(|at| *at != number.0)
            .collect();
        match newer.last() {
            Some(last) => self.set(*last, kind, |next, _| *next = older),
            None => self.replace_head(kind, key, older),
        }
        // From the oldest to the newest, so that a depth that was not counted can be counted again.
        for at in newer.into_iter().rev() {
            let depth = self.depth(self.older(at, kind), kind).saturating_add(1);
            self.set(at, kind, |_, deep| *deep = depth);
        }
    }

    fn replace_head(&mut self, kind: usize, key: u32, older: u32) {
        let links = &self.links;
        let Some(table) = self.tables.get_mut(kind) else {
            return;
        };
        let is_it = |head: &u32| key_of(links, *head, kind) == key;
        if let Ok(mut entry) = table.find_entry(table_hash(key), is_it) {
            if older == END {
                entry.remove();
            } else {
                *entry.get_mut() = older;
            }
        }
    }

    /// The keys of a record; all 0 for one that is not here.
    pub(super) fn keys(&self, number: Number) -> Keys {
        self.links
            .get(number.place())
            .map_or([0; KEYS], |links| links.keys)
    }

    /// The records of a block, the newest first.
    pub(super) fn block(&self, kind: usize, key: u32) -> impl Iterator<Item = Number> {
        let head = self.head(kind, key).unwrap_or(END);
        self.chain(head, kind).map(Number)
    }

    /// The records of a record's block that are older than it.
    pub(super) fn older_than(&self, number: Number, kind: usize) -> impl Iterator<Item = Number> {
        self.chain(self.older(number.0, kind), kind).map(Number)
    }

    /// Whether a block is no crowd.
    pub(super) fn is_open(&self, kind: usize, key: u32) -> bool {
        !self.crowded.contains(&(kind, key))
    }

    fn head(&self, kind: usize, key: u32) -> Option<u32> {
        let table = self.tables.get(kind).filter(|_| key != 0)?;
        let is_it = |head: &u32| key_of(&self.links, *head, kind) == key;
        table.find(table_hash(key), is_it).copied()
    }

    fn chain(&self, head: u32, kind: usize) -> impl Iterator<Item = u32> {
        let next = move |at: &u32| Some(self.older(*at, kind)).filter(|older| *older != END);
        std::iter::successors(Some(head).filter(|head| *head != END), next)
    }

    fn set(&mut self, number: u32, kind: usize, change: impl FnOnce(&mut u32, &mut u8)) {
        let links = usize::try_from(number)
            .ok()
            .and_then(|place| self.links.get_mut(place));
        if let Some(links) = links
            && let (Some(older), Some(depth)) =
                (links.older.get_mut(kind), links.depth.get_mut(kind))
        {
            change(older, depth);
        }
    }

    fn older(&self, number: u32, kind: usize) -> u32 {
        let links = links_of(&self.links, number);
        links
            .and_then(|links| links.older.get(kind))
            .copied()
            .unwrap_or(END)
    }

    fn depth(&self, number: u32, kind: usize) -> u8 {
        let links = links_of(&self.links, number);
        let depth = links.and_then(|links| links.depth.get(kind));
        depth.copied().unwrap_or(0)
    }
}

fn links_of(links: &[Links], number: u32) -> Option<&Links> {
    usize::try_from(number)
        .ok()
        .and_then(|place| links.get(place))
}

fn key_of(links: &[Links], number: u32, kind: usize) -> u32 {
    links_of(links, number)
        .and_then(|links| links.keys.get(kind))
        .copied()
        .unwrap_or(0)
}

/// Keys are hashes already; the table looks at the upper bits too.
fn table_hash(key: u32) -> u64 {
    mix((u64::from(key) << 32) | u64::from(key))
}
