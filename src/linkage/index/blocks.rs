//! Which records share a blocking key.

use hashbrown::{HashMap, HashSet, HashTable};

use super::Number;
use crate::linkage::blocking::{KEYS, Keys};
use crate::linkage::words::mix;

/// Records under each blocking key: one table for each kind of key, and in it the newest record of each
/// block; every record names the next older one of its block. So a block costs nothing beyond its
/// records. A block that has become a crowd is a set instead, because nobody walks through it.
pub(super) struct Blocks {
    crowd: u8,
    tables: [HashTable<u32>; KEYS],
    links: Vec<Links>,
    crowded: HashMap<(usize, u32), HashSet<u32>>,
}

/// A record in its blocks.
#[derive(Clone, Copy)]
struct Links {
    keys: Keys,
    /// The next older record of each block.
    older: [u32; KEYS],
    /// How many records the block has from this one on.
    depth: [u8; KEYS],
}

/// What became of a record's blocks.
#[derive(Default)]
pub(super) struct Crossed {
    /// Blocks that have become crowds: kind and key.
    pub(super) closed: Vec<(usize, u32)>,
    /// Blocks that are no crowds any more.
    pub(super) opened: Vec<(usize, u32)>,
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
            crowded: HashMap::new(),
        }
    }

    /// Puts a record under these keys, and under no others. Records are numbered from 0 without gaps.
    pub(super) fn put(&mut self, number: Number, keys: Keys) -> Crossed {
        let place = number.place();
        if place >= self.links.len() {
            self.links.resize(place + 1, NOWHERE);
        }
        let before = self.keys(number);
        let mut crossed = Crossed::default();
        for (kind, (old, new)) in before.into_iter().zip(keys).enumerate() {
            if old == new {
                continue;
            }
            if old != 0 && self.take_out(number, kind, old) {
                crossed.opened.push((kind, old));
            }
            if let Some(key) = self
                .links
                .get_mut(place)
                .and_then(|own| own.keys.get_mut(kind))
            {
                *key = new;
            }
            if new != 0 && self.put_in(number, kind, new) {
                crossed.closed.push((kind, new));
            }
        }
        crossed
    }

    /// Puts a record into a block; says whether the block has become a crowd.
    fn put_in(&mut self, number: Number, kind: usize, key: u32) -> bool {
        if let Some(crowd) = self.crowded.get_mut(&(kind, key)) {
            crowd.insert(number.0);
            return false;
        }
        if self.push(number.0, kind, key) <= self.crowd {
            return false;
        }
        let members = self.block(kind, key).map(|member| member.0).collect();
        self.replace_head(kind, key, END);
        self.crowded.insert((kind, key), members);
        true
    }

    /// Takes a record out of a block; says whether the block is no crowd any more.
    fn take_out(&mut self, number: Number, kind: usize, key: u32) -> bool {
        let Some(crowd) = self.crowded.get_mut(&(kind, key)) else {
            self.unlink(number, kind, key);
            return false;
        };
        crowd.remove(&number.0);
        if crowd.len() > self.crowd.into() {
            return false;
        }
        let mut members: Vec<u32> = crowd.iter().copied().collect();
        members.sort_unstable();
        self.crowded.remove(&(kind, key));
        for member in members {
            self.push(member, kind, key);
        }
        true
    }

    /// Puts a record in front of its block and says how many records the block has now.
    fn push(&mut self, number: u32, kind: usize, key: u32) -> u8 {
        let links = &self.links;
        let Some(table) = self.tables.get_mut(kind) else {
            return 0;
        };
        let is_it = |head: &u32| key_of(links, *head, kind) == key;
        let older = if let Some(head) = table.find_mut(table_hash(key), is_it) {
            std::mem::replace(head, number)
        } else {
            let hash = |head: &u32| table_hash(key_of(links, *head, kind));
            table.insert_unique(table_hash(key), number, hash);
            END
        };
        let depth = self.depth(older, kind).saturating_add(1);
        self.set(number, kind, |old, deep| (*old, *deep) = (older, depth));
        depth
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
        for at in newer {
            self.set(at, kind, |_, depth| *depth -= 1);
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

    /// The records of a block, the newest first; none for a crowd.
    pub(super) fn block(&self, kind: usize, key: u32) -> impl Iterator<Item = Number> {
        let head = self.head(kind, key).unwrap_or(END);
        self.chain(head, kind).map(Number)
    }

    /// The records of a crowd.
    pub(super) fn members(&self, kind: usize, key: u32) -> Vec<Number> {
        let crowd = self.crowded.get(&(kind, key));
        let mut members: Vec<Number> = crowd.into_iter().flatten().copied().map(Number).collect();
        members.sort_unstable();
        members
    }

    /// The records of a record's block that are older than it.
    pub(super) fn older_than(&self, number: Number, kind: usize) -> impl Iterator<Item = Number> {
        self.chain(self.older(number.0, kind), kind).map(Number)
    }

    /// Whether a block is no crowd.
    pub(super) fn is_open(&self, kind: usize, key: u32) -> bool {
        self.crowded.is_empty() || !self.crowded.contains_key(&(kind, key))
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
