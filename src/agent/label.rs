//! What tells an official which child a record is about.
//!
//! A list of record ids helps nobody to correct anything. So the agent keeps name and birth date of each
//! record, sealed, also when the content has gone to the hub; a withdrawal removes them.

use std::collections::HashMap;

use super::{OWN_NODE, own_key};
use crate::domain::draft::{DateDraft, PrecisionDraft, UnitDraft};
use crate::domain::golden::SubmissionKey;
use crate::domain::record::RecordKind;
use crate::domain::unit::UnitReference;
use crate::grpc::convert::{read_case_report, read_child};
use crate::security::seal::{SealError, SealKey};
use crate::store::{AgentRecord, OwnKey, QueuedState};
use crate::sync::sealing::open_submission;

/// Characters of a name that are kept; what is longer is no name.
const NAME_CHARACTERS_MAX: usize = 100;

/// Name and birth date of a child, as far as the record has them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Label {
    /// The full name as it was written.
    pub name: String,
    /// The birth date as people write it here: 02/04/2018, 04/2018 or 2018.
    pub birth_date: String,
}

impl std::fmt::Debug for Label {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Label(redacted)")
    }
}

/// Notes label and commune of records that were just settled, from the states that wait for the hub.
pub fn put_labels(
    key: &SealKey,
    records: &mut [AgentRecord],
    states: &[QueuedState],
) -> Result<(), SealError> {
    let states: HashMap<OwnKey, &QueuedState> =
        states.iter().map(|state| (state.key, state)).collect();
    for record in records {
        let state = states.get(&record.key);
        let Some(state) = state.filter(|state| state.tombstone == 0) else {
            continue;
        };
        let submission = SubmissionKey {
            record: own_key(OWN_NODE, state.key),
            version: state.sealed_version,
        };
        let content = open_submission(key, submission, &state.content)?;
        let (label, unit) = read(record.key.0, &content);
        record.unit = unit;
        record.label = seal(key, record.key, &label)?;
    }
    Ok(())
}

/// Opens the label of a record; one that is not known is empty.
pub fn open_label(key: &SealKey, record: &AgentRecord) -> Result<Label, SealError> {
    if record.label.is_empty() {
        return Ok(Label::default());
    }
    let opened = key.open(&place(record.key), &record.label)?;
    let opened = String::from_utf8(opened).map_err(|_| SealError::Opening)?;
    let (name, birth_date) = opened.split_once('\n').ok_or(SealError::Opening)?;
    Ok(Label {
        name: name.to_owned(),
        birth_date: birth_date.to_owned(),
    })
}

fn seal(key: &SealKey, record: OwnKey, label: &Label) -> Result<Vec<u8>, SealError> {
    let text = format!("{}\n{}", label.name, label.birth_date);
    key.seal(&place(record), text.as_bytes())
}

/// What a sealed label is bound to.
fn place((kind, id): OwnKey) -> [u8; 18] {
    let mut place = [0; 18];
    let (table, record) = place.split_at_mut(2);
    table.copy_from_slice(&[b'l', kind.code().to_be_bytes()[1]]);
    record.copy_from_slice(id.as_uuid().as_bytes());
    place
}

/// What cannot be read has no label: the hub refuses it, and its id is all that there is to say.
fn read(kind: RecordKind, content: &[u8]) -> (Label, Option<UnitReference>) {
    let (name, birth_date, commune) = match kind {
        RecordKind::Child => match read_child(content) {
            Ok(draft) => (draft.full_name, draft.birth_date, draft.commune),
            Err(_) => return (Label::default(), None),
        },
        RecordKind::CaseReport => match read_case_report(content) {
            Ok(draft) => (draft.child_name, draft.child_birth_date, draft.commune),
            Err(_) => return (Label::default(), None),
        },
    };
    let label = Label {
        name: one_line(&name),
        birth_date: birth_date.map(date_text).unwrap_or_default(),
    };
    (label, commune.as_ref().and_then(read_unit))
}

fn one_line(name: &str) -> String {
    let letters = name.chars().take(NAME_CHARACTERS_MAX);
    letters
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

fn read_unit(unit: &UnitDraft) -> Option<UnitReference> {
    Some(UnitReference {
        scheme: unit.scheme.parse().ok()?,
        code: unit.code.parse().ok()?,
    })
}

fn date_text(date: DateDraft) -> String {
    let DateDraft {
        year, month, day, ..
    } = date;
    match date.precision {
        PrecisionDraft::Unknown => String::new(),
        PrecisionDraft::Day => format!("{day:02}/{month:02}/{year}"),
        PrecisionDraft::Month => format!("{month:02}/{year}"),
        PrecisionDraft::Year | PrecisionDraft::Estimated => year.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::record::{RecordId, Version};

    fn key() -> SealKey {
        SealKey::new(&[3; 32]).expect("a key")
    }

    fn record(number: u128) -> AgentRecord {
        let id = RecordId::new(Uuid::from_u128(number));
        AgentRecord::told((RecordKind::Child, id), Version::FIRST)
    }

    #[test]
    fn a_label_opens_beside_its_own_record_only() {
        let label = Label {
            name: "Danh Thị Mẫu".to_owned(),
            birth_date: "02/04/2018".to_owned(),
        };
        let mut own = record(1);
        own.label = seal(&key(), own.key, &label).expect("sealed");
        let other = AgentRecord {
            label: own.label.clone(),
            ..record(2)
        };

        assert!(open_label(&key(), &own).expect("opened") == label);
        assert!(open_label(&key(), &other).is_err());
        assert!(open_label(&key(), &record(3)).expect("none") == Label::default());
        assert!(!format!("{label:?}").contains("Mẫu"));
    }

    #[test]
    fn a_birth_date_says_no_more_than_is_known() {
        let date = |precision| DateDraft {
            year: 2018,
            month: 4,
            day: 2,
            precision,
        };

        assert_eq!(date_text(date(PrecisionDraft::Day)), "02/04/2018");
        assert_eq!(date_text(date(PrecisionDraft::Month)), "04/2018");
        assert_eq!(date_text(date(PrecisionDraft::Estimated)), "2018");
        assert_eq!(date_text(date(PrecisionDraft::Unknown)), "");
    }
}
