//! Records that wait: one bit each, because at a start every record does.

use super::Number;

/// A set of records that is filled once and emptied from its smallest number up.
#[derive(Default)]
pub(super) struct Waiting {
    words: Vec<u64>,
    len: usize,
    /// No word before this one has a bit.
    first: usize,
}

impl Waiting {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Adds a record.
    pub(super) fn insert(&mut self, number: Number) {
        let (word, bit) = place(number);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        if let Some(bits) = self.words.get_mut(word)
            && *bits & bit == 0
        {
            *bits |= bit;
            self.len += 1;
            self.first = self.first.min(word);
        }
    }

    /// Takes a record out, if it is there.
    pub(super) fn remove(&mut self, number: Number) {
        let (word, bit) = place(number);
        if let Some(bits) = self.words.get_mut(word)
            && *bits & bit != 0
        {
            *bits &= !bit;
            self.len -= 1;
        }
    }

    /// Takes out the record with the smallest number. At the end the memory is given back.
    pub(super) fn pop_first(&mut self) -> Option<Number> {
        while let Some(bits) = self.words.get_mut(self.first) {
            if *bits != 0 {
                let bit = bits.trailing_zeros();
                *bits &= *bits - 1;
                self.len -= 1;
                let number = self.first * BITS + usize::try_from(bit).unwrap_or_default();
                return u32::try_from(number).ok().map(Number);
            }
            self.first += 1;
        }
        *self = Self::default();
        None
    }
}

/// Bits of a word.
const BITS: usize = 64;

fn place(number: Number) -> (usize, u64) {
    let place = number.place();
    (place / BITS, 1 << (place % BITS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_set_would(steps in prop::collection::vec((0..200_u32, 0..3), 0..300)) {
            let (mut waiting, mut set) = (Waiting::default(), BTreeSet::new());
            for (number, what) in steps {
                match what {
                    0 => prop_assert_eq!(waiting.pop_first(), set.pop_first().map(Number)),
                    1 => {
                        waiting.remove(Number(number));
                        set.remove(&number);
                    }
                    _ => {
                        waiting.insert(Number(number));
                        set.insert(number);
                    }
                }
                prop_assert_eq!(waiting.len(), set.len());
            }
        }
    }
}
