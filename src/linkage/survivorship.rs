//! Survivorship: which source record gives each field of a golden record.
//!
//! A record is taken as numbered fields, each with its bytes as they were sent, so that a field that
//! this program does not know survives like any other. A part such as the household is one field: its
//! lines belong together and are never mixed from two sources. Lists that add up (carers, episodes,
//! services) are united instead of chosen.

use std::cmp::Reverse;
use std::collections::HashSet;

use bytes::Bytes;
use serde::Deserialize;

use super::normalise;
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

/// Which fields have a rule of their own, by their numbers in the contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Lists that are united.
    pub united: Vec<u32>,
    /// Fields whose contradictions are recorded.
    pub conflict: Vec<u32>,
    /// The same for names, where another writing is no contradiction.
    pub conflict_as_name: Vec<u32>,
}

/// The rules of a file, by the names of the fields.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    child: NamedRules,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedRules {
    united: Vec<String>,
    conflict: Vec<String>,
    conflict_as_name: Vec<String>,
}

/// The rules that ship with the program cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesInvalid {
    /// Not the text of rules.
    #[error("not survivorship rules: {0}")]
    Syntax(String),
    /// The contract has no such field.
    #[error("survivorship rules name {0}, which is no field of a child record")]
    UnknownField(String),
}

impl Rules {
    /// The rules for children that ship with the program; `number` knows the fields of the contract.
    pub fn of_children(number: impl Fn(&str) -> Option<u32>) -> Result<Self, RulesInvalid> {
        let text = include_str!("../../reference/linkage/survivorship.toml");
        let file: RulesFile = toml::from_str(text)
            .map_err(|error| RulesInvalid::Syntax(error.message().to_owned()))?;
        let numbers = |names: Vec<String>| -> Result<Vec<u32>, RulesInvalid> {
            let names = names.into_iter();
            names
                .map(|name| number(&name).ok_or(RulesInvalid::UnknownField(name)))
                .collect()
        };
        Ok(Self {
            united: numbers(file.child.united)?,
            conflict: numbers(file.child.conflict)?,
            conflict_as_name: numbers(file.child.conflict_as_name)?,
        })
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
    /// For each field that sources contradict each other on: its number and the submissions with another
    /// value than the chosen one.
    pub conflicts: Vec<(u32, Vec<SubmissionKey>)>,
}

/// Puts a golden record together. The same sources in any order give the same record.
///
/// Every field without a rule is taken whole from the highest-ranking source that has it.
pub fn consolidate(mut sources: Vec<Source>, rules: &Rules) -> Consolidated {
    // The submission's key is the last word, so that no two sources are ever equal in rank.
    sources.sort_by_key(|source| (Reverse(source.rank), source.submission));
    let mut chosen: Vec<(Field, usize)> = Vec::new();
    let mut taken: HashSet<u32> = HashSet::new();
    let mut seen: HashSet<Bytes> = HashSet::new();
    for (place, source) in sources.iter().enumerate() {
        let before = taken.clone();
        for field in &source.fields {
            let wanted = if rules.united.contains(&field.number) {
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
    let conflicts = conflicts(&sources, &chosen, rules);
    Consolidated {
        conflicts,
        fields: chosen.into_iter().map(|(field, _)| field).collect(),
        provenance,
    }
}

/// Who has another value than the chosen one, for each field where that is a conflict.
fn conflicts(
    sources: &[Source],
    chosen: &[(Field, usize)],
    rules: &Rules,
) -> Vec<(u32, Vec<SubmissionKey>)> {
    let mut conflicts = Vec::new();
    for (field, _) in chosen {
        let agree: fn(&Field, &Field) -> bool = if rules.conflict.contains(&field.number) {
            |one, other| one.encoded == other.encoded
        } else if rules.conflict_as_name.contains(&field.number) {
            are_one_name
        } else {
            continue;
        };
        let contradicts = |source: &&Source| {
            let mut own = source
                .fields
                .iter()
                .filter(|own| own.number == field.number);
            own.any(|own| !agree(own, field))
        };
        let against: Vec<SubmissionKey> = sources
            .iter()
            .filter(contradicts)
            .map(|source| source.submission)
            .collect();
        if !against.is_empty() {
            conflicts.push((field.number, against));
        }
    }
    conflicts
}

/// Whether two texts are one name in two writings: the same words without tones, in any order.
fn are_one_name(one: &Field, other: &Field) -> bool {
    let words = |field: &Field| {
        let text = String::from_utf8_lossy(text_of(&field.encoded)).into_owned();
        let name = normalise::person_name(&text);
        let mut words: Vec<String> = name
            .words()
            .iter()
            .map(|word| normalise::untoned(word))
            .collect();
        words.sort_unstable();
        words
    };
    one.encoded == other.encoded || words(one) == words(other)
}

/// The text of an encoded field: what stands behind its number and its length, each a varint.
fn text_of(encoded: &[u8]) -> &[u8] {
    let behind_varint = |bytes: &[u8]| {
        bytes
            .iter()
            .position(|byte| byte & 0x80 == 0)
            .map(|at| at + 1)
    };
    let rest = behind_varint(encoded)
        .and_then(|at| encoded.get(at..))
        .unwrap_or_default();
    behind_varint(rest)
        .and_then(|at| rest.get(at..))
        .unwrap_or_default()
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

    fn uniting(number: u32) -> Rules {
        Rules {
            united: vec![number],
            ..Rules::default()
        }
    }

    #[test]
    fn a_contradiction_is_recorded_with_who_contradicts() {
        let rules = Rules {
            conflict: vec![1],
            conflict_as_name: vec![2],
            ..Rules::default()
        };
        // Number and length stand before the text.
        let fuller = source(1, 5, &[(1, "a"), (2, "\u{12}\u{4}Mẫu")]);
        let agrees = source(2, 3, &[(1, "a"), (2, "\u{12}\u{3}MAU")]);
        let contradicts = source(3, 2, &[(1, "b"), (2, "\u{12}\u{3}Thử")]);

        let golden = consolidate(vec![contradicts.clone(), agrees, fuller], &rules);

        let against = vec![contradicts.submission];
        assert_eq!(golden.conflicts, [(1, against.clone()), (2, against)]);
    }

    #[test]
    fn the_rules_that_ship_name_fields_of_the_contract() {
        let rules = Rules::of_children(|name| u32::try_from(name.len()).ok()).expect("readable");

        assert!(!rules.united.is_empty() && !rules.conflict.is_empty());
        assert!(matches!(
            Rules::of_children(|_| None),
            Err(RulesInvalid::UnknownField(_))
        ));
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

        let golden = consolidate(vec![emptier, fuller], &Rules::default());

        assert_eq!(texts(&golden), [b"a2", b"b1"]);
    }

    #[test]
    fn lists_are_united_without_repeats() {
        let one = source(1, 1, &[(9, "x"), (9, "y")]);
        let two = source(2, 1, &[(9, "y"), (9, "z")]);

        let golden = consolidate(vec![two, one], &uniting(9));

        assert_eq!(texts(&golden), [b"x", b"y", b"z"]);
    }

    #[test]
    fn a_repeated_field_is_never_mixed_from_two_sources() {
        let one = source(1, 2, &[(9, "x"), (9, "y")]);
        let two = source(2, 1, &[(9, "z")]);

        let golden = consolidate(vec![one, two], &Rules::default());

        assert_eq!(texts(&golden), [b"x", b"y"]);
    }

    #[test]
    fn the_order_of_the_sources_does_not_matter() {
        let one = source(1, 1, &[(1, "p"), (9, "x")]);
        let two = source(2, 1, &[(1, "q"), (9, "y")]);

        let forth = consolidate(vec![one.clone(), two.clone()], &uniting(9));
        let back = consolidate(vec![two, one], &uniting(9));

        assert_eq!(forth, back);
    }

    #[test]
    fn every_field_names_the_submission_it_came_from() {
        let fuller = source(2, 5, &[(1, "a2")]);
        let emptier = source(1, 3, &[(1, "a1"), (2, "b1")]);

        let golden = consolidate(vec![emptier.clone(), fuller.clone()], &Rules::default());

        let expected = vec![(fuller.submission, vec![1]), (emptier.submission, vec![2])];
        assert_eq!(golden.provenance, expected);
    }
}
