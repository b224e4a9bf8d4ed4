use uuid::Uuid;

use super::*;
use crate::domain::golden::SubmissionKey;
use crate::domain::node::NodeId;
use crate::domain::record::{ContentHash, RecordId, RecordKey, RecordKind};
use crate::domain::relations::Relations;
use crate::domain::standing::{Above, HubWord};

fn candidate(version: u64, content: &[u8]) -> Candidate {
    let record = RecordKey {
        node: NodeId::new(0),
        kind: RecordKind::Child,
        record_id: RecordId::new(Uuid::from_u128(1)),
    };
    let version = Version::from_u64(version).expect("a version");
    Candidate {
        submission: SubmissionKey { record, version },
        tombstone: 0,
        hash: ContentHash::of(content),
        content: content.to_vec(),
        sent: None,
        relations: Relations::None,
        violations: Vec::new(),
    }
}

fn from_client(version: u64, content: &[u8]) -> Incoming {
    Incoming {
        examined: Examined::Take(candidate(version, content)),
        numbering: Numbering::Client,
    }
}

fn without_version(content: &[u8]) -> Incoming {
    Incoming {
        examined: Examined::Take(candidate(1, content)),
        numbering: Numbering::Agent,
    }
}

fn holdings() -> Holdings {
    Holdings::new(Vec::new(), Vec::new(), 0, Timestamp::default())
}

fn outcomes(changes: Vec<Incoming>) -> Vec<(Outcome, Option<u64>)> {
    let mut holdings = holdings();
    let kept = changes.into_iter().map(|change| holdings.settle(change));
    kept.map(|kept| (kept.settled.outcome, kept.version.map(Version::as_u64)))
        .collect()
}

#[test]
fn twenty_edits_of_one_child_leave_one_state() {
    let mut holdings = holdings();
    for edit in 1..=20 {
        holdings.settle(from_client(edit, &edit.to_be_bytes()));
    }

    let effect = holdings.effect();

    assert_eq!(effect.states.len(), 1);
    assert_eq!(effect.more_queued, 1);
    assert_eq!(effect.states[0].version.as_u64(), 20);
}

#[test]
fn a_client_without_versions_gets_the_next_one_only_when_the_record_changed() {
    let found = outcomes(vec![
        without_version(b"a"),
        without_version(b"a"),
        without_version(b"b"),
    ]);

    assert_eq!(
        found,
        [
            (Outcome::Accepted, Some(1)),
            (Outcome::Unchanged, Some(1)),
            (Outcome::Accepted, Some(2)),
        ]
    );
}

#[test]
fn versions_of_a_client_are_settled_as_at_a_hub() {
    let found = outcomes(vec![
        from_client(2, b"b"),
        from_client(2, b"b"),
        from_client(1, b"a"),
        from_client(2, b"c"),
    ]);

    assert_eq!(
        found,
        [
            (Outcome::Accepted, Some(2)),
            (Outcome::Unchanged, Some(2)),
            (Outcome::Superseded, Some(1)),
            (Outcome::Rejected(Reason::VersionReused), None),
        ]
    );
}

#[test]
fn what_the_hub_has_told_of_is_not_numbered_below_it() {
    let key = (RecordKind::Child, RecordId::new(Uuid::from_u128(1)));
    let version = Version::from_u64(7).expect("a version");
    let told = AgentRecord {
        hub: Some(HubWord {
            linked_units: Vec::new(),
            successor_unit: None,
            conflicts: Vec::new(),
            version,
            state: HubState::Live,
            since: None,
            position: 1,
            change: 1,
            linked: 1,
            above: Above::NotYet,
            moved_to: None,
            tiers: Vec::new(),
        }),
        ..AgentRecord::told(key, version)
    };
    let mut holdings = Holdings::new(vec![told], Vec::new(), 0, Timestamp::default());

    let kept = holdings.settle(without_version(b"a"));

    assert_eq!(kept.version.map(Version::as_u64), Some(8));
}

#[test]
fn a_record_that_breaks_a_rule_may_be_corrected_under_its_version() {
    let mut broken = candidate(1, b"a");
    broken.violations.push(Violation {
        path: crate::domain::validation::validate_child(
            &crate::domain::draft::ChildDraft::default(),
            time::macros::date!(2026 - 01 - 01),
        )
        .violations[0]
            .path
            .clone(),
        rule: crate::domain::validation::Rule::Required,
        level: crate::domain::validation::Level::Reject,
    });
    let mut holdings = holdings();

    let first = holdings.settle(Incoming {
        examined: Examined::Quarantine(broken),
        numbering: Numbering::Client,
    });
    let second = holdings.settle(from_client(1, b"b"));

    assert_eq!(first.settled.outcome, Outcome::Quarantined);
    assert_eq!(second.settled.outcome, Outcome::Accepted);
}
