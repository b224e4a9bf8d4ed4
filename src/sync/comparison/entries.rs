//! Entries of one end, and the messages by which two ends find where theirs differ.

use std::collections::BTreeSet;

use negentropy::{Bound, Error, Id, Item, Negentropy, NegentropyStorageBase};

use crate::domain::comparison::Entry;
use crate::domain::record::RecordId;

/// Bytes of one message of reconciliation to aim at.
pub const FRAME_BYTES_MAX: u64 = 256 * 1024;

/// The entries of one end and kind, in order, each once.
#[derive(Debug)]
pub struct EntrySet(Vec<Entry>);

impl EntrySet {
    /// Puts entries into their order.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable();
        entries.dedup();
        Self(entries)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Equal at both ends when their entries are, and by no chance otherwise.
    pub fn digest(&self) -> Vec<u8> {
        let digest = self.fingerprint(0, self.0.len());
        digest.map_or_else(|_| Vec::new(), |digest| digest.to_bytes().to_vec())
    }
}

fn item(entry: &Entry) -> Item {
    Item::with_timestamp_and_id(0, Id::from_byte_array(*entry.as_bytes()))
}

impl NegentropyStorageBase for EntrySet {
    fn size(&self) -> Result<usize, Error> {
        Ok(self.0.len())
    }

    fn get_item(&self, place: usize) -> Result<Option<Item>, Error> {
        Ok(self.0.get(place).map(item))
    }

    fn iterate(
        &self,
        begin: usize,
        end: usize,
        visit: &mut dyn FnMut(Item, usize) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let range = self.0.get(begin..end).ok_or(Error::BadRange)?;
        for (place, entry) in (begin..).zip(range) {
            if !visit(item(entry), place)? {
                break;
            }
        }
        Ok(())
    }

    fn find_lower_bound(&self, first: usize, last: usize, bound: &Bound) -> usize {
        let range = self.0.get(first..last).unwrap_or_default();
        first + range.partition_point(|entry| item(entry) < bound.item)
    }
}

/// A message of the other end that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("the message cannot be read: {0}")]
pub struct Nonsense(#[from] Error);

/// The upper end's part: it answers.
#[derive(Debug)]
pub struct Answering(Negentropy<'static, EntrySet>);

impl Answering {
    /// Answers about these entries.
    pub fn new(entries: EntrySet) -> Result<Self, Nonsense> {
        Ok(Self(Negentropy::owned(entries, FRAME_BYTES_MAX)?))
    }

    /// The answer to a message.
    pub fn answer(&mut self, message: &[u8]) -> Result<Vec<u8>, Nonsense> {
        Ok(self.0.reconcile(message)?)
    }
}

/// The lower end's part: it asks, and knows at the end which records differ.
#[derive(Debug)]
pub struct Asking {
    negentropy: Negentropy<'static, EntrySet>,
    /// Records of this end that the other has not, or not so.
    pub own: BTreeSet<RecordId>,
    /// Records of the other end that this one has not, or not so.
    pub others: BTreeSet<RecordId>,
}

impl Asking {
    /// Asks about these entries; gives the first message.
    pub fn new(entries: EntrySet) -> Result<(Self, Vec<u8>), Nonsense> {
        let mut negentropy = Negentropy::owned(entries, FRAME_BYTES_MAX)?;
        let first = negentropy.initiate()?;
        let (own, others) = (BTreeSet::new(), BTreeSet::new());
        let asking = Self {
            negentropy,
            own,
            others,
        };
        Ok((asking, first))
    }

    /// Reads an answer and gives the next message, or `None` when everything is known.
    pub fn read(&mut self, answer: &[u8]) -> Result<Option<Vec<u8>>, Nonsense> {
        let (mut own, mut others) = (Vec::new(), Vec::new());
        let next = self
            .negentropy
            .reconcile_with_ids(answer, &mut own, &mut others)?;
        let record = |id: Id| Entry::from_bytes(id.to_bytes()).record();
        self.own.extend(own.into_iter().map(record));
        self.others.extend(others.into_iter().map(record));
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::comparison::RecordState;
    use crate::domain::record::{ContentHash, Version};

    /// Number of a record, and its version.
    type Held = std::collections::BTreeMap<u16, u8>;

    fn entry(number: u16, version: u8) -> Entry {
        let id = Uuid::from_u128(u128::from(number) << 96);
        let state = RecordState {
            version: Version::from_i64(i64::from(version) + 1).expect("a version"),
            hash: ContentHash::of(&[version]),
        };
        Entry::new(RecordId::new(id), state)
    }

    fn entries(held: &Held) -> EntrySet {
        EntrySet::new(
            held.iter()
                .map(|(number, version)| entry(*number, *version))
                .collect(),
        )
    }

    fn differing(one: &Held, other: &Held) -> BTreeSet<RecordId> {
        let differs = |(number, version): &(&u16, &u8)| other.get(*number) != Some(*version);
        one.iter()
            .filter(differs)
            .map(|(number, version)| entry(*number, *version).record())
            .collect()
    }

    proptest! {
        #[test]
        fn exactly_what_differs_is_found(
            both in proptest::collection::btree_map(any::<u16>(), 0..3_u8, 0..1_500),
            lower in proptest::collection::btree_map(any::<u16>(), 0..3_u8, 0..60),
            upper in proptest::collection::btree_map(any::<u16>(), 0..3_u8, 0..60),
        ) {
            let (mut below, mut above) = (both.clone(), both);
            below.extend(lower);
            above.extend(upper);
            let mut answering = Answering::new(entries(&above)).expect("it answers");
            let (mut asking, first) = Asking::new(entries(&below)).expect("it asks");
            let mut message = Some(first);
            while let Some(asked) = message {
                let answer = answering.answer(&asked).expect("an answer");
                message = asking.read(&answer).expect("it is read");
            }

            prop_assert_eq!(asking.own, differing(&below, &above));
            prop_assert_eq!(asking.others, differing(&above, &below));
        }

        #[test]
        fn no_message_stops_the_program(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            let held: Held = (0..500).map(|number| (number, 0)).collect();
            let mut answering = Answering::new(entries(&held)).expect("it answers");
            let (mut asking, _) = Asking::new(entries(&held)).expect("it asks");
            let spoken = [&[0x61], message.as_slice()].concat();

            drop(answering.answer(&message));
            drop(answering.answer(&spoken));
            drop(asking.read(&message));
            drop(asking.read(&spoken));
        }
    }

    #[test]
    fn equal_entries_have_equal_digests() {
        let held: Held = (0..100).map(|number| (number, 1)).collect();
        let mut other = held.clone();
        other.insert(7, 2);

        assert_eq!(entries(&held).digest(), entries(&held).digest());
        assert_ne!(entries(&held).digest(), entries(&other).digest());
    }
}
