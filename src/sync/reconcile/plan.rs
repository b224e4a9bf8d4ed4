//! What a slice of the log does to source records and golden records, before anything is written.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bytes::Bytes;

use super::content::read_normalised;
use super::load::Slice;
use super::{ReconcileError, Reconciler};
use crate::domain::golden::{GoldenId, SubmissionKey};
use crate::domain::pair::Pair;
use crate::domain::record::{Lane, RecordKey, RecordKind, Version};
use crate::domain::relations::Relations;
use crate::linkage::index::{Former, LinkageIndex, Settlement};
use crate::store::{LogEntry, Quarantined, SourceRow, SourceState};
use crate::sync::codec::Unreadable;
use crate::sync::sealing::open_submission;

/// The part of a lane of the log that a slice is.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogSpan {
    pub(super) lane: Lane,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// A slice whose records have their places.
#[derive(Default)]
pub(super) struct Placed {
    /// The part of the log that was read; none when only links were settled.
    pub(super) span: Option<LogSpan>,
    pub(super) sources: Vec<SourceRow>,
    /// Contents of the slice's live records.
    pub(super) contents: HashMap<RecordKey, (Version, Bytes)>,
    pub(super) quarantined: Vec<Quarantined>,
    pub(super) counts: LiveCounts,
    /// Records of the slice that are where they were and say what they said: only their version is another.
    pub(super) restated: HashSet<RecordKey>,
    /// Where each record is that is elsewhere than before, the slice's own and others.
    pub(super) moved: BTreeMap<RecordKey, GoldenId>,
    /// Golden records whose members or member contents have changed, in the order of their identity,
    /// so that the same slice always writes in the same order.
    pub(super) affected: BTreeMap<GoldenId, Affected>,
    /// Golden records whose node withdrew the record in favour of another one, with the golden record of
    /// that one.
    pub(super) succeeded: BTreeSet<(GoldenId, GoldenId)>,
}

/// What happened to one golden record.
#[derive(Default)]
pub(super) struct Affected {
    pub(super) kind: Option<RecordKind>,
    /// Made by this slice: the store has never seen it.
    pub(super) is_new: bool,
    /// Live records of this slice that are in it now.
    pub(super) joined: Vec<RecordKey>,
    /// Where a record that left it is now.
    pub(super) left_for: Option<GoldenId>,
    /// Its set of members is another than before.
    pub(super) membership_changed: bool,
}

/// How many more or fewer live records there are after a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LiveCounts {
    pub(super) source_children: i64,
    pub(super) golden_children: i64,
    pub(super) case_reports: i64,
}

impl Placed {
    /// The affected golden records that the store has.
    pub(super) fn existing_golden(&self) -> Vec<GoldenId> {
        let existing = self
            .affected
            .iter()
            .filter(|(_, affected)| !affected.is_new);
        existing.map(|(golden, _)| *golden).collect()
    }
}

/// An entry that is newer than what is held, with the golden record that it was in while it was live.
struct News {
    entry: LogEntry,
    from: Option<GoldenId>,
    held: Option<SourceRow>,
}

/// Places the records of a slice: the newest version of each, and only if it is newer than what is
/// held. A record that cannot be read goes to quarantine, and nothing waits behind it.
pub(super) fn place(
    reconciler: &Reconciler,
    slice: Slice,
    index: &mut LinkageIndex,
) -> Result<(Placed, Settlement), ReconcileError> {
    let to = slice
        .entries
        .last()
        .map_or(slice.from, |entry| entry.sequence);
    let mut placed = Placed {
        span: Some(LogSpan {
            lane: slice.lane,
            from: slice.from,
            to,
        }),
        ..Placed::default()
    };
    let mut fresh = FreshIds::new(reconciler);
    let (mut news, mut said) = (Vec::new(), Vec::new());
    for entry in newest_entries(slice.entries) {
        let held = slice.held.get(&entry.key).cloned();
        if held
            .as_ref()
            .is_none_or(|held| held.version < entry.version)
        {
            let taken = take_in(reconciler, &mut placed, index, held, entry)?;
            if let Some(taken) = taken {
                said.extend(note_statement(index, &taken));
                news.push(taken);
            }
        }
    }
    let settlement = index.settle(|| fresh.next());
    note_moves(&mut placed, &settlement);
    for one in news {
        note_partners(&mut placed, index, one.entry.key);
        place_entry(&mut placed, index, &mut fresh, &slice.predecessors, one);
    }
    note_said(&mut placed, index, &said);
    fresh.note(&mut placed);
    Ok((placed, settlement))
}

/// Settles links that changed without a new record: after decisions on some pairs, or under another
/// model.
pub(super) fn place_links(
    reconciler: &Reconciler,
    index: &mut LinkageIndex,
    decided: &[Pair],
    records: usize,
) -> (Placed, Settlement) {
    let mut placed = Placed::default();
    let mut fresh = FreshIds::new(reconciler);
    let settlement = index.settle_some(records, || fresh.next());
    note_moves(&mut placed, &settlement);
    for change in &settlement.moves {
        note_partners(&mut placed, index, change.record);
    }
    note_said(&mut placed, index, decided);
    fresh.note(&mut placed);
    (placed, settlement)
}

/// Of each record its newest version, in the order in which the records first appear.
fn newest_entries(entries: Vec<LogEntry>) -> Vec<LogEntry> {
    let mut places: HashMap<RecordKey, usize> = HashMap::with_capacity(entries.len());
    let mut newest: Vec<LogEntry> = Vec::with_capacity(entries.len());
    for entry in entries {
        let place = *places.entry(entry.key).or_insert(newest.len());
        match newest.get_mut(place) {
            Some(held) if held.version < entry.version => *held = entry,
            Some(_) => {}
            None => newest.push(entry),
        }
    }
    newest
}

/// Shows an entry to the index, or puts it into quarantine.
fn take_in(
    reconciler: &Reconciler,
    placed: &mut Placed,
    index: &mut LinkageIndex,
    held: Option<SourceRow>,
    entry: LogEntry,
) -> Result<Option<News>, ReconcileError> {
    let from = held
        .as_ref()
        .filter(|held| held.state == SourceState::Live)
        .map(|held| held.golden_id);
    let mut normalised = None;
    if entry.tombstone == 0 {
        let submission = SubmissionKey {
            record: entry.key,
            version: entry.version,
        };
        let opened = open_submission(&reconciler.key, submission, &entry.content)?.into();
        match read_normalised(&*reconciler.codec, entry.key.kind, &opened) {
            Ok(read) => normalised = read,
            Err(unreadable) => {
                placed.quarantined.push(quarantine(entry, unreadable));
                return Ok(None);
            }
        }
        placed.contents.insert(entry.key, (entry.version, opened));
    }
    if entry.key.kind == RecordKind::Child {
        index.apply(entry.key, normalised.as_ref());
        remember_golden(index, held.as_ref());
        let is_live = entry.tombstone == 0;
        placed.counts.source_children += i64::from(is_live) - i64::from(from.is_some());
    }
    Ok(Some(News { entry, from, held }))
}

/// A record that comes back after a tombstone finds its golden record again, unless somebody else has it.
fn remember_golden(index: &mut LinkageIndex, held: Option<&SourceRow>) {
    if let Some(held) = held
        && held.state == SourceState::Withdrawn
        && held.golden_id != GoldenId::default()
        && let Some(number) = index.find(held.key)
    {
        let (golden, joined) = (held.golden_id, 0);
        index.remember_former(number, Former { golden, joined });
    }
}

/// Puts in force what the node says of a record and others; gives the pairs of which something else is
/// said now. A withdrawn record says nothing.
fn note_statement(index: &mut LinkageIndex, news: &News) -> Vec<Pair> {
    let key = news.entry.key;
    let held = news.held.as_ref().map(|held| &held.relations);
    if key.kind != RecordKind::Child || held.unwrap_or(&Relations::None) == &news.entry.relations {
        return Vec::new();
    }
    index.state(key, news.entry.relations.others(key))
}

/// Notes the golden records of both ends of pairs of which something else is said now.
fn note_said(placed: &mut Placed, index: &LinkageIndex, pairs: &[Pair]) {
    for record in pairs.iter().flat_map(|pair| [pair.one(), pair.other()]) {
        note_golden(placed, index, record);
    }
}

/// Notes the golden records that somebody keeps apart from that of a record which has changed: they name
/// it when they are sent upstream.
fn note_partners(placed: &mut Placed, index: &LinkageIndex, record: RecordKey) {
    for partner in index.decisions().partners_of(record) {
        note_golden(placed, index, partner);
    }
}

fn note_golden(placed: &mut Placed, index: &LinkageIndex, record: RecordKey) {
    let golden = index.find(record).and_then(|number| index.golden(number));
    if let Some(golden) = golden {
        let affected = placed.affected.entry(golden).or_default();
        affected.kind = Some(RecordKind::Child);
    }
}

/// Notes which golden records gained and lost members by settling.
fn note_moves(placed: &mut Placed, settlement: &Settlement) {
    for change in &settlement.moves {
        placed.moved.insert(change.record, change.to);
        let to = placed.affected.entry(change.to).or_default();
        to.kind = Some(RecordKind::Child);
        to.membership_changed = true;
        if let Some(from) = change.from {
            let from = placed.affected.entry(from).or_default();
            from.kind = Some(RecordKind::Child);
            from.membership_changed = true;
            from.left_for = Some(change.to);
        }
    }
}

fn place_entry(
    placed: &mut Placed,
    index: &LinkageIndex,
    fresh: &mut FreshIds,
    predecessors: &HashMap<RecordKey, Vec<GoldenId>>,
    news: News,
) {
    let News { entry, from, held } = news;
    let is_live = entry.tombstone == 0;
    let to = match (entry.key.kind, is_live) {
        (_, false) => None,
        (RecordKind::Child, true) => index
            .find(entry.key)
            .and_then(|number| index.golden(number)),
        // A report is never linked: it is its own golden record for as long as it lives.
        (RecordKind::CaseReport, true) => Some(from.unwrap_or_else(|| fresh.next())),
    };
    let moved = from != to;
    if let Some(from) = from
        && moved
    {
        let affected = placed.affected.entry(from).or_default();
        affected.kind = Some(entry.key.kind);
        affected.membership_changed = true;
        affected.left_for = to.or(affected.left_for);
        if let Some(successor) = successor_golden(index, &entry) {
            succeed(placed, from, successor);
        }
    }
    for former in predecessors.get(&entry.key).into_iter().flatten() {
        if let Some(to) = to {
            succeed(placed, *former, to);
        }
    }
    let same_content = held.as_ref().is_some_and(|held| held.hash == entry.hash);
    if let Some(to) = to {
        if moved || !same_content {
            let affected = placed.affected.entry(to).or_default();
            affected.kind = Some(entry.key.kind);
            affected.membership_changed |= moved;
            affected.joined.push(entry.key);
        } else {
            placed.restated.insert(entry.key);
        }
    }
    placed.moved.remove(&entry.key);
    placed.sources.push(SourceRow {
        key: entry.key,
        version: entry.version,
        state: if is_live {
            SourceState::Live
        } else {
            SourceState::Withdrawn
        },
        golden_id: to
            .or(from)
            .or(held.as_ref().map(|held| held.golden_id))
            .unwrap_or_default(),
        hash: entry.hash,
        alias: None,
        relations: entry.relations,
    });
}

/// The golden record of the record in whose favour one was withdrawn.
fn successor_golden(index: &LinkageIndex, entry: &LogEntry) -> Option<GoldenId> {
    let record_id = entry.relations.successor()?;
    let successor = index.find(RecordKey {
        record_id,
        ..entry.key
    })?;
    index.golden(successor)
}

/// Notes that a golden record, should it have no members left, was merged into another one: the node that
/// kept its record says so.
fn succeed(placed: &mut Placed, from: GoldenId, to: GoldenId) {
    if from != to && from != GoldenId::default() {
        let affected = placed.affected.entry(from).or_default();
        affected.kind = Some(RecordKind::Child);
        affected.left_for = Some(to);
        placed.succeeded.insert((from, to));
    }
}

/// Gives identities to new golden records and remembers which they are.
struct FreshIds {
    make: fn() -> uuid::Uuid,
    made: HashSet<GoldenId>,
}

impl FreshIds {
    fn new(reconciler: &Reconciler) -> Self {
        Self {
            make: reconciler.fresh_id,
            made: HashSet::new(),
        }
    }

    fn next(&mut self) -> GoldenId {
        let id = GoldenId::new((self.make)());
        self.made.insert(id);
        id
    }

    /// Marks the golden records that the store has never seen.
    fn note(&self, placed: &mut Placed) {
        for (golden, affected) in &mut placed.affected {
            affected.is_new = self.made.contains(golden);
        }
    }
}

fn quarantine(entry: LogEntry, unreadable: Unreadable) -> Quarantined {
    Quarantined {
        key: entry.key,
        version: entry.version,
        reason: "CONTENT_UNREADABLE".to_owned(),
        rules: unreadable.0.to_owned(),
        content: entry.content,
    }
}
