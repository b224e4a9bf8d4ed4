//! Putting golden records together from the source records that are in them now.

use std::collections::HashSet;

use bytes::Bytes;

use super::content::{open_member, read_record};
use super::load::Known;
use super::plan::{LiveCounts, Placed};
use super::{ReconcileError, Reconciler};
use crate::domain::golden::{GoldenId, SubmissionKey};
use crate::domain::record::{ContentHash, Lane, Record, RecordKey, RecordKind, Version};
use crate::linkage::survivorship::{self, Rank, Source};
use crate::store::{GoldenChange, GoldenRow, GoldenState, Quarantined, SourceRow};
use crate::sync::sealing::seal_golden;

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
