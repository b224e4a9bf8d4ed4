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
fn details() -> impl Strategy<Value = Details<'static>> {
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

/// Whether two golden records have become one and all others are as they were.
fn are_joined(
    before: &BTreeMap<RecordKey, Option<GoldenId>>,
    after: &BTreeMap<RecordKey, Option<GoldenId>>,
    pair: Pair,
) -> bool {
    let both = [pair.one(), pair.other()].map(|key| before.get(&key));
    let joined = after.get(&pair.one());
    before.iter().all(|(record, golden)| {
        let now = after.get(record);
        if both.contains(&Some(golden)) {
            now == joined
        } else {
            now == Some(golden)
        }
    })
}

/// Everything at once, as the index is rebuilt and as files are linked.
fn linked_in_bulk(records: &[Details<'_>], people: &People) -> Picture {
    let mut in_force = Decisions::default();
    for (pair, verdict) in &people.verdicts {
        in_force.put(*pair, Some(*verdict));
    }
    for (record, others) in &people.statements {
        in_force.state(*record, others.clone());
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
    index.put_off_all();
    let mut next = 0;
    index.settle_some(usize::MAX, || fresh(&mut next));
    picture(&index)
}

/// What people say in the end.
#[derive(Clone, Debug)]
struct People {
    verdicts: BTreeMap<Pair, Verdict>,
    statements: BTreeMap<RecordKey, BTreeSet<RecordKey>>,
}

/// One thing that happens to an index.
#[derive(Clone, Debug)]
enum Step {
    Say(usize, Box<Details<'static>>),
    Withdraw(usize),
    Decide(usize, usize, Option<Verdict>),
    State(usize, Vec<usize>),
    Settle,
}

impl Step {
    fn happen(self, index: &mut LinkageIndex, next: &mut u128) {
        match self {
            Self::Say(place, said) => index.apply(key(place), Some(&Normalised::new(&said))),
            Self::Withdraw(place) => index.apply(key(place), None),
            Self::Decide(one, other, verdict) if one != other => {
                index.decide(Pair::new(key(one), key(other)), verdict);
            }
            Self::Decide(..) => {}
            Self::State(place, others) => {
                index.state(key(place), keys_besides(place, others));
            }
            Self::Settle => {
                index.settle(|| fresh(next));
            }
        }
    }
}

fn keys_besides(place: usize, others: Vec<usize>) -> BTreeSet<RecordKey> {
    let others = others.into_iter().filter(|other| *other != place);
    others.map(key).collect()
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
        1 => (0..RECORDS, prop::collection::vec(0..RECORDS, 0..3))
            .prop_map(|(place, others)| Step::State(place, others)),
        3 => Just(Step::Settle),
    ]
}

fn people() -> impl Strategy<Value = People> {
    let verdict = prop::sample::select(vec![Verdict::Same, Verdict::Different, Verdict::Later]);
    let decisions = prop::collection::vec((0..RECORDS, 0..RECORDS, verdict), 0..4);
    let others = prop::collection::vec(0..RECORDS, 0..3);
    let statements = prop::collection::vec((0..RECORDS, others), 0..3);
    (decisions, statements).prop_map(|(decisions, statements)| {
        let apart = decisions.into_iter().filter(|(one, other, _)| one != other);
        let statements = statements.into_iter();
        People {
            verdicts: apart
                .map(|(one, other, verdict)| (Pair::new(key(one), key(other)), verdict))
                .collect(),
            statements: statements
                .map(|(place, others)| (key(place), keys_besides(place, others)))
                .collect(),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_global_rejects: 40_000,
        ..ProptestConfig::with_cases(400)
    })]

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
        people in people(),
        history in prop::collection::vec(step(), 0..30),
        order in Just((0..RECORDS).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut index = LinkageIndex::new(crowded_model(), Decisions::default());
        let mut next = 0;
        for step in history {
            step.happen(&mut index, &mut next);
        }
        for one in 0..RECORDS {
            for other in one + 1..RECORDS {
                let pair = Pair::new(key(one), key(other));
                index.decide(pair, people.verdicts.get(&pair).copied());
            }
            let stated = people.statements.get(&key(one)).cloned();
            index.state(key(one), stated.unwrap_or_default());
        }
        for place in order {
            index.apply(key(place), Some(&Normalised::new(&records[place])));
        }
        index.settle(|| fresh(&mut next));

        prop_assert_eq!(picture(&index), linked_in_bulk(&records, &people));
    }

    /// What a settlement says is all that has changed: whoever follows it has the index's own picture.
    #[test]
    fn settlements_tell_every_change(steps in prop::collection::vec(step(), 0..60)) {
        let mut index = LinkageIndex::new(crowded_model(), Decisions::default());
        let mut homes: BTreeMap<RecordKey, GoldenId> = BTreeMap::new();
        let mut reviews: BTreeMap<Pair, Centibits> = BTreeMap::new();
        let mut next = 0;
        for step in steps {
            if let Step::Withdraw(place) = step {
                homes.remove(&key(place));
            }
            // Settled below, where what it says is looked at.
            if !matches!(step, Step::Settle) {
                step.happen(&mut index, &mut next);
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

    /// Whatever a link puts together, undoing it gives every record its golden record back.
    #[test]
    fn an_undone_link_gives_every_golden_record_back(
        history in prop::collection::vec(step(), 0..40),
        one in 0..RECORDS,
        apart in 1..RECORDS,
    ) {
        let mut index = LinkageIndex::new(crowded_model(), Decisions::default());
        let mut next = 0;
        for step in history {
            step.happen(&mut index, &mut next);
        }
        index.settle(|| fresh(&mut next));
        let golden = |index: &LinkageIndex| -> BTreeMap<RecordKey, Option<GoldenId>> {
            let numbers = index.numbers();
            numbers.map(|number| (index.key(number), index.golden(number))).collect()
        };
        let before = golden(&index);
        let (one, other) = (key(one), key((one + apart) % RECORDS));
        let pair = Pair::new(one, other);
        prop_assume!(index.decisions().of(one, other).is_none());
        prop_assume!(index.find(one).is_some() && index.find(other).is_some());

        index.decide(pair, Some(Verdict::Same));
        index.settle(|| fresh(&mut next));
        // Where the link tears other golden records apart, more than one link would have to be undone.
        prop_assume!(are_joined(&before, &golden(&index), pair));
        index.decide(pair, None);
        index.settle(|| fresh(&mut next));

        prop_assert_eq!(golden(&index), before);
    }

    /// Under another model the index of the store's links and reviews ends where a new one would, and tells
    /// every change on the way, however few records it settles at a time and whatever comes meanwhile.
    #[test]
    fn an_index_that_takes_over_ends_with_the_picture_of_its_own_model(
        records in prop::collection::vec(details(), RECORDS),
        meanwhile in prop::collection::vec((0..RECORDS, details()), 0..4),
        at_once in 1..4_usize,
    ) {
        let mut next = 0;
        let shipped = Arc::new(Model::shipped().expect("the shipped model"));
        let mut old = LinkageIndex::new(shipped, Decisions::default());
        for (place, said) in records.iter().enumerate() {
            old.apply(key(place), Some(&Normalised::new(said)));
        }
        old.settle(|| fresh(&mut next));
        let mut homes: BTreeMap<RecordKey, GoldenId> = BTreeMap::new();
        let mut new = LinkageIndex::new(crowded_model(), Decisions::default());
        for (place, said) in records.iter().enumerate() {
            let golden = old.find(key(place)).and_then(|number| old.golden(number));
            new.load(key(place), &Normalised::new(said), golden);
            homes.extend(golden.map(|golden| (key(place), golden)));
        }
        let numbers: Vec<Number> = new.numbers().collect();
        let pairs: Vec<_> = numbers.iter().flat_map(|number| new.pairs_of(*number).0).collect();
        new.add_pairs(pairs);
        new.put_off_all();
        let (_, mut reviews) = picture(&old);
        new.take_reviews(&mut old);

        let mut records = records;
        let mut meanwhile = meanwhile.into_iter();
        while new.unsettled() > 0 {
            let waited = new.unsettled();
            let settlement = match meanwhile.next() {
                Some((place, said)) => {
                    new.apply(key(place), Some(&Normalised::new(&said)));
                    records[place] = said;
                    new.settle(|| fresh(&mut next))
                }
                None => new.settle_some(at_once, || fresh(&mut next)),
            };
            prop_assert!(new.unsettled() <= waited);
            for change in settlement.moves {
                prop_assert_eq!(homes.insert(change.record, change.to), change.from);
            }
            for pair in settlement.closed {
                reviews.remove(&pair);
            }
            reviews.extend(settlement.opened.into_iter().map(|r| (r.pair, r.centibits)));
        }

        let nobody = People { verdicts: BTreeMap::new(), statements: BTreeMap::new() };
        let wanted = linked_in_bulk(&records, &nobody);
        prop_assert_eq!(picture(&new), wanted.clone());
        let mut followed: BTreeMap<GoldenId, BTreeSet<RecordKey>> = BTreeMap::new();
        for (record, golden) in homes {
            followed.entry(golden).or_default().insert(record);
        }
        prop_assert_eq!((followed.into_values().collect(), reviews), wanted);
    }
}

/// A hub that has just started, or has another model, links what comes in at once, and the rest bit by bit.
#[test]
fn what_was_put_off_does_not_come_with_what_is_touched_later() {
    let child = |name: &'static str| Details {
        full_name: name.into(),
        ..Details::default()
    };
    let mut index = LinkageIndex::new(crowded_model(), Decisions::default());
    for (place, name) in ["Danh Thị Mẫu", "Trần Văn Thử", "Lê Kiểm"]
        .into_iter()
        .enumerate()
    {
        index.load(key(place), &Normalised::new(&child(name)), None);
    }
    index.put_off_all();
    let mut next = 0;

    index.apply(key(7), Some(&Normalised::new(&child("Võ Dụ"))));
    let first = index.settle(|| fresh(&mut next));
    assert_eq!((first.moves.len(), index.unsettled()), (1, 3));

    let second = index.settle_some(2, || fresh(&mut next));
    assert_eq!((second.moves.len(), index.unsettled()), (2, 1));
}
