//! Numbers under keys, in the order of the keys.

/// Numbers under keys: a sorted list with gaps.
///
/// Keys are hashes, so they are spread evenly, and where a key would stand tells where to begin to look for
/// it. One look finds it, as in a hash table; but the list need not grow to its double when it is full, and it
/// grows by being read from front to back.
#[derive(Default)]
pub(super) struct SortedTable {
    /// A key in the upper half and a number in the lower one. What stands behind its home is there because
    /// everything between is taken.
    cells: Vec<u64>,
    /// Places in which the keys are at home; a few cells more follow for those that found no room.
    homes: usize,
    filled: usize,
}

/// A cell that nothing stands in. No key is 0.
const GAP: u64 = 0;

/// The list grows when more than nine of ten homes are taken, until four of five are.
const FULL: (usize, usize) = (9, 10);
const AFTER_GROWTH: (usize, usize) = (4, 5);
/// Cells behind the last home that room is made for at a time.
const CELLS_BEHIND: usize = 64;
/// The fewest homes.
const HOMES_AT_LEAST: usize = 16;

impl SortedTable {
    /// Makes room for so many more numbers.
    pub(super) fn reserve(&mut self, numbers: usize) {
        let wanted = self.filled + numbers;
        if wanted * FULL.1 > self.homes * FULL.0 {
            self.spread(wanted * FULL.1 / FULL.0 + 1);
        }
    }

    /// The numbers under a key, rising.
    pub(super) fn of(&self, key: u32) -> impl Iterator<Item = u32> {
        let from = cell(key, 0);
        let cells = self.cells.get(self.home(key)..).unwrap_or_default();
        let mut cells = cells.iter().copied();
        let first = cells.find(|cell| *cell == GAP || *cell >= from);
        let found = first.into_iter().chain(cells);
        found
            .take_while(move |cell| key_of(*cell) == key)
            .map(number_of)
    }

    /// What stands where one begins to look for a key.
    pub(super) fn at_home(&self, key: u32) -> u64 {
        self.cells.get(self.home(key)).copied().unwrap_or(GAP)
    }

    /// Puts a number under a key, which is not 0; it must not be there yet.
    pub(super) fn insert(&mut self, key: u32, number: u32) {
        if (self.filled + 1) * FULL.1 > self.homes * FULL.0 {
            let homes = (self.filled + 1) * AFTER_GROWTH.1 / AFTER_GROWTH.0;
            self.spread(homes.max(HOMES_AT_LEAST));
        }
        self.filled += 1;
        let mut moving = cell(key, number);
        // Everything greater moves on by one, up to the next gap.
        let home = self.home(key);
        for place in self.cells.iter_mut().skip(home) {
            if *place == GAP || *place > moving {
                std::mem::swap(place, &mut moving);
            }
            if moving == GAP {
                return;
            }
        }
        self.push(moving);
    }

    /// Takes a number away from a key.
    pub(super) fn remove(&mut self, key: u32, number: u32) {
        let wanted = cell(key, number);
        let home = self.home(key);
        let cells = self.cells.get(home..).unwrap_or_default();
        let reached = cells.iter().take_while(|cell| **cell != GAP);
        let mut reached = reached.take_while(|cell| **cell <= wanted);
        let Some(ahead) = reached.position(|cell| *cell == wanted) else {
            return;
        };
        self.filled -= 1;
        // What is not at home and stands behind the gap would not be found any more: it moves up.
        let mut gap = home + ahead;
        while let Some(next) = self.cells.get(gap + 1).copied() {
            if next == GAP || self.home(key_of(next)) == gap + 1 {
                break;
            }
            self.put(gap, next);
            gap += 1;
        }
        self.put(gap, GAP);
    }

    /// Spreads everything over so many homes.
    fn spread(&mut self, homes: usize) {
        let mut before = std::mem::take(&mut self.cells);
        self.homes = homes;
        self.cells = vec![GAP; homes];
        let mut free = 0;
        for cell in before.drain(..).filter(|cell| *cell != GAP) {
            let place = self.home(key_of(cell)).max(free);
            if place < self.cells.len() {
                self.put(place, cell);
            } else {
                self.push(cell);
            }
            free = place + 1;
        }
    }

    /// Adds a cell behind the last home; there are few of them.
    fn push(&mut self, cell: u64) {
        if self.cells.len() == self.cells.capacity() {
            self.cells.reserve_exact(CELLS_BEHIND);
        }
        self.cells.push(cell);
    }

    fn put(&mut self, place: usize, cell: u64) {
        if let Some(at) = self.cells.get_mut(place) {
            *at = cell;
        }
    }

    fn home(&self, key: u32) -> usize {
        let homes = u64::try_from(self.homes).unwrap_or(u64::from(u32::MAX));
        usize::try_from((u64::from(key) * homes) >> 32).unwrap_or(usize::MAX)
    }
}

fn cell(key: u32, number: u32) -> u64 {
    u64::from(key) << 32 | u64::from(number)
}

fn key_of(cell: u64) -> u32 {
    u32::try_from(cell >> 32).unwrap_or(u32::MAX)
}

fn number_of(cell: u64) -> u32 {
    u32::try_from(cell & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Keys that crowd together at both ends and in the middle, and some that do not.
    fn keys() -> impl Strategy<Value = u32> {
        prop_oneof![
            1..4_u32,
            u32::MAX - 3..=u32::MAX,
            0x8000_0000..0x8000_0003_u32,
            1..=u32::MAX
        ]
    }

    proptest! {
        #[test]
        fn it_holds_what_was_put_in_and_not_taken_out(
            changes in prop::collection::vec((keys(), 0..40_u32, any::<bool>()), 0..400),
            room in 0..200_usize,
        ) {
            let mut table = SortedTable::default();
            table.reserve(room);
            let mut expected = BTreeSet::new();
            for (key, number, is_in) in changes {
                if !is_in {
                    table.remove(key, number);
                    expected.remove(&(key, number));
                } else if expected.insert((key, number)) {
                    table.insert(key, number);
                }
            }

            let keys: BTreeSet<u32> = expected.iter().map(|(key, _)| *key).collect();
            let held = keys.iter().flat_map(|key| table.of(*key).map(|number| (*key, number)));
            prop_assert!(held.eq(expected.iter().copied()));
            prop_assert_eq!(table.filled, expected.len());
            let cells = table.cells.iter().filter(|cell| **cell != GAP);
            prop_assert_eq!(cells.count(), expected.len());
        }
    }

    #[test]
    fn an_empty_one_has_nothing_under_any_key() {
        let mut table = SortedTable::default();
        assert_eq!(table.of(1).count(), 0);
        table.remove(1, 1);
        assert_eq!(table.of(u32::MAX).count(), 0);
    }
}
