//! What a store keeps of the words of tiers above.

use childsync::domain::clock::Timestamp;
use childsync::domain::golden::GoldenId;
use childsync::domain::node::NodeId;
use childsync::domain::record::{ContentHash, RecordId, RecordKey, RecordKind, Version};
use childsync::domain::relations::Relations;
use childsync::domain::tier_word::{GoldenNews, TierState, TierWord};
use childsync::store::{SourceRow, SourceState};
use uuid::Uuid;

use crate::support::database::{Database, Engine};
use crate::support::on_both_engines;

on_both_engines![
    words_come_back_as_they_were_put_and_are_replaced_whole,
    every_record_of_a_golden_record_is_told_anew,
];

fn golden(number: u128) -> GoldenId {
    GoldenId::new(Uuid::from_u128(number))
}

fn full_word() -> TierWord {
    TierWord {
        hub: Some("nation".parse().expect("a name")),
        unit: Some("GSO_2025:91".parse().expect("a unit")),
        version: Version::FIRST,
        state: TierState::Linked,
        is_newest: true,
        since: Some(Timestamp::from_micros(1_770_000_000_123_456)),
        golden_id: Some(golden(70)),
        former: Some((golden(71), GoldenNews::Split)),
        linked: 3,
        linked_units: vec!["GSO_2025:01", "GSO_2025:79"]
            .into_iter()
            .map(|unit| unit.parse().expect("a unit"))
            .collect(),
        conflicts: vec!["birth_date".into(), "full_name".into()],
        reason: "RULE_BROKEN".into(),
        rules: "child.birth_date FUTURE\nchild.sex REQUIRED".into(),
        moved_to: Some("GSO_PRE2025:30745".parse().expect("a unit")),
    }
}

async fn words_come_back_as_they_were_put_and_are_replaced_whole(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    let refused = TierWord::refused(Version::FIRST, "OUTSIDE_TERRITORY".into());
    let put = [
        (golden(1), vec![full_word(), refused.clone()]),
        (golden(2), vec![refused.clone()]),
    ];
    let mut writing = store.write().await.expect("a transaction");
    writing.put_tier_words(&put).await.expect("put");
    writing.commit().await.expect("committed");

    let mut writing = store.write().await.expect("a transaction");
    let newer = [(golden(2), vec![full_word()])];
    writing.put_tier_words(&newer).await.expect("put");
    writing.commit().await.expect("committed");

    let mut reading = store.read().await.expect("a transaction");
    let asked = [golden(1), golden(2), golden(3)];
    let held = reading.find_tier_words(&asked).await.expect("words");
    assert_eq!(held.len(), 2);
    assert_eq!(held[&golden(1)], [full_word(), refused]);
    assert_eq!(held[&golden(2)], [full_word()]);
    drop(reading);
    store.close().await;
}

async fn every_record_of_a_golden_record_is_told_anew(engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    let source = |number, golden_id, state| SourceRow {
        key: RecordKey {
            node: NodeId::new(1),
            kind: RecordKind::Child,
            record_id: RecordId::new(Uuid::from_u128(number)),
        },
        version: Version::FIRST,
        state,
        golden_id,
        hash: ContentHash::of(b"content"),
        alias: None,
        relations: Relations::None,
    };
    let rows = [
        (source(1, golden(1), SourceState::Live), 1),
        (source(2, golden(1), SourceState::Withdrawn), 2),
        (source(3, golden(2), SourceState::Live), 3),
    ];
    let mut writing = store.write().await.expect("a transaction");
    writing.put_source_records(&rows).await.expect("put");

    let asked = [golden(1), golden(9)];
    let last = writing.retell_golden_records(&asked, 3).await;
    let last = last.expect("told");
    writing.commit().await.expect("committed");

    assert_eq!(last, 5);
    let mut reading = store.read().await.expect("a transaction");
    let feed = reading.read_feed(NodeId::new(1), 3, 10).await;
    let mut numbers: Vec<i64> = feed.expect("a feed").iter().map(|row| row.feed).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [4, 5]);
    drop(reading);
    store.close().await;
}
