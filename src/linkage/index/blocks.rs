//! Which records share a blocking key.

use hashbrown::HashTable;

use super::Number;
use crate::linkage::blocking::{KEYS, Keys};

/// Records under each blocking key: one table for each kind of key, and in it the first record of each
/// block; every record names the next one of its block. So a block costs nothing beyond its records.
#[derive(Default)]
pub(super) struct Blocks {
    tables: [HashTable<u32>; KEYS],
    keys: Vec<Keys>,
    next: Vec<[u32; KEYS]>,
}

/// End of a block.
const END: u32 = u32::MAX;

impl Blocks {
    /// Takes a record in. Records are numbered from 0 without gaps; a number may come again after
    /// [`Blocks::remove`].
    pub(super) fn insert(&mut self, number: Number, keys: Keys) {
        let place = number.place();
        if place >= self.keys.len() {
            self.keys.resize(place + 1, [0; KEYS]);
            self.next.resize(place + 1, [END; KEYS]);
        }
        let all = &mut self.keys;
        if let Some(own) = all.get_mut(place) {
            *own = keys;
        }
        for (kind, (table, key)) in self.tables.iter_mut().zip(keys).enumerate() {
            if key == 0 {
                continue;
            }
            let is_it = |head: &u32| key_of(all, *head, kind) == key;
            let old_head = if let Some(head) = table.find_mut(u64_of(key), is_it) {
                std::mem::replace(head, number.0)
            } else {
                table.insert_unique(u64_of(key), number.0, |head| {
                    u64_of(key_of(all, *head, kind))
                });
                END
            };
            if let Some(next) = self.next.get_mut(place).and_then(|next| next.get_mut(kind)) {
                *next = old_head;
            }
        }
    }

    /// Takes a record out of all its blocks.
    pub(super) fn remove(&mut self, number: Number) {
        let keys = self.keys(number);
        for (kind, key) in keys.into_iter().enumerate() {
            if key != 0 {
                self.unlink(number, kind, key);
            }
        }
        if let Some(own) = self.keys.get_mut(number.place()) {
            *own = [0; KEYS];
        }
    }

    fn unlink(&mut self, number: Number, kind: usize, key: u32) {
        let after = self.after(number.0, kind);
        let all = &self.keys;
        let Some(table) = self.tables.get_mut(kind) else {
            return;
        };
        let found = table.find_entry(u64_of(key), |head| key_of(all, *head, kind) == key);
        let Ok(mut entry) = found else { return };
        let head = *entry.get();
        if head == number.0 {
            if after == END {
                entry.remove();
            } else {
                *entry.get_mut() = after;
            }
            return;
        }
        let mut at = head;
        while at != END {
            let next = self.after(at, kind);
            if next == number.0 {
                let place = usize::try_from(at)
                    .ok()
                    .and_then(|place| self.next.get_mut(place));
                if let Some(next) = place.and_then(|next| next.get_mut(kind)) {
                    *next = after;
                }
                return;
            }
            at = next;
        }
    }

    /// The keys of a record; all 0 for one that is not here.
    pub(super) fn keys(&self, number: Number) -> Keys {
        self.keys.get(number.place()).copied().unwrap_or_default()
    }

    /// The records of a block.
    pub(super) fn block(&self, kind: usize, key: u32) -> impl Iterator<Item = Number> {
        let head = self
            .tables
            .get(kind)
            .filter(|_| key != 0)
            .and_then(|table| {
                let is_it = |head: &u32| key_of(&self.keys, *head, kind) == key;
                table.find(u64_of(key), is_it).copied()
            });
        let mut at = head.unwrap_or(END);
        std::iter::from_fn(move || {
            let number = at;
            if number == END {
                return None;
            }
            at = self.after(number, kind);
            Some(Number(number))
        })
    }

    /// Whether a block has at most so many records.
    pub(super) fn is_open(&self, kind: usize, key: u32, crowd: u32) -> bool {
        let crowd = usize::try_from(crowd).unwrap_or(usize::MAX);
        self.block(kind, key).nth(crowd).is_none()
    }

    fn after(&self, number: u32, kind: usize) -> u32 {
        let place = usize::try_from(number).ok();
        let next = place.and_then(|place| self.next.get(place));
        next.and_then(|next| next.get(kind)).copied().unwrap_or(END)
    }
}

fn key_of(keys: &[Keys], number: u32, kind: usize) -> u32 {
    let place = usize::try_from(number).ok();
    let keys = place.and_then(|place| keys.get(place));
    keys.and_then(|keys| keys.get(kind)).copied().unwrap_or(0)
}

/// Keys are hashes already; the table looks at the upper bits too.
fn u64_of(key: u32) -> u64 {
    crate::linkage::words::mix(u64::from(key) << 32 | u64::from(key))
}
