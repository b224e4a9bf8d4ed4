use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::date::{PartialDate, Precision};
use crate::domain::record::Sex;
use crate::linkage::details::{Details, row_key};

/// The shipped model with a crowd so small that blocks close and open all the time.
fn crowded_model() -> Arc<Model> {
    let shipped = Model::shipped().expect("the shipped model");
    let text = shipped.text().replace("crowd = 40", "crowd = 3");
    assert_ne!(text, shipped.text());
    Arc::new(Model::parse(&text).expect("a model"))
}

fn date(year: i32, month: u8, day: u8) -> Option<PartialDate> {
    PartialDate::new(year, month, day, Precision::Day)
}

/// One of few families and few children, so that twins, siblings, namesakes and repeats abound.
fn details() -> impl Strategy<Value = Details> {
    let name = prop::sample::select(vec![
        "Nguyễn Gia Bảo",
        "Nguyễn Gia Bách",
        "Nguyen Gia Bao",
        "Trai",
        "Danh Thị Mẫu",
        "Thị Mẫu",
        "Mẫu Nguyễn Văn",
        "Nguyễn Van Văn Mẫu",
        "Nguyễn Văn Van Mau",
        "Ng. V. V. Lý",
        "Nguyễn Vân Vân Lí",
    ]);
    let mother = prop::sample::select(vec![
        "",
        "Trần Thị Kiểm Thử",
        "Tran Thi Kiem Thu",
        "Lê Thị Thí Dụ",
        "Dụ",
    ]);
    let number = prop::sample::select(vec!["", "", "091215000001", "091215000002"]);
    let birth = prop::sample::select(vec![
        date(2015, 3, 2),
        date(2015, 2, 3),
        date(2016, 3, 2),
        None,
    ]);
    let commune = prop::sample::select(vec!["GSO_PRE2025:30742", "GSO_PRE2025:30901"]);
    (name, mother, number, birth, commune).prop_map(|(name, mother, number, birth, commune)| {
        Details {
            full_name: name.into(),
            mother_name: mother.into(),
            personal_number: number.into(),
            birth_date: birth,
            sex: Some(Sex::Male),
            commune: commune.parse().ok(),
            ..Details::default()
        }
    })
}

fn key(place: usize) -> RecordKey {
    // Two records of each node, so that the rule about one node's records is at work too.
    let (node, row) = (place / 2 + 1, place);
    row_key(
        node.try_into().expect("small"),
        row.try_into().expect("small"),
    )
}

/// Who belongs together, and what waits for a steward.
type Picture = (BTreeSet<BTreeSet<RecordKey>>, BTreeMap<Pair, Centibits>);

fn picture(index: &LinkageIndex) -> Picture {
    let mut clusters: BTreeMap<GoldenId, BTreeSet<RecordKey>> = BTreeMap::new();
    for number in index.numbers() {
        let golden = index
            .golden(number)
            .expect("every record has its golden record");
        clusters
            .entry(golden)
            .or_default()
            .insert(index.key(number));
    }
    let reviews = index
        .open_reviews()
        .map(|review| (review.pair, review.centibits));
    (clusters.into_values().collect(), reviews.collect())
}

fn fresh(next: &mut u128) -> GoldenId {
    *next += 1;
    GoldenId::new(Uuid::from_u128(*next))
}

/// Everything at once, as the index is rebuilt and as files are linked.
fn linked_in_bulk(records: &[Details], decisions: &[(Pair, Verdict)]) -> Picture {
    let mut in_force = Decisions::default();
    for (pair, verdict) in decisions {
        in_force.put(*pair, Some(*verdict));
    }
    let mut index = LinkageIndex::new(crowded_model(), in_force);
    for (place, details) in records.iter().enumerate() {
        index.load(key(place), &Normalised::new(details), None);
    }
    let numbers: Vec<Number> = index.numbers().collect();
    let pairs: Vec<_> = numbers
        .iter()
        .flat_map(|number| index.pairs_of(*number).0)
        .collect();
    index.add_pairs(pairs);
    index.touch_all();
    let mut next = 0;
    index.settle(|| fresh(&mut next));
    picture(&index)
}

/// One thing that happens to an index.
#[derive(Clone, Debug)]
enum Step {
    Say(usize, Box<Details>),
    Withdraw(usize),
    Decide(usize, usize, Option<Verdict>),
    Settle,
}

const RECORDS: usize = 10;

fn step() -> impl Strategy<Value = Step> {
    let verdict = prop::sample::select(vec![
        None,
        Some(Verdict::Same),
        Some(Verdict::Different),
        Some(Verdict::Later),
    ]);
    prop_oneof![
        6 => (0..RECORDS, details()).prop_map(|(place, said)| Step::Say(place, Box::new(said))),
        2 => (0..RECORDS).prop_map(Step::Withdraw),
        1 => (0..RECORDS, 0..RECORDS, verdict).prop_map(|(a, b, verdict)| Step::Decide(a, b, verdict)),
        3 => Just(Step::Settle),
    ]
}

fn decisions() -> impl Strategy<Value = Vec<(Pair, Verdict)>> {
    let verdict = prop::sample::select(vec![Verdict::Same, Verdict::Different, Verdict::Later]);
    let decision = (0..RECORDS, 0..RECORDS, verdict);
    let some = prop::collection::vec(decision, 0..4);
    some.prop_map(|all| {
        let apart = all.into_iter().filter(|(one, other, _)| one != other);
        let in_force: BTreeMap<Pair, Verdict> = apart
            .map(|(one, other, verdict)| (Pair::new(key(one), key(other)), verdict))
            .collect();
        in_force.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Links could depend on the order of arrival if a pair's score depended on which record is asked.
    #[test]
    fn comparing_is_the_same_from_both_sides(one in details(), other in details()) {
        let mut index = LinkageIndex::new(crowded_model(), Decisions::default());
        let one = index.load(key(1), &Normalised::new(&one), None);
        let other = index.load(key(2), &Normalised::new(&other), None);

        prop_assert_eq!(index.compare(one, other), index.compare(other, one));
    }

    /// Whatever happened before, what is linked and what is reviewed follows from what is there now.
    #[test]
    fn links_follow_from_what_is_there_and_not_from_its_history(
        records in prop::collection::vec(details(), RECORDS),
        decisions in decisions(),
        history in prop::collection::vec(step(), 0..30),
        order in Just((0..RECORDS).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut index = LinkageIndex::new(crowded_model(), Decisions::default());
        let mut next = 0;
        for step in history {
            match step {
                Step::Say(place, said) => index.apply(key(place), Some(&Normalised::new(&said))),
                Step::Withdraw(place) => index.apply(key(place), None),
                Step::Decide(one, other, verdict) if one != other => {
                    index.decide(Pair::new(key(one), key(other)), verdict);
                }
                Step::Decide(..) => {}
                Step::Settle => {
                    index.settle(|| fresh(&mut next));
                }
            }
        }
        for one in 0..RECORDS {
            for other in one + 1..RECORDS {
                let pair = Pair::new(key(one), key(other));
                let wanted = decisions.iter().find(|(decided, _)| *decided == pair);
                index.decide(pair, wanted.map(|(_, verdict)| *verdict));
            }
        }
        for place in order {
            index.apply(key(place), Some(&Normalised::new(&records[place])));
        }
        index.settle(|| fresh(&mut next));

        prop_assert_eq!(picture(&index), linked_in_bulk(&records, &decisions));
    }

    /// What a settlement says is all that has changed: whoever follows it has the index's own picture.
    #[test]
    fn settlements_tell_every_change(steps in prop::collection::vec(step(), 0..60)) {
        let mut index = LinkageIndex::new(crowded_model(), Decisions::default());
        let mut homes: BTreeMap<RecordKey, GoldenId> = BTreeMap::new();
        let mut reviews: BTreeMap<Pair, Centibits> = BTreeMap::new();
        let mut next = 0;
        for step in steps {
            match step {
                Step::Say(place, said) => index.apply(key(place), Some(&Normalised::new(&said))),
                Step::Withdraw(place) => {
                    index.apply(key(place), None);
                    homes.remove(&key(place));
                }
                Step::Decide(one, other, verdict) if one != other => {
                    index.decide(Pair::new(key(one), key(other)), verdict);
                }
                Step::Decide(..) | Step::Settle => {}
            }
            let settlement = index.settle(|| fresh(&mut next));
            for change in settlement.moves {
                prop_assert_eq!(homes.insert(change.record, change.to), change.from);
            }
            for pair in settlement.closed {
                reviews.remove(&pair);
            }
            reviews.extend(settlement.opened.into_iter().map(|r| (r.pair, r.centibits)));
        }
        let mut followed: BTreeMap<GoldenId, BTreeSet<RecordKey>> = BTreeMap::new();
        for (record, golden) in homes {
            followed.entry(golden).or_default().insert(record);
        }
        let followed: Picture = (followed.into_values().collect(), reviews);
        prop_assert_eq!(picture(&index), followed);
    }
}
