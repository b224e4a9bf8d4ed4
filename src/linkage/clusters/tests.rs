//! What the partition promises, for random histories too.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::personal_number::PersonalNumber;
use crate::domain::record::Sex;

fn golden(number: u128) -> GoldenId {
    GoldenId::new(Uuid::from_u128(number))
}

fn identity(number: u8) -> Identity {
    let text = format!("0912180000{number:02}");
    let number = PersonalNumber::parse(&text).expect("twelve digits");
    Identity::new(number, Sex::Male, 2018)
}

#[test]
fn records_of_one_identity_share_a_golden_record() {
    let mut clusters = Clusters::default();

    let first = clusters.place(None, Some(identity(1)), || golden(1));
    let second = clusters.place(None, Some(identity(1)), || golden(2));

    assert_eq!(first.to, second.to);
}

#[test]
fn records_without_an_identity_stay_alone() {
    let mut clusters = Clusters::default();

    let first = clusters.place(None, None, || golden(1));
    let second = clusters.place(None, None, || golden(2));

    assert_ne!(first.to, second.to);
}

#[test]
fn a_lone_record_keeps_its_golden_record_when_its_number_is_corrected() {
    let mut clusters = Clusters::default();
    let before = clusters.place(None, Some(identity(1)), || golden(1));

    let after = clusters.place(before.to, Some(identity(2)), || golden(2));

    assert_eq!(after.to, before.to);
}

#[test]
fn a_record_that_leaves_others_behind_gets_a_golden_record_of_its_own() {
    let mut clusters = Clusters::default();
    let shared = clusters.place(None, Some(identity(1)), || golden(1)).to;
    let stays = clusters.place(None, Some(identity(1)), || golden(2)).to;

    let leaves = clusters.place(shared, Some(identity(2)), || golden(3));

    assert_eq!((stays, leaves.to), (Some(golden(1)), Some(golden(3))));
}

#[test]
fn a_number_given_up_by_its_last_record_names_a_new_golden_record() {
    let mut clusters = Clusters::default();
    let first = clusters.place(None, Some(identity(1)), || golden(1)).to;
    clusters.withdraw(first);

    let second = clusters.place(None, Some(identity(1)), || golden(2));

    assert_eq!(second.to, Some(golden(2)));
}

/// One step of a history: a record takes an identity, loses its number, or is withdrawn.
#[derive(Clone, Copy, Debug)]
enum Step {
    Identity(u8),
    NoNumber,
    Withdrawn,
}

fn steps() -> impl Strategy<Value = Vec<(u8, Step)>> {
    let step = prop_oneof![
        4 => (0_u8..4).prop_map(Step::Identity),
        1 => Just(Step::NoNumber),
        1 => Just(Step::Withdrawn),
    ];
    proptest::collection::vec((0_u8..6, step), 0..40)
}

/// Plays a history and gives the partition of the live records.
fn play(history: &[(u8, Step)]) -> BTreeSet<BTreeSet<u8>> {
    let mut clusters = Clusters::default();
    let mut places: BTreeMap<u8, Option<GoldenId>> = BTreeMap::new();
    let mut next = 0;
    for (record, step) in history {
        let from = places.get(record).copied().flatten();
        let mut fresh = || {
            next += 1;
            golden(next)
        };
        let assignment = match step {
            Step::Identity(number) => clusters.place(from, Some(identity(*number)), &mut fresh),
            Step::NoNumber => clusters.place(from, None, &mut fresh),
            Step::Withdrawn => clusters.withdraw(from),
        };
        places.insert(*record, assignment.to);
    }
    let mut partition: BTreeMap<GoldenId, BTreeSet<u8>> = BTreeMap::new();
    for (record, place) in places {
        if let Some(place) = place {
            partition.entry(place).or_default().insert(record);
        }
    }
    partition.into_values().collect()
}

/// What the partition must be: the live records grouped by the identity of their last step.
fn expected(history: &[(u8, Step)]) -> BTreeSet<BTreeSet<u8>> {
    let last: BTreeMap<u8, Step> = history.iter().copied().collect();
    let mut groups: BTreeMap<(u8, u8), BTreeSet<u8>> = BTreeMap::new();
    for (record, step) in last {
        match step {
            Step::Identity(number) => groups.entry((0, number)).or_default().insert(record),
            Step::NoNumber => groups.entry((1, record)).or_default().insert(record),
            Step::Withdrawn => continue,
        };
    }
    groups.into_values().collect()
}

proptest! {
    #[test]
    fn the_partition_depends_on_the_last_state_of_each_record_alone(history in steps()) {
        prop_assert_eq!(play(&history), expected(&history));
    }

    #[test]
    fn repeating_every_step_changes_nothing(history in steps()) {
        let doubled: Vec<_> = history.iter().flat_map(|step| [*step, *step]).collect();

        prop_assert_eq!(play(&doubled), play(&history));
    }
}
