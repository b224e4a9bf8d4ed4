//! What a slice of the log does to source records and golden records, before anything is written.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;

use super::content::read_normalised;
use super::load::Slice;
use super::{ReconcileError, Reconciler};
use crate::domain::golden::{GoldenId, SubmissionKey};
use crate::domain::record::{Lane, RecordKey, RecordKind, Version};
use crate::linkage::index::{LinkageIndex, Settlement};
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
    /// Where each record is that is elsewhere than before, the slice's own and others.
    pub(super) moved: BTreeMap<RecordKey, GoldenId>,
    /// Golden records whose members or member contents have changed, in the order of their identity,
    /// so that the same slice always writes in the same order.
    pub(super) affected: BTreeMap<GoldenId, Affected>,
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
    let mut news = Vec::new();
    for entry in newest_entries(slice.entries) {
        let held = slice.held.get(&entry.key).copied();
        if held.is_none_or(|held| held.version < entry.version) {
            news.extend(take_in(reconciler, &mut placed, index, held, entry)?);
        }
    }
    let settlement = index.settle(|| fresh.next());
    note_moves(&mut placed, &settlement);
    for one in news {
        place_entry(&mut placed, index, &mut fresh, one);
    }
    fresh.note(&mut placed);
    Ok((placed, settlement))
}

/// Settles links that changed without a new record: after a decision or under another model.
pub(super) fn place_links(
    reconciler: &Reconciler,
    index: &mut LinkageIndex,
    records: usize,
) -> (Placed, Settlement) {
    let mut placed = Placed::default();
    let mut fresh = FreshIds::new(reconciler);
    let settlement = index.settle_some(records, || fresh.next());
    note_moves(&mut placed, &settlement);
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
        let is_live = entry.tombstone == 0;
        placed.counts.source_children += i64::from(is_live) - i64::from(from.is_some());
    }
    Ok(Some(News { entry, from, held }))
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

fn place_entry(placed: &mut Placed, index: &LinkageIndex, fresh: &mut FreshIds, news: News) {
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
    }
    let same_content = held.is_some_and(|held| held.hash == entry.hash);
    if let Some(to) = to
        && (moved || !same_content)
    {
        let affected = placed.affected.entry(to).or_default();
        affected.kind = Some(entry.key.kind);
        affected.membership_changed |= moved;
        affected.joined.push(entry.key);
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
            .or(held.map(|held| held.golden_id))
            .unwrap_or_default(),
        hash: entry.hash,
        alias: None,
    });
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
