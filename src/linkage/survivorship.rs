//! Survivorship: which source record gives each field of a golden record.
//!
//! A record is taken as numbered fields, each with its bytes as they were sent, so that a field that
//! this program does not know survives like any other. A part such as the household is one field: its
//! lines belong together and are never mixed from two sources. Lists that add up (carers, episodes,
//! services) are united instead of chosen.

use std::cmp::Reverse;
use std::collections::HashSet;

use bytes::Bytes;

use crate::domain::draft::ChildDraft;
use crate::domain::golden::SubmissionKey;

/// One field of a record: its number and its bytes, number included, as they were sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// Number of the field in the contract.
    pub number: u32,
    /// The whole field as encoded.
    pub encoded: Bytes,
}

impl std::fmt::Debug for Field {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Field({}, redacted)", self.number)
    }
}

/// What speaks for a source record, the strongest first. No clock of a node decides alone: the time
/// of change, which the node states, comes after everything that is known better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// The police have verified the identity.
    pub verified: bool,
    /// The child lives where the record was made.
    pub present: bool,
    /// How many fields are filled.
    pub filled_fields: u32,
    /// When the node says that it changed the record, in microseconds since 1970 UTC.
    pub changed_at: i64,
}

impl Rank {
    /// Of a record about which nothing is known.
    pub const LOWEST: Self = Self {
        verified: false,
        present: false,
        filled_fields: 0,
        changed_at: i64::MIN,
    };

    /// Of a child record.
    pub fn of(draft: &ChildDraft) -> Self {
        Self {
            verified: draft.verified_by_police,
            present: draft.is_present(),
            filled_fields: draft.filled_fields(),
            changed_at: draft.changed_at.unwrap_or_default().as_micros(),
        }
    }
}

/// A source record of a golden record.
#[derive(Clone, Debug)]
pub struct Source {
    /// The submission.
    pub submission: SubmissionKey,
    /// What speaks for it.
    pub rank: Rank,
    /// Its fields in the order of their numbers.
    pub fields: Vec<Field>,
}

/// The fields of a golden record and where each came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consolidated {
    /// The fields in the order of their numbers.
    pub fields: Vec<Field>,
    /// For each source that gave something: the submission and the numbers of its fields.
    pub provenance: Vec<(SubmissionKey, Vec<u32>)>,
}

/// Puts a golden record together. The same sources in any order give the same record.
///
/// `united` names the fields that are lists to unite; every other field is taken whole from the
/// highest-ranking source that has it.
pub fn consolidate(mut sources: Vec<Source>, united: &[u32]) -> Consolidated {
    // The submission's key is the last word, so that no two sources are ever equal in rank.
    sources.sort_by_key(|source| (Reverse(source.rank), source.submission));
    let mut chosen: Vec<(Field, usize)> = Vec::new();
    let mut taken: HashSet<u32> = HashSet::new();
    let mut seen: HashSet<Bytes> = HashSet::new();
    for (place, source) in sources.iter().enumerate() {
        let before = taken.clone();
        for field in &source.fields {
            let wanted = if united.contains(&field.number) {
                seen.insert(field.encoded.clone())
            } else {
                !before.contains(&field.number)
            };
            if wanted {
                taken.insert(field.number);
                chosen.push((field.clone(), place));
            }
        }
    }
    chosen.sort_by_key(|(field, place)| (field.number, *place));
    let provenance = sources
        .iter()
        .enumerate()
        .map(|(place, source)| (source.submission, numbers_from(&chosen, place)))
        .filter(|(_, numbers)| !numbers.is_empty())
        .collect();
    Consolidated {
        fields: chosen.into_iter().map(|(field, _)| field).collect(),
        provenance,
    }
}

/// The numbers of the fields that one source gave, each once.
fn numbers_from(chosen: &[(Field, usize)], place: usize) -> Vec<u32> {
    let mut numbers: Vec<u32> = chosen
        .iter()
        .filter(|(_, from)| *from == place)
        .map(|(field, _)| field.number)
        .collect();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::node::NodeId;
    use crate::domain::record::{RecordId, RecordKey, RecordKind, Version};

    fn source(node: i64, filled: u32, fields: &[(u32, &'static str)]) -> Source {
        let key = RecordKey {
            node: NodeId::new(node),
            kind: RecordKind::Child,
            record_id: RecordId::new(Uuid::from_u128(7)),
        };
        let version = Version::from_i64(1).expect("one is a version");
        let field = |(number, text): &(u32, &'static str)| Field {
            number: *number,
            encoded: Bytes::from_static(text.as_bytes()),
        };
        Source {
            submission: SubmissionKey {
                record: key,
                version,
            },
            rank: Rank {
                verified: false,
                present: true,
                filled_fields: filled,
                changed_at: 0,
            },
            fields: fields.iter().map(field).collect(),
        }
    }

    fn texts(golden: &Consolidated) -> Vec<&[u8]> {
        golden
            .fields
            .iter()
            .map(|field| &field.encoded[..])
            .collect()
    }

    #[test]
    fn a_field_comes_from_the_highest_ranking_source_that_has_it() {
        let fuller = source(2, 5, &[(1, "a2")]);
        let emptier = source(1, 3, &[(1, "a1"), (2, "b1")]);

        let golden = consolidate(vec![emptier, fuller], &[]);

        assert_eq!(texts(&golden), [b"a2", b"b1"]);
    }

    #[test]
    fn lists_are_united_without_repeats() {
        let one = source(1, 1, &[(9, "x"), (9, "y")]);
        let two = source(2, 1, &[(9, "y"), (9, "z")]);

        let golden = consolidate(vec![two, one], &[9]);

        assert_eq!(texts(&golden), [b"x", b"y", b"z"]);
    }

    #[test]
    fn a_repeated_field_is_never_mixed_from_two_sources() {
        let one = source(1, 2, &[(9, "x"), (9, "y")]);
        let two = source(2, 1, &[(9, "z")]);

        let golden = consolidate(vec![one, two], &[]);

        assert_eq!(texts(&golden), [b"x", b"y"]);
    }

    #[test]
    fn the_order_of_the_sources_does_not_matter() {
        let one = source(1, 1, &[(1, "p"), (9, "x")]);
        let two = source(2, 1, &[(1, "q"), (9, "y")]);

        let forth = consolidate(vec![one.clone(), two.clone()], &[9]);
        let back = consolidate(vec![two, one], &[9]);

        assert_eq!(forth, back);
    }

    #[test]
    fn every_field_names_the_submission_it_came_from() {
        let fuller = source(2, 5, &[(1, "a2")]);
        let emptier = source(1, 3, &[(1, "a1"), (2, "b1")]);

        let golden = consolidate(vec![emptier.clone(), fuller.clone()], &[]);

        let expected = vec![(fuller.submission, vec![1]), (emptier.submission, vec![2])];
        assert_eq!(golden.provenance, expected);
    }
}
