//! When two source records are the same child.

use crate::domain::personal_number::PersonalNumber;
use crate::domain::record::{ChildRecord, Sex};

/// What two source records must have in common to belong to one golden record: the personal identity
/// number, the sex and the birth year. Kept in memory only, and never shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    number: PersonalNumber,
    sex: Sex,
    birth_year: i32,
}

impl Identity {
    /// Puts an identity together.
    pub fn new(number: PersonalNumber, sex: Sex, birth_year: i32) -> Self {
        Self {
            number,
            sex,
            birth_year,
        }
    }

    /// The identity of a child, or `None` while there is no valid number: such a record is never
    /// linked, because nothing else that it holds is proof enough.
    pub fn of(child: &ChildRecord) -> Option<Self> {
        let number = child.personal_number?;
        Some(Self::new(number, child.sex, child.birth_date.year()))
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Identity(redacted)")
    }
}
