//! What a slice of the log does to source records and golden records, before anything is written.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::content::read_record;
use super::load::Slice;
use super::{ReconcileError, Reconciler};
use crate::domain::golden::{GoldenId, SubmissionKey};
use crate::domain::record::{Lane, RecordKey, RecordKind, Version};
use crate::linkage::clusters::{Assignment, Clusters};
use crate::linkage::identity::Identity;
use crate::store::{LogEntry, Quarantined, SourceRow, SourceState};
use crate::sync::codec::Unreadable;
use crate::sync::sealing::open_submission;

/// A slice whose records have their places.
pub(super) struct Placed {
    pub(super) lane: Lane,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) sources: Vec<SourceRow>,
    pub(super) contents: HashMap<RecordKey, (Version, Bytes)>,
    pub(super) quarantined: Vec<Quarantined>,
    pub(super) counts: LiveCounts,
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

/// Places the records of a slice: the newest version of each, and only if it is newer than what is
/// held. A record that cannot be read goes to quarantine, and nothing waits behind it.
pub(super) fn place(
    reconciler: &Reconciler,
    slice: Slice,
    clusters: &mut Clusters,
    mut fresh: impl FnMut() -> GoldenId,
) -> Result<Placed, ReconcileError> {
    let to = slice
        .entries
        .last()
        .map_or(slice.from, |entry| entry.sequence);
    let mut placed = Placed {
        lane: slice.lane,
        from: slice.from,
        to,
        sources: Vec::new(),
        contents: HashMap::new(),
        quarantined: Vec::new(),
        counts: LiveCounts::default(),
        affected: BTreeMap::new(),
    };
    for entry in newest_entries(slice.entries) {
        let held = slice.held.get(&entry.key).copied();
        if held.is_some_and(|held| held.version >= entry.version) {
            continue;
        }
        place_entry(reconciler, &mut placed, clusters, held, entry, &mut fresh)?;
    }
    Ok(placed)
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

fn place_entry(
    reconciler: &Reconciler,
    placed: &mut Placed,
    clusters: &mut Clusters,
    held: Option<SourceRow>,
    entry: LogEntry,
    fresh: &mut impl FnMut() -> GoldenId,
) -> Result<(), ReconcileError> {
    let from = held
        .filter(|held| held.state == SourceState::Live)
        .map(|held| held.golden_id);
    let kind = entry.key.kind;
    let is_live = entry.tombstone == 0;
    let mut identity = None;
    let mut opened = Bytes::new();
    if is_live {
        let submission = SubmissionKey {
            record: entry.key,
            version: entry.version,
        };
        opened = open_submission(&reconciler.key, submission, &entry.content)?.into();
        match read_record(reconciler, kind, &opened) {
            Ok(record) => identity = record.as_child().and_then(Identity::of),
            Err(unreadable) => {
                placed.quarantined.push(quarantine(entry, unreadable));
                return Ok(());
            }
        }
    }
    let mut is_new = false;
    let mut fresh = || {
        is_new = true;
        fresh()
    };
    let assignment = match (kind, is_live) {
        (RecordKind::Child, true) => clusters.place(from, identity, &mut fresh),
        (RecordKind::Child, false) => clusters.withdraw(from),
        // A report is never linked: it is its own golden record for as long as it lives.
        (RecordKind::CaseReport, true) => Assignment {
            from,
            to: Some(from.unwrap_or_else(&mut fresh)),
        },
        (RecordKind::CaseReport, false) => Assignment { from, to: None },
    };
    note_assignment(placed, &entry, held, assignment, is_new);
    if kind == RecordKind::Child {
        placed.counts.source_children += i64::from(is_live) - i64::from(from.is_some());
    }
    placed.sources.push(SourceRow {
        key: entry.key,
        version: entry.version,
        state: if is_live {
            SourceState::Live
        } else {
            SourceState::Withdrawn
        },
        golden_id: assignment
            .to
            .or(from)
            .or(held.map(|held| held.golden_id))
            .unwrap_or_default(),
        hash: entry.hash,
    });
    if is_live {
        placed.contents.insert(entry.key, (entry.version, opened));
    }
    Ok(())
}

fn note_assignment(
    placed: &mut Placed,
    entry: &LogEntry,
    held: Option<SourceRow>,
    assignment: Assignment,
    is_new: bool,
) {
    let moved = assignment.from != assignment.to;
    let same_content = held.is_some_and(|held| held.hash == entry.hash);
    if let Some(from) = assignment.from
        && moved
    {
        let affected = placed.affected.entry(from).or_default();
        affected.kind = Some(entry.key.kind);
        affected.membership_changed = true;
        affected.left_for = assignment.to.or(affected.left_for);
        affected.joined.retain(|key| *key != entry.key);
    }
    if let Some(to) = assignment.to
        && (moved || !same_content)
    {
        let affected = placed.affected.entry(to).or_default();
        affected.kind = Some(entry.key.kind);
        affected.is_new |= is_new;
        affected.membership_changed |= moved;
        affected.joined.push(entry.key);
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
