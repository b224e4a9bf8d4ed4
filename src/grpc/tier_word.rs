//! The words of tiers above, to and from the contract.

use super::convert::{read_instant, read_unit, write_instant, write_unit};
use super::feed_client::{bounded_rules, fields, golden_id, golden_news, units, word};
use super::proto::v1;
use crate::domain::golden::GoldenId;
use crate::domain::record::Version;
use crate::domain::tier_word::{GoldenNews, TierState, TierWord};

pub(super) fn write_tier_word(word: TierWord) -> v1::TierWord {
    let write_id = |id: GoldenId| id.as_uuid().to_string();
    v1::TierWord {
        hub: word.hub.map(|hub| hub.to_string()).unwrap_or_default(),
        hub_unit: word.unit.map(write_unit),
        version: word.version.as_u64(),
        state: write_state(word.state).into(),
        is_newest: word.is_newest,
        since: word.since.map(write_instant),
        golden_id: word.golden_id.map(write_id).unwrap_or_default(),
        previous_golden_id: word
            .former
            .map(|(former, _)| write_id(former))
            .unwrap_or_default(),
        golden_news: match word.former.map(|(_, news)| news) {
            None => v1::GoldenNews::Unspecified,
            Some(GoldenNews::Merged) => v1::GoldenNews::Merged,
            Some(GoldenNews::Split) => v1::GoldenNews::Split,
        }
        .into(),
        linked_records: word.linked,
        linked_units: word.linked_units.into_iter().map(write_unit).collect(),
        conflicting_fields: word.conflicts,
        reason: word.reason,
        violated_rules: word.rules.lines().map(str::to_owned).collect(),
        moved_to: word.moved_to.map(write_unit),
    }
}

/// The word of a tier, or `None` if it makes no sense.
pub(super) fn read_tier_word(told: &v1::TierWord) -> Option<TierWord> {
    Some(TierWord {
        hub: told.hub.parse().ok(),
        unit: told.hub_unit.as_ref().and_then(read_unit),
        version: Version::from_u64(told.version)?,
        state: read_state(told.state())?,
        is_newest: told.is_newest,
        since: told.since.as_ref().map(read_instant),
        golden_id: golden_id(&told.golden_id),
        former: golden_id(&told.previous_golden_id).zip(golden_news(told.golden_news())),
        linked: told.linked_records,
        linked_units: units(&told.linked_units),
        conflicts: fields(&told.conflicting_fields),
        reason: word(&told.reason),
        rules: bounded_rules(&told.violated_rules),
        moved_to: told.moved_to.as_ref().and_then(read_unit),
    })
}

fn write_state(state: TierState) -> v1::TierState {
    match state {
        TierState::Reconciled => v1::TierState::Reconciled,
        TierState::Linked => v1::TierState::Linked,
        TierState::Withdrawn => v1::TierState::Withdrawn,
        TierState::Quarantined => v1::TierState::Quarantined,
        TierState::Refused => v1::TierState::Refused,
    }
}

fn read_state(state: v1::TierState) -> Option<TierState> {
    match state {
        v1::TierState::Unspecified => None,
        v1::TierState::Reconciled => Some(TierState::Reconciled),
        v1::TierState::Linked => Some(TierState::Linked),
        v1::TierState::Withdrawn => Some(TierState::Withdrawn),
        v1::TierState::Quarantined => Some(TierState::Quarantined),
        v1::TierState::Refused => Some(TierState::Refused),
    }
}
