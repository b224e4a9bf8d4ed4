//! What is wrong and what is only odd in a record: all of it, with the field and the rule.

mod case_report;
mod child;
mod findings;

use std::fmt;

use super::unit::UnitReference;

pub use case_report::validate_case_report;
pub use child::validate_child;

/// Whether a rule keeps the record out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The record cannot be used.
    Reject,
    /// The record is used; somebody should look.
    Warn,
}

/// A broken rule. It never repeats what the field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, for example `child.carers[1].phone`.
    pub path: FieldPath,
    /// The rule.
    pub rule: Rule,
    /// How bad it is.
    pub level: Level,
}

/// Path of a field from the record down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath(pub(super) String);

impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A record, if nothing keeps it out, and everything that was found.
#[derive(Clone, Debug)]
pub struct Validated<T> {
    /// The record; `None` exactly when a rule of level reject is broken.
    pub record: Option<T>,
    /// The unit that it names, if that exists, also where the record cannot be used.
    pub unit: Option<UnitReference>,
    /// What is wrong and what is odd.
    pub violations: Vec<Violation>,
}

/// Declares the rules: name, stable word, and what to do.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $advice:literal;)*) => {
        /// A rule that a record can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Rule { $($(#[$doc])* $name),* }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The rule as clients match on it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// What is wrong and what to do about it, without personal data.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $advice),* }
            }
        }
    };
}

rules! {
    /// A required field is empty.
    Required = "REQUIRED", "is required: fill it in";
    /// The text is too long.
    TooLong = "TOO_LONG", "is longer than allowed: shorten it";
    /// The text is too short.
    TooShort = "TOO_SHORT", "is shorter than allowed: write it in full";
    /// Too many entries in a list.
    TooMany = "TOO_MANY", "has more entries than allowed: remove some";
    /// A name has letters that no name has.
    NameCharacters = "NAME_CHARACTERS", "may hold letters, spaces, apostrophes and hyphens only: correct the name";
    /// A name of one word.
    NameSingleWord = "NAME_SINGLE_WORD", "is one word: check that family and given name are there";
    /// A child that has no name yet.
    Unnamed = "UNNAMED", "says that the child is not named yet: send the name when it is registered";
    /// The numbers are no date.
    DateInvalid = "DATE_INVALID", "is not a date of the calendar: correct day, month and year";
    /// The date has not come yet.
    DateInFuture = "DATE_IN_FUTURE", "lies in the future: correct the date";
    /// The date is before another that must come first.
    DateOrder = "DATE_ORDER", "is earlier than a date that must come before it: correct one of them";
    /// Sixteen or older.
    NotAChild = "NOT_A_CHILD", "makes the person 16 or older, who is not a child by law: check the date of birth";
    /// The list does not have the code.
    UnknownCode = "UNKNOWN_CODE", "is not a code of the list: choose one that is";
    /// The version of a list is not known.
    UnknownListVersion = "UNKNOWN_LIST_VERSION", "names a list version that is not known: use one that is";
    /// The unit is not in its scheme.
    UnknownUnit = "UNKNOWN_UNIT", "is not a unit of its scheme: check scheme and code";
    /// The unit is not a commune.
    NotACommune = "NOT_A_COMMUNE", "is not a commune: give the commune's code of five digits";
    /// The number is not twelve digits.
    NumberInvalid = "NUMBER_INVALID", "is not a personal number of twelve digits: correct it or leave it empty";
    /// The number misses leading zeros.
    NumberRepairable = "NUMBER_REPAIRABLE", "looks like a personal number that lost its leading zero: put it back";
    /// There is no number.
    NumberMissing = "NUMBER_MISSING", "is empty without a reason: give the number or say why there is none";
    /// The number was registered in no province.
    NumberProvince = "NUMBER_PROVINCE", "begins with no province's code: check it, unless registered abroad";
    /// The number is of another century.
    NumberCentury = "NUMBER_CENTURY", "is not of somebody born since 2000: check it";
    /// The number says another sex.
    NumberSex = "NUMBER_SEX", "says another sex than the record: check both";
    /// The number says another year of birth.
    NumberBirthYear = "NUMBER_BIRTH_YEAR", "says another year of birth than the record: check both";
    /// The number of an insurance card.
    InsuranceNumber = "INSURANCE_NUMBER", "is neither a card of 15 characters nor 10 nor 12 digits: check it";
    /// Insurance of a small child for somebody older.
    InsuranceAge = "INSURANCE_AGE", "is insurance for children under 6, and the child was older: check it";
    /// The number of a birth certificate.
    CertificateNumber = "CERTIFICATE_NUMBER", "is not number/year: check it";
    /// The telephone number.
    Phone = "PHONE", "is not a telephone number of Vietnam: check it";
    /// An old telephone prefix.
    PhonePrefix2018 = "PHONE_PREFIX_2018", "has eleven digits and a prefix given up in 2018: write the new one";
    /// A number outside what is usual.
    Unusual = "UNUSUAL", "is outside what is usual: check it";
    /// A status that needs its date.
    StatusDate = "STATUS_DATE", "needs a date: say since when";
    /// A group of circumstances that needs another part of the record.
    CircumstanceIncomplete = "CIRCUMSTANCE_INCOMPLETE", "asks for another part of the record that is missing: complete it";
    /// A detail of another group.
    CircumstanceDetail = "CIRCUMSTANCE_DETAIL", "belongs to another group: correct the group or the detail";
    /// A restricted group that is not marked so.
    CircumstanceRestricted = "CIRCUMSTANCE_RESTRICTED", "is restricted by law and is treated so: mark it";
    /// A word that is not one of the allowed ones.
    UnknownWord = "UNKNOWN_WORD", "is not one of the allowed words: choose one that is";
    /// An informant who did not agree to be named.
    InformantNotAgreed = "INFORMANT_NOT_AGREED", "names an informant who did not agree: remove it";
    /// Emergency action after twelve hours.
    EmergencyLate = "EMERGENCY_LATE", "is more than 12 hours after the report: check the times";
}
