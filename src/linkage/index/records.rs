//! The records of an index and the golden records that they are in.

use std::hint::black_box;

use hashbrown::HashTable;
use uuid::Uuid;

use super::Number;
use crate::domain::golden::GoldenId;
use crate::domain::node::NodeId;
use crate::domain::record::{RecordId, RecordKey, RecordKind};
use crate::linkage::features::Features;
use crate::linkage::words::mix;

/// No record, or no node.
const NONE: u32 = u32::MAX;

/// A record without its features.
#[derive(Clone, Copy)]
struct Slot {
    record_id: Uuid,
    golden: GoldenId,
    /// Place of the node in the list of nodes; [`NONE`] for a slot that nobody uses.
    node: u32,
    /// The next record of the same golden record, in a ring; [`NONE`] for a record that is in none.
    mate: u32,
}

/// Live records by key, and by the golden records that they are in.
#[derive(Default)]
pub(super) struct Records {
    slots: Vec<Slot>,
    features: Vec<Features>,
    free: Vec<u32>,
    nodes: Vec<NodeId>,
    by_key: HashTable<u32>,
    /// One record of each golden record.
    by_golden: HashTable<u32>,
}

impl Records {
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn count_golden(&self) -> usize {
        self.by_golden.len()
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = Number> {
        let used = (0..).zip(&self.slots).filter(|(_, slot)| slot.node != NONE);
        used.map(|(number, _)| Number(number))
    }

    pub(super) fn find(&self, key: RecordKey) -> Option<Number> {
        let is_it = |number: &u32| self.key(Number(*number)) == key;
        self.by_key
            .find(hash(key), is_it)
            .map(|number| Number(*number))
    }

    pub(super) fn key(&self, number: Number) -> RecordKey {
        let slot = self.slot(number);
        key(&self.nodes, slot)
    }

    pub(super) fn features(&self, number: Number) -> &Features {
        const NOTHING: &Features = &Features::NOTHING;
        self.features.get(number.place()).unwrap_or(NOTHING)
    }

    /// Reads the features of some records, for [`super::blocks::Blocks::read_ahead`]'s reason.
    pub(super) fn read_ahead(&self, numbers: &[Number]) {
        let read = numbers.iter().map(|number| {
            let features = self.features(*number);
            u32::from(features.birth.year) ^ features.phone
        });
        black_box(read.fold(0, |all, one| all ^ one));
    }

    pub(super) fn set_features(&mut self, number: Number, features: Features) {
        if let Some(place) = self.features.get_mut(number.place()) {
            *place = features;
        }
    }

    /// Makes room for so many more records.
    pub(super) fn reserve(&mut self, records: usize) {
        self.slots.reserve_exact(records);
        self.features.reserve_exact(records);
    }

    /// Takes a record in that is not here.
    pub(super) fn insert(&mut self, record: RecordKey, features: Features) -> Number {
        let slot = Slot {
            record_id: record.record_id.as_uuid(),
            golden: GoldenId::default(),
            node: self.node(record.node),
            mate: NONE,
        };
        let number = self.free.pop().map(Number);
        let number = number.unwrap_or_else(|| {
            push_frugally(&mut self.slots, UNUSED);
            push_frugally(&mut self.features, Features::NOTHING);
            Number(u32::try_from(self.slots.len() - 1).unwrap_or(NONE))
        });
        self.put(number, slot);
        self.set_features(number, features);
        let (slots, nodes) = (&self.slots, &self.nodes);
        self.by_key.insert_unique(hash(record), number.0, |number| {
            hash(key(nodes, slot_of(slots, *number)))
        });
        number
    }

    pub(super) fn remove(&mut self, number: Number) {
        self.leave_golden(number);
        let record = self.key(number);
        let (slots, nodes) = (&self.slots, &self.nodes);
        let is_it = |number: &u32| key(nodes, slot_of(slots, *number)) == record;
        if let Ok(entry) = self.by_key.find_entry(hash(record), is_it) {
            entry.remove();
            self.put(number, UNUSED);
            self.free.push(number.0);
        }
    }

    /// The golden record that a record is in.
    pub(super) fn golden(&self, number: Number) -> Option<GoldenId> {
        let slot = self.slot(number);
        (slot.mate != NONE).then_some(slot.golden)
    }

    /// Puts a record into a golden record, and takes it out of the one that it was in.
    pub(super) fn assign(&mut self, number: Number, golden: GoldenId) {
        self.leave_golden(number);
        let mut slot = self.slot(number);
        slot.golden = golden;
        if let Some(first) = self.find_golden(golden).copied() {
            let mut mate = self.slot(Number(first));
            slot.mate = mate.mate;
            mate.mate = number.0;
            self.put(Number(first), mate);
        } else {
            slot.mate = number.0;
            let slots = &self.slots;
            let hash_of = |number: &u32| golden_hash(slot_of(slots, *number).golden);
            self.by_golden
                .insert_unique(golden_hash(golden), number.0, hash_of);
        }
        self.put(number, slot);
    }

    /// The other records of a record's golden record.
    pub(super) fn mates(&self, number: Number) -> impl Iterator<Item = Number> {
        let mut at = self.slot(number).mate;
        std::iter::from_fn(move || {
            if at == NONE || at == number.0 {
                return None;
            }
            let mate = Number(at);
            at = self.slot(mate).mate;
            Some(mate)
        })
    }

    fn leave_golden(&mut self, number: Number) {
        let slot = self.slot(number);
        if slot.mate == NONE {
            return;
        }
        let before = self.mates(number).last();
        let slots = &self.slots;
        let is_it = |other: &u32| slot_of(slots, *other).golden == slot.golden;
        let entry = self.by_golden.find_entry(golden_hash(slot.golden), is_it);
        match (before, entry) {
            (Some(before), Ok(mut entry)) => *entry.get_mut() = before.0,
            (None, Ok(entry)) => drop(entry.remove()),
            (_, Err(_)) => {}
        }
        if let Some(before) = before {
            let mut mate = self.slot(before);
            mate.mate = slot.mate;
            self.put(before, mate);
        }
        self.put(number, Slot { mate: NONE, ..slot });
    }

    /// Whether a golden record has a record here.
    pub(super) fn is_golden(&self, golden: GoldenId) -> bool {
        self.find_golden(golden).is_some()
    }

    fn find_golden(&self, golden: GoldenId) -> Option<&u32> {
        let is_it = |number: &u32| self.slot(Number(*number)).golden == golden;
        self.by_golden.find(golden_hash(golden), is_it)
    }

    fn node(&mut self, node: NodeId) -> u32 {
        // Nodes are few, and the newest is the likeliest to write again.
        let known = self.nodes.iter().rposition(|known| *known == node);
        let place = known.unwrap_or_else(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        });
        u32::try_from(place).unwrap_or(NONE)
    }

    fn slot(&self, number: Number) -> Slot {
        slot_of(&self.slots, number.0)
    }

    fn put(&mut self, number: Number, slot: Slot) {
        if let Some(place) = self.slots.get_mut(number.place()) {
            *place = slot;
        }
    }
}

/// Grows a list by an eighth and not to its double: it is most of the index's memory.
fn push_frugally<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 8 + 64);
    }
    list.push(item);
}

const UNUSED: Slot = Slot {
    record_id: Uuid::nil(),
    golden: GoldenId::new(Uuid::nil()),
    node: NONE,
    mate: NONE,
};

fn slot_of(slots: &[Slot], number: u32) -> Slot {
    let place = usize::try_from(number).ok();
    place
        .and_then(|place| slots.get(place))
        .copied()
        .unwrap_or(UNUSED)
}

fn key(nodes: &[NodeId], slot: Slot) -> RecordKey {
    let node = usize::try_from(slot.node)
        .ok()
        .and_then(|place| nodes.get(place));
    RecordKey {
        node: node.copied().unwrap_or(NodeId::new(0)),
        kind: RecordKind::Child,
        record_id: RecordId::new(slot.record_id),
    }
}

fn hash(record: RecordKey) -> u64 {
    let (high, low) = record.record_id.as_uuid().as_u64_pair();
    mix(mix(high) ^ low ^ record.node.get().unsigned_abs().rotate_left(40))
}

fn golden_hash(id: GoldenId) -> u64 {
    let (high, low) = id.as_uuid().as_u64_pair();
    mix(mix(high) ^ low)
}
