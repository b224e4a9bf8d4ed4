//! The records of an index and the golden records that they are in.

use hashbrown::HashTable;
use uuid::Uuid;

use super::Number;
use crate::domain::golden::GoldenId;
use crate::domain::node::NodeId;
use crate::domain::record::{RecordId, RecordKey, RecordKind};
use crate::linkage::features::Features;
use crate::linkage::words::mix;

/// No golden record, or no record.
const NONE: u32 = u32::MAX;

/// A record without its features.
#[derive(Clone, Copy)]
struct Slot {
    record_id: Uuid,
    /// Place of the node in the list of nodes; [`NONE`] for a slot that nobody uses.
    node: u32,
    golden: u32,
    /// The next record of the same golden record, in a ring.
    mate: u32,
}

#[derive(Clone, Copy)]
struct Golden {
    id: GoldenId,
    /// One of its records.
    first: u32,
    records: u32,
}

/// Live records by key, and golden records by their records.
#[derive(Default)]
pub(super) struct Records {
    slots: Vec<Slot>,
    features: Vec<Features>,
    free: Vec<u32>,
    nodes: Vec<NodeId>,
    by_key: HashTable<u32>,
    golden: Vec<Golden>,
    free_golden: Vec<u32>,
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

    pub(super) fn set_features(&mut self, number: Number, features: Features) {
        if let Some(place) = self.features.get_mut(number.place()) {
            *place = features;
        }
    }

    /// Makes room for so many more records.
    pub(super) fn reserve(&mut self, records: usize) {
        self.slots.reserve_exact(records);
        self.features.reserve_exact(records);
        self.golden.reserve_exact(records);
    }

    /// Takes a record in that is not here.
    pub(super) fn insert(&mut self, record: RecordKey, features: Features) -> Number {
        let slot = Slot {
            record_id: record.record_id.as_uuid(),
            node: self.node(record.node),
            golden: NONE,
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
        let place = usize::try_from(self.slot(number).golden).ok()?;
        self.golden.get(place).map(|golden| golden.id)
    }

    /// Puts a record into a golden record, and takes it out of the one that it was in.
    pub(super) fn assign(&mut self, number: Number, id: GoldenId) {
        self.leave_golden(number);
        let found = self.find_golden(id);
        let place = found.unwrap_or_else(|| self.add_golden(id));
        let Some(golden) = usize::try_from(place)
            .ok()
            .and_then(|at| self.golden.get_mut(at))
        else {
            return;
        };
        golden.records += 1;
        let first = golden.first;
        if first == NONE {
            golden.first = number.0;
        }
        let mut slot = self.slot(number);
        slot.golden = place;
        slot.mate = if first == NONE {
            number.0
        } else {
            self.slot(Number(first)).mate
        };
        self.put(number, slot);
        if first != NONE {
            let mut mate = self.slot(Number(first));
            mate.mate = number.0;
            self.put(Number(first), mate);
        }
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
        if slot.golden == NONE {
            return;
        }
        let before = self.mates(number).last();
        if let Some(before) = before {
            let mut mate = self.slot(before);
            mate.mate = slot.mate;
            self.put(before, mate);
        }
        let place = usize::try_from(slot.golden).ok();
        if let Some(golden) = place.and_then(|place| self.golden.get_mut(place)) {
            golden.records -= 1;
            golden.first = before.map_or(NONE, |before| before.0);
            if golden.records == 0 {
                let id = golden.id;
                self.forget_golden(id, slot.golden);
            }
        }
        self.put(
            number,
            Slot {
                golden: NONE,
                mate: NONE,
                ..slot
            },
        );
    }

    /// Whether a golden record has a record here.
    pub(super) fn is_golden(&self, id: GoldenId) -> bool {
        self.find_golden(id).is_some()
    }

    fn find_golden(&self, id: GoldenId) -> Option<u32> {
        let is_it = |place: &u32| golden_id(&self.golden, *place) == id;
        self.by_golden.find(golden_hash(id), is_it).copied()
    }

    fn add_golden(&mut self, id: GoldenId) -> u32 {
        let golden = Golden {
            id,
            first: NONE,
            records: 0,
        };
        let free = self.free_golden.pop();
        let place = free.unwrap_or_else(|| u32::try_from(self.golden.len()).unwrap_or(NONE));
        match usize::try_from(place)
            .ok()
            .and_then(|place| self.golden.get_mut(place))
        {
            Some(unused) => *unused = golden,
            None => push_frugally(&mut self.golden, golden),
        }
        let all = &self.golden;
        self.by_golden
            .insert_unique(golden_hash(id), place, |place| {
                golden_hash(golden_id(all, *place))
            });
        place
    }

    fn forget_golden(&mut self, id: GoldenId, place: u32) {
        let is_it = |at: &u32| *at == place;
        if let Ok(entry) = self.by_golden.find_entry(golden_hash(id), is_it) {
            entry.remove();
            self.free_golden.push(place);
        }
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
    node: NONE,
    golden: NONE,
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

fn golden_id(golden: &[Golden], place: u32) -> GoldenId {
    let place = usize::try_from(place).ok();
    place
        .and_then(|place| golden.get(place))
        .map(|golden| golden.id)
        .unwrap_or_default()
}

fn hash(record: RecordKey) -> u64 {
    let (high, low) = record.record_id.as_uuid().as_u64_pair();
    mix(mix(high) ^ low ^ record.node.get().unsigned_abs().rotate_left(40))
}

fn golden_hash(id: GoldenId) -> u64 {
    let (high, low) = id.as_uuid().as_u64_pair();
    mix(mix(high) ^ low)
}
