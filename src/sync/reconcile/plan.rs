//! What a slice of the log does to source records and golden records, before anything is written.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;

use super::load::{Known, Slice};
use super::{ReconcileError, Reconciler};
use crate::domain::golden::{GoldenId, SubmissionKey};
use crate::domain::record::{ContentHash, Lane, Record, RecordKey, RecordKind, Version};
use crate::linkage::clusters::{Assignment, Clusters};
use crate::linkage::identity::Identity;
use crate::linkage::survivorship::{self, Rank, Source};
use crate::store::{
    GoldenChange, GoldenRow, GoldenState, LogEntry, Member, Quarantined, SourceRow, SourceState,
};
use crate::sync::codec::Unreadable;
use crate::sync::sealing::{open_submission, seal_golden};

/// A slice whose records have their places.
pub(super) struct Placed {
    lane: Lane,
    from: i64,
    to: i64,
    sources: Vec<SourceRow>,
    contents: HashMap<RecordKey, (Version, Bytes)>,
    quarantined: Vec<Quarantined>,
    counts: LiveCounts,
    /// Golden records whose members or member contents have changed, in the order of their identity,
    /// so that the same slice always writes in the same order.
    affected: BTreeMap<GoldenId, Affected>,
}

#[derive(Default)]
struct Affected {
    kind: Option<RecordKind>,
    /// Made by this slice: the store has never seen it.
    is_new: bool,
    /// Live records of this slice that are in it now.
    joined: Vec<RecordKey>,
    /// Where a record that left it is now.
    left_for: Option<GoldenId>,
    /// Its set of members is another than before.
    membership_changed: bool,
}

/// How many more or fewer live records there are after a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LiveCounts {
    pub(super) source_children: i64,
    pub(super) golden_children: i64,
    pub(super) case_reports: i64,
}

/// Everything one slice writes.
pub(super) struct Effect {
    pub(super) lane: Lane,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) sources: Vec<SourceRow>,
    pub(super) golden: Vec<GoldenChange>,
    pub(super) retold: Vec<RecordKey>,
    pub(super) quarantined: Vec<Quarantined>,
    pub(super) counts: LiveCounts,
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

/// Puts every affected golden record together again.
pub(super) fn consolidate(
    reconciler: &Reconciler,
    placed: Placed,
    mut known: Known,
) -> Result<Effect, ReconcileError> {
    let mut effect = Effect {
        lane: placed.lane,
        from: placed.from,
        to: placed.to,
        sources: Vec::new(),
        golden: Vec::new(),
        retold: Vec::new(),
        quarantined: placed.quarantined,
        counts: placed.counts,
    };
    let changed: HashSet<RecordKey> = placed.sources.iter().map(|row| row.key).collect();
    for (golden, affected) in placed.affected {
        let row = known.golden.remove(&golden);
        let mut others = known.members.remove(&golden).unwrap_or_default();
        others.retain(|member| !changed.contains(&member.key));
        if affected.membership_changed {
            effect.retold.extend(others.iter().map(|member| member.key));
        }
        let mut sources = Vec::with_capacity(affected.joined.len() + others.len());
        for key in affected.joined {
            if let Some((version, content)) = placed.contents.get(&key) {
                sources.push((
                    SubmissionKey {
                        record: key,
                        version: *version,
                    },
                    content.clone(),
                ));
            }
        }
        for member in &others {
            let submission = SubmissionKey {
                record: member.key,
                version: member.version,
            };
            sources.push((submission, open_member(reconciler, member)?));
        }
        let kind = affected.kind.unwrap_or(RecordKind::Child);
        let was_live = row
            .as_ref()
            .is_some_and(|row| row.state == GoldenState::Live);
        let change = golden_change(reconciler, golden, kind, affected.left_for, row, sources)?;
        if let Some(change) = &change {
            let more = i64::from(change.state == GoldenState::Live) - i64::from(was_live);
            match kind {
                RecordKind::Child => effect.counts.golden_children += more,
                RecordKind::CaseReport => effect.counts.case_reports += more,
            }
        }
        effect.golden.extend(change);
    }
    effect.sources = placed.sources;
    Ok(effect)
}

/// The golden record as it is now, or `None` when nothing about it has changed.
fn golden_change(
    reconciler: &Reconciler,
    golden_id: GoldenId,
    kind: RecordKind,
    left_for: Option<GoldenId>,
    row: Option<GoldenRow>,
    sources: Vec<(SubmissionKey, Bytes)>,
) -> Result<Option<GoldenChange>, ReconcileError> {
    let (state, content, provenance) = if sources.is_empty() {
        if row.is_none() {
            return Ok(None);
        }
        let state = left_for.map_or(GoldenState::Withdrawn, GoldenState::MergedInto);
        (state, Bytes::new(), String::new())
    } else {
        let (content, provenance) = consolidate_sources(reconciler, kind, sources)?;
        (GoldenState::Live, content, provenance)
    };
    let hash = ContentHash::of(&content);
    if row
        .as_ref()
        .is_some_and(|row| row.hash == hash && row.state == state && row.provenance == provenance)
    {
        return Ok(None);
    }
    let version = row.map_or(Version::FIRST, |row| row.version.next());
    let content = if content.is_empty() {
        Vec::new()
    } else {
        seal_golden(&reconciler.key, golden_id, version, &content)?
    };
    let change = GoldenChange {
        change: 0,
        golden_id,
        kind,
        version,
        state,
        hash,
        content,
        provenance,
    };
    Ok(Some(change))
}

/// The content of a golden record and, as JSON, where each field came from.
fn consolidate_sources(
    reconciler: &Reconciler,
    kind: RecordKind,
    mut sources: Vec<(SubmissionKey, Bytes)>,
) -> Result<(Bytes, String), ReconcileError> {
    if let [_] = sources.as_slice()
        && let Some((submission, content)) = sources.pop()
    {
        return Ok((content, provenance_text(&[(submission, Vec::new())])));
    }
    let mut ranked = Vec::with_capacity(sources.len());
    for (submission, content) in sources {
        // What a newer rule cannot read any more still has its fields, at the lowest rank.
        let record = read_record(reconciler, kind, &content);
        let rank = record.map_or(LOWEST_RANK, |record| rank(&record));
        ranked.push(Source {
            submission,
            rank,
            fields: reconciler.codec.fields(&content)?,
        });
    }
    let golden = survivorship::consolidate(ranked, reconciler.codec.united_fields(kind));
    let content: Vec<u8> = golden
        .fields
        .iter()
        .flat_map(|field| field.encoded.iter().copied())
        .collect();
    Ok((content.into(), provenance_text(&golden.provenance)))
}

const LOWEST_RANK: Rank = Rank {
    verified: false,
    present: false,
    filled_fields: 0,
    changed_at: i64::MIN,
};

fn rank(record: &Record) -> Rank {
    match record {
        Record::Child(child) => Rank {
            verified: child.verified_by_police,
            present: child.is_present(),
            filled_fields: child.filled_fields,
            changed_at: child.changed_at.as_micros(),
        },
        Record::CaseReport(_) => Rank {
            verified: false,
            present: true,
            filled_fields: 0,
            changed_at: 0,
        },
    }
}

/// `[[node, "record id", version, [field numbers]]]`; no numbers means all fields.
fn provenance_text(provenance: &[(SubmissionKey, Vec<u32>)]) -> String {
    let sources: Vec<String> = provenance
        .iter()
        .map(|(submission, fields)| {
            let numbers: Vec<String> = fields.iter().map(u32::to_string).collect();
            format!(
                "[{},\"{}\",{},[{}]]",
                submission.record.node.get(),
                submission.record.record_id,
                submission.version.as_i64(),
                numbers.join(",")
            )
        })
        .collect();
    format!("[{}]", sources.join(","))
}

pub(super) fn open_member(
    reconciler: &Reconciler,
    member: &Member,
) -> Result<Bytes, ReconcileError> {
    let submission = SubmissionKey {
        record: member.key,
        version: member.version,
    };
    Ok(open_submission(&reconciler.key, submission, &member.content)?.into())
}

/// Reads a record that was valid when it was accepted. The day must not matter any more, so every
/// date lies in the past of the day that is asked for.
pub(super) fn read_record(
    reconciler: &Reconciler,
    kind: RecordKind,
    content: &[u8],
) -> Result<Record, Unreadable> {
    let validated = reconciler.codec.validate(kind, content, time::Date::MAX)?;
    validated.record.ok_or(Unreadable(
        "it breaks a rule of this version of the program",
    ))
}
