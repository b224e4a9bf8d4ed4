//! The words of the tiers above the hub, as JSON beside each record.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::clock::Timestamp;
use crate::domain::golden::GoldenId;
use crate::domain::record::Version;
use crate::domain::tier_word::{GoldenNews, TierState, TierWord};

pub(super) fn write_tiers(tiers: &[TierWord]) -> String {
    let words: Vec<Value> = tiers.iter().map(write_word).collect();
    Value::from(words).to_string()
}

fn write_word(word: &TierWord) -> Value {
    let id = |id: GoldenId| id.as_uuid().to_string();
    let units: Vec<String> = word.linked_units.iter().map(ToString::to_string).collect();
    json!({
        "hub": word.hub.as_ref().map(ToString::to_string),
        "unit": word.unit.map(|unit| unit.to_string()),
        "version": word.version.as_i64(),
        "state": word.state.code(),
        "is_newest": word.is_newest,
        "since": word.since.map(Timestamp::as_micros),
        "golden": word.golden_id.map(id),
        "former": word.former.map(|(former, _)| id(former)),
        "news": word.former.map_or(0, |(_, news)| news.code()),
        "linked": word.linked,
        "linked_units": units,
        "conflicts": word.conflicts,
        "reason": word.reason,
        "rules": word.rules,
        "moved_to": word.moved_to.map(|unit| unit.to_string()),
    })
}

/// The words; none of a text that is not what was written.
pub(super) fn read_tiers(text: &str) -> Vec<TierWord> {
    let words: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    words.iter().map_while(read_word).collect()
}

fn read_word(word: &Value) -> Option<TierWord> {
    let text = |name: &str| word.get(name)?.as_str();
    let number = |name: &str| word.get(name)?.as_i64();
    let short = |name: &str| i16::try_from(number(name)?).ok();
    let golden = |name: &str| Some(GoldenId::new(Uuid::try_parse(text(name)?).ok()?));
    let list = |name: &str| {
        let items = word.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str)
    };
    Some(TierWord {
        hub: text("hub").and_then(|hub| hub.parse().ok()),
        unit: text("unit").and_then(|unit| unit.parse().ok()),
        version: Version::from_i64(number("version")?)?,
        state: TierState::from_code(short("state")?)?,
        is_newest: word.get("is_newest")?.as_bool()?,
        since: number("since").map(Timestamp::from_micros),
        golden_id: golden("golden"),
        former: golden("former").zip(short("news").and_then(GoldenNews::from_code)),
        linked: u32::try_from(number("linked")?).ok()?,
        linked_units: list("linked_units")
            .filter_map(|unit| unit.parse().ok())
            .collect(),
        conflicts: list("conflicts").map(str::to_owned).collect(),
        reason: text("reason")?.to_owned(),
        rules: text("rules")?.to_owned(),
        moved_to: text("moved_to").and_then(|unit| unit.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_they_were_written() {
        let full = TierWord {
            hub: "nation".parse().ok(),
            unit: "GSO_2025:91".parse().ok(),
            version: Version::FIRST,
            state: TierState::Linked,
            is_newest: false,
            since: Some(Timestamp::from_micros(1_770_000_000_123_456)),
            golden_id: Some(GoldenId::new(Uuid::from_u128(7))),
            former: Some((GoldenId::new(Uuid::from_u128(8)), GoldenNews::Merged)),
            linked: 2,
            linked_units: "GSO_2025:79".parse().into_iter().collect(),
            conflicts: vec!["birth_date".into()],
            reason: "RULE_BROKEN".into(),
            rules: "child.birth_date DATE_IN_FUTURE".into(),
            moved_to: "GSO_PRE2025:30745".parse().ok(),
        };
        let words = vec![
            full,
            TierWord::refused(Version::FIRST, "OUTSIDE_TERRITORY".into()),
        ];

        assert_eq!(read_tiers(&write_tiers(&words)), words);
        assert!(read_tiers("").is_empty());
        assert!(read_tiers("[{}]").is_empty());
    }
}
