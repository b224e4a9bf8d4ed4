//! Putting golden records together from the source records that are in them now.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bytes::Bytes;

use super::content::{open_member, submission_of};
use super::load::Known;
use super::plan::{LiveCounts, LogSpan, Placed};
use super::units::{Located, locate};
use super::{ReconcileError, Reconciler};
use crate::domain::golden::{GoldenId, SubmissionKey};
use crate::domain::pair::Pair;
use crate::domain::record::{ContentHash, RecordKey, RecordKind, Version};
use crate::domain::relations::DIFFERENT_FROM_MAX;
use crate::domain::unit::UnitReference;
use crate::domain::units_in_use::UnitsInUse;
use crate::linkage::index::{LinkageIndex, Move, Review, Settlement};
use crate::linkage::survivorship::{self, Rank, Source};
use crate::store::{
    AliasKind, GoldenChange, GoldenRow, GoldenState, Member, MovedRow, Quarantined, SourceRow,
};
use crate::sync::forwarded::forwarded_hash;
use crate::sync::sealing::seal_golden;

/// Everything one slice writes.
pub(super) struct Effect {
    pub(super) span: Option<LogSpan>,
    pub(super) sources: Vec<SourceRow>,
    /// Records of earlier slices that are in another golden record now.
    pub(super) moved: Vec<MovedRow>,
    /// What became of golden records.
    pub(super) aliases: Vec<(GoldenId, GoldenId, AliasKind)>,
    /// Golden records that their nodes merged into others.
    pub(super) succeeded: Vec<(GoldenId, GoldenId)>,
    pub(super) golden: Vec<GoldenChange>,
    pub(super) retold: Vec<RecordKey>,
    pub(super) quarantined: Vec<Quarantined>,
    pub(super) counts: LiveCounts,
    /// Golden records that wait for a place, and those that do not or do no more.
    pub(super) waiting: Vec<(GoldenId, RecordKind, UnitReference)>,
    pub(super) not_waiting: Vec<GoldenId>,
    /// Reviews to open and to close.
    pub(super) reviews: (Vec<Review>, Vec<Pair>),
}

impl Effect {
    /// Notes whether a golden record waits for somebody to say into which part of a split unit it belongs.
    fn note_waiting(
        &mut self,
        units: &UnitsInUse,
        golden: GoldenId,
        kind: RecordKind,
        waits_at: Option<UnitReference>,
    ) {
        match waits_at {
            Some(unit) => self.waiting.push((golden, kind, unit)),
            None if units.has_splits() => self.not_waiting.push(golden),
            None => {}
        }
    }
}

/// Puts every affected golden record together again.
pub(super) fn consolidate(
    reconciler: &Reconciler,
    index: &LinkageIndex,
    placed: Placed,
    mut known: Known,
    settlement: Settlement,
) -> Result<Effect, ReconcileError> {
    let mut effect = Effect {
        reviews: (Vec::new(), Vec::new()),
        span: placed.span,
        sources: Vec::new(),
        moved: Vec::new(),
        aliases: Vec::new(),
        succeeded: Vec::new(),
        golden: Vec::new(),
        retold: Vec::new(),
        waiting: Vec::new(),
        not_waiting: Vec::new(),
        quarantined: placed.quarantined,
        counts: placed.counts,
    };
    let keys = placed.sources.iter().map(|row| row.key);
    let changed: HashSet<RecordKey> = keys.filter(|key| !placed.restated.contains(key)).collect();
    let mut others = homes(&placed.moved, &changed, known.members);
    for (golden, affected) in placed.affected {
        let row = known.golden.remove(&golden);
        let others = others.remove(&golden).unwrap_or_default();
        let stayed = others.iter().map(|member| member.key);
        let stayed: Vec<RecordKey> = stayed
            .filter(|key| !placed.moved.contains_key(key))
            .collect();
        let mut sources = Vec::with_capacity(affected.joined.len() + others.len());
        for key in affected.joined {
            if let Some((version, content)) = placed.contents.get(&key) {
                let submission = SubmissionKey {
                    record: key,
                    version: *version,
                };
                sources.push((submission, content.clone()));
            }
        }
        for member in &others {
            sources.push((submission_of(member), open_member(&reconciler.key, member)?));
        }
        let kind = affected.kind.unwrap_or(RecordKind::Child);
        let was_live = row
            .as_ref()
            .is_some_and(|row| row.state == GoldenState::Live);
        let records = sources.iter().map(|(submission, _)| submission.record);
        let content = Sources {
            different_from: different_from(index, golden, records.clone()),
            placed: known.placements.of(records),
            units: &known.units,
            contents: sources,
        };
        let (change, waits_at) =
            golden_change(reconciler, golden, kind, affected.left_for, row, content)?;
        effect.note_waiting(&known.units, golden, kind, waits_at);
        // What a golden record says is every member's affair, whoever changes it: a conflict that it makes or
        // ends, the commune where the child is registered by now.
        if affected.membership_changed || change.is_some() {
            effect.retold.extend(stayed);
        }
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
    note_aliases(&mut effect, &settlement.moves, &placed.moved);
    note_succeeded(&mut effect, placed.succeeded);
    effect.reviews = (settlement.opened, settlement.closed);
    Ok(effect)
}

/// Notes for golden records and for records what became of the golden record that was left.
fn note_aliases(effect: &mut Effect, moves: &[Move], moved: &BTreeMap<RecordKey, GoldenId>) {
    let is_gone = |change: &&GoldenChange| change.state != GoldenState::Live;
    let gone: HashSet<GoldenId> = effect
        .golden
        .iter()
        .filter(is_gone)
        .map(|change| change.golden_id)
        .collect();
    let kind = |from: &GoldenId| {
        if gone.contains(from) {
            AliasKind::Merged
        } else {
            AliasKind::Split
        }
    };
    let mut aliases = BTreeSet::new();
    let mut news: HashMap<RecordKey, AliasKind> = HashMap::new();
    for change in moves {
        if let Some(from) = change.from {
            aliases.insert((from, change.to));
            news.insert(change.record, kind(&from));
        }
    }
    let named = aliases.into_iter();
    effect.aliases = named.map(|(from, to)| (from, to, kind(&from))).collect();
    for row in &mut effect.sources {
        row.alias = news.get(&row.key).copied();
    }
    effect.moved = moved
        .iter()
        .map(|(key, golden_id)| MovedRow {
            key: *key,
            golden_id: *golden_id,
            alias: news.get(key).copied().unwrap_or(AliasKind::Split),
        })
        .collect();
}

/// Notes which golden records their nodes merged into others, where nothing is left of them here.
fn note_succeeded(effect: &mut Effect, succeeded: BTreeSet<(GoldenId, GoldenId)>) {
    let merged = effect
        .golden
        .iter()
        .filter_map(|change| match change.state {
            GoldenState::MergedInto(to) => Some((change.golden_id, to)),
            GoldenState::Live | GoldenState::Withdrawn => None,
        });
    let merged: HashSet<(GoldenId, GoldenId)> = merged.collect();
    let named = succeeded.into_iter();
    effect.succeeded = named.filter(|pair| merged.contains(pair)).collect();
}

/// The golden records that somebody keeps apart from one. Of a pair the one with the smaller identity
/// names the other: once is enough.
fn different_from(
    index: &LinkageIndex,
    golden: GoldenId,
    records: impl Iterator<Item = RecordKey>,
) -> BTreeSet<GoldenId> {
    let decisions = index.decisions();
    if decisions.is_empty() {
        return BTreeSet::new();
    }
    let others = records.flat_map(|record| decisions.different_from(record));
    let others = others.filter_map(|other| index.golden(index.find(other)?));
    let others: BTreeSet<GoldenId> = others.filter(|other| *other > golden).collect();
    others.into_iter().take(DIFFERENT_FROM_MAX).collect()
}

/// The members that are not of the slice, by the golden record that each is in now.
fn homes(
    moved: &BTreeMap<RecordKey, GoldenId>,
    changed: &HashSet<RecordKey>,
    members: HashMap<GoldenId, Vec<Member>>,
) -> HashMap<GoldenId, Vec<Member>> {
    let mut homes: HashMap<GoldenId, Vec<Member>> = HashMap::new();
    for (golden, members) in members {
        for member in members {
            if !changed.contains(&member.key) {
                let home = moved.get(&member.key).copied().unwrap_or(golden);
                homes.entry(home).or_default().push(member);
            }
        }
    }
    homes
}

/// What a golden record is made from.
struct Sources<'a> {
    contents: Vec<(SubmissionKey, Bytes)>,
    different_from: BTreeSet<GoldenId>,
    units: &'a UnitsInUse,
    placed: BTreeMap<UnitReference, UnitReference>,
}

/// The golden record as it is now, or `None` when nothing about it has changed; and the unit that was split,
/// if it waits for a place there.
fn golden_change(
    reconciler: &Reconciler,
    golden_id: GoldenId,
    kind: RecordKind,
    left_for: Option<GoldenId>,
    row: Option<GoldenRow>,
    sources: Sources<'_>,
) -> Result<(Option<GoldenChange>, Option<UnitReference>), ReconcileError> {
    let different_from = sources.different_from;
    let (state, located, sources_text) = if sources.contents.is_empty() {
        if row.is_none() {
            return Ok((None, None));
        }
        let state = left_for.map_or(GoldenState::Withdrawn, GoldenState::MergedInto);
        (state, Located::default(), SourcesText::default())
    } else {
        let (content, text) = consolidate_sources(reconciler, kind, sources.contents)?;
        let located = locate(reconciler, sources.units, kind, content, &sources.placed)?;
        (GoldenState::Live, located, text)
    };
    let Located {
        content,
        unit_move,
        waits_at,
    } = located;
    let hash = ContentHash::of(&content);
    let is_as_before = |row: &GoldenRow| {
        row.hash == hash
            && row.state == state
            && row.provenance == sources_text.provenance
            && row.conflicts == sources_text.conflicts
            && row.different_from == different_from
            && row.unit_move == unit_move
    };
    if row.as_ref().is_some_and(is_as_before) {
        return Ok((None, waits_at));
    }
    let forwarded_hash = forwarded_hash(&reconciler.forms, kind, &content)?;
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
        forwarded_hash,
        content,
        provenance: sources_text.provenance,
        conflicts: sources_text.conflicts,
        different_from,
        unit_move,
    };
    Ok((Some(change), waits_at))
}

/// What is kept of a golden record's sources, as JSON.
struct SourcesText {
    provenance: String,
    conflicts: String,
}

impl Default for SourcesText {
    fn default() -> Self {
        Self {
            provenance: String::new(),
            conflicts: "[]".to_owned(),
        }
    }
}

/// The content of a golden record, where each field came from, and what its sources disagree on.
fn consolidate_sources(
    reconciler: &Reconciler,
    kind: RecordKind,
    mut sources: Vec<(SubmissionKey, Bytes)>,
) -> Result<(Bytes, SourcesText), ReconcileError> {
    if let [_] = sources.as_slice()
        && let Some((submission, content)) = sources.pop()
    {
        let text = SourcesText {
            provenance: provenance_text(&[(submission, Vec::new())]),
            ..SourcesText::default()
        };
        return Ok((content, text));
    }
    let mut ranked = Vec::with_capacity(sources.len());
    for (submission, content) in sources {
        let rank = match kind {
            RecordKind::Child => Rank::of(&reconciler.codec.read_child(&content)?),
            RecordKind::CaseReport => Rank::LOWEST,
        };
        ranked.push(Source {
            submission,
            rank,
            fields: reconciler.codec.fields(&content)?,
        });
    }
    let golden = survivorship::consolidate(ranked, reconciler.codec.survivorship(kind));
    let content: Vec<u8> = golden
        .fields
        .iter()
        .flat_map(|field| field.encoded.iter().copied())
        .collect();
    let text = SourcesText {
        provenance: provenance_text(&golden.provenance),
        conflicts: conflicts_text(&golden.conflicts),
    };
    Ok((content.into(), text))
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

/// `[[field number, [[node, "record id", version]]]]`.
fn conflicts_text(conflicts: &[(u32, Vec<SubmissionKey>)]) -> String {
    let fields = conflicts.iter().map(|(number, against)| {
        let against = against.iter().map(|submission| {
            let record = submission.record;
            let (node, version) = (record.node.get(), submission.version.as_i64());
            format!("[{node},\"{}\",{version}]", record.record_id)
        });
        format!("[{number},[{}]]", against.collect::<Vec<_>>().join(","))
    });
    format!("[{}]", fields.collect::<Vec<_>>().join(","))
}
