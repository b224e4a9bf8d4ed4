//! Uploads: what a node announces before it sends a file of records, and what becomes of them.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::record::RecordKind;
use super::unit::UnitReference;

/// Name of an upload within its node: a UUID that the node never uses for another manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId(Uuid);

impl UploadId {
    /// From its UUID.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Its UUID.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl FromStr for UploadId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

/// What an upload states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadKind {
    /// Some changes; nothing is said about other records.
    Delta,
    /// These are all records of this kind in the unit.
    Snapshot {
        /// The kind.
        of: RecordKind,
        /// What is to be done with records that are held and not listed.
        missing: Missing,
    },
}

/// What is to be done with a record that a snapshot does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is reported and stays.
    Report,
    /// It is withdrawn.
    Withdraw,
}

/// How the bytes of an upload are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// Zstandard.
    Zstd,
    /// gzip.
    Gzip,
}

impl Packing {
    /// The number that the store keeps.
    pub const fn code(self) -> i16 {
        match self {
            Self::Plain => 0,
            Self::Zstd => 1,
            Self::Gzip => 2,
        }
    }

    /// The packing of a number from the store.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Plain),
            1 => Some(Self::Zstd),
            2 => Some(Self::Gzip),
            _ => None,
        }
    }
}

/// What faulty records mean for the good ones beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faults {
    /// The good ones are kept.
    KeepGood,
    /// Nothing is taken in.
    RefuseAll,
}

/// Whether an upload has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Its records are taken in.
    Take,
    /// Only the report is made.
    ReportOnly,
}

/// The time that an upload is about: a year, a quarter, a month or a day, or nothing. It is kept and
/// shown, and decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Period(String);

/// The text is not a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a period is 2026, 2026-Q4, 2026-11 or 2026-11-24")]
pub struct PeriodInvalid;

impl FromStr for Period {
    type Err = PeriodInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |part: &str, count: usize| {
            part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let within = |part: &str, most: u8| {
            digits(part, 2)
                && part
                    .parse()
                    .is_ok_and(|number: u8| (1..=most).contains(&number))
        };
        let mut parts = text.split('-');
        let (year, middle, day) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let fits = match (middle, day) {
            (None, _) => text.is_empty() || digits(year, 4),
            (Some(part), None) => {
                digits(year, 4) && (within(part, 12) || ["Q1", "Q2", "Q3", "Q4"].contains(&part))
            }
            (Some(month), Some(day)) => digits(year, 4) && within(month, 12) && within(day, 31),
        };
        if fits && parts.next().is_none() {
            Ok(Self(text.to_owned()))
        } else {
            Err(PeriodInvalid)
        }
    }
}

impl Period {
    /// The period as text; empty where nothing is said.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an upload is, announced before its first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its name within its node.
    pub upload: UploadId,
    /// What it states.
    pub kind: UploadKind,
    /// The unit that it is about.
    pub unit: UnitReference,
    /// The time that it is about.
    pub period: Period,
    /// Changes in it.
    pub records: u64,
    /// Its bytes as they are sent.
    pub bytes: u64,
    /// BLAKE3 hash of these bytes.
    pub digest: [u8; 32],
    /// How they are packed.
    pub packing: Packing,
    /// What faulty records mean.
    pub faults: Faults,
    /// Whether it has an effect.
    pub effect: Effect,
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// Bytes are awaited.
    Receiving,
    /// Its records are being taken in.
    Committing,
    /// Its records are in the log.
    Committed,
    /// It was validated, and nothing was taken in.
    Validated,
    /// Nothing was taken in.
    Refused,
    /// Nobody asked for it for so long that it is being removed.
    Expired,
}

impl UploadState {
    /// The number that the store keeps.
    pub const fn code(self) -> i16 {
        match self {
            Self::Receiving => 1,
            Self::Committing => 2,
            Self::Committed => 3,
            Self::Validated => 4,
            Self::Refused => 5,
            Self::Expired => 6,
        }
    }

    /// The state of a number from the store.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::Receiving),
            2 => Some(Self::Committing),
            3 => Some(Self::Committed),
            4 => Some(Self::Validated),
            5 => Some(Self::Refused),
            6 => Some(Self::Expired),
            _ => None,
        }
    }

    /// Whether nothing more will happen to its records.
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Receiving | Self::Committing => false,
            Self::Committed | Self::Validated | Self::Refused | Self::Expired => true,
        }
    }
}

/// Why an upload was refused as a whole, or must be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadFault {
    /// The bytes that arrived are not those of the manifest.
    #[error("the bytes are not those that the manifest names: send them again")]
    DigestDiffers,
    /// The bytes cannot be unpacked.
    #[error("the bytes are not packed as the manifest says")]
    NotUnpackable,
    /// What comes out of the packing is too large.
    #[error("the upload is larger than 1 GiB once it is unpacked")]
    UnpackedTooLarge,
    /// The bytes are not changes behind their lengths.
    #[error("the bytes are not changes, each behind its length")]
    FrameBroken,
    /// There are more or fewer changes than the manifest says.
    #[error("there are more or fewer changes than the manifest says")]
    CountDiffers,
    /// Some records are faulty and the manifest asks for all or nothing.
    #[error("some records are faulty, and the manifest asks for all or nothing")]
    RecordsFaulty,
}

impl UploadFault {
    /// The fault as clients match on it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DigestDiffers => "DIGEST_DIFFERS",
            Self::NotUnpackable => "NOT_UNPACKABLE",
            Self::UnpackedTooLarge => "UNPACKED_TOO_LARGE",
            Self::FrameBroken => "FRAME_BROKEN",
            Self::CountDiffers => "COUNT_DIFFERS",
            Self::RecordsFaulty => "RECORDS_FAULTY",
        }
    }
}

/// What became of one record of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The hub did not know it.
    Created,
    /// It says something else than before.
    Changed,
    /// It says the same under a higher version.
    Renewed,
    /// This version with this content was held.
    Unchanged,
    /// A newer version is held.
    Superseded,
    /// It breaks a rule.
    Quarantined,
    /// It was refused and not kept.
    Rejected,
    /// It is held and a snapshot does not list it.
    Missing,
    /// It was withdrawn because a snapshot does not list it.
    Withdrawn,
}

impl Fate {
    /// Every fate, in the order of the totals.
    pub const ALL: [Self; 9] = [
        Self::Created,
        Self::Changed,
        Self::Renewed,
        Self::Unchanged,
        Self::Superseded,
        Self::Quarantined,
        Self::Rejected,
        Self::Missing,
        Self::Withdrawn,
    ];

    /// The number that the store keeps.
    pub const fn code(self) -> i16 {
        match self {
            Self::Created => 1,
            Self::Changed => 2,
            Self::Renewed => 3,
            Self::Unchanged => 4,
            Self::Superseded => 5,
            Self::Quarantined => 6,
            Self::Rejected => 7,
            Self::Missing => 8,
            Self::Withdrawn => 9,
        }
    }

    /// The fate of a number from the store.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|fate| fate.code() == code)
    }

    /// Whether a record of this fate makes the sender of an all-or-nothing upload take all back.
    pub const fn is_fault(self) -> bool {
        match self {
            Self::Quarantined | Self::Rejected => true,
            Self::Created
            | Self::Changed
            | Self::Renewed
            | Self::Unchanged
            | Self::Superseded
            | Self::Missing
            | Self::Withdrawn => false,
        }
    }
}

/// How many records of an upload had each fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals([u64; 9]);

impl Totals {
    /// From the counts in the order of [`Fate::ALL`].
    pub const fn new(counts: [u64; 9]) -> Self {
        Self(counts)
    }

    /// The counts in the order of [`Fate::ALL`].
    pub const fn counts(&self) -> [u64; 9] {
        self.0
    }

    /// How many records had this fate.
    pub fn of(&self, fate: Fate) -> u64 {
        let mut counts = Fate::ALL.into_iter().zip(self.0);
        counts
            .find(|(counted, _)| *counted == fate)
            .map_or(0, |(_, count)| count)
    }

    /// One more record had this fate.
    pub fn add(&mut self, fate: Fate) {
        for (counted, count) in Fate::ALL.into_iter().zip(&mut self.0) {
            *count += u64::from(counted == fate);
        }
    }

    /// Whether a record was faulty.
    pub fn have_fault(&self) -> bool {
        Fate::ALL
            .into_iter()
            .any(|fate| fate.is_fault() && self.of(fate) > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_year_a_quarter_a_month_or_a_day() {
        for text in ["", "2026", "2026-Q4", "2026-11", "2026-11-24"] {
            assert_eq!(text.parse::<Period>().expect(text).as_str(), text);
        }
        for text in [
            "26",
            "2026-13",
            "2026-Q5",
            "2026-11-32",
            "2026-11-24-1",
            "Danh Mẫu",
            "2026-",
        ] {
            assert_eq!(text.parse::<Period>(), Err(PeriodInvalid), "{text}");
        }
    }

    #[test]
    fn every_fate_state_and_packing_is_read_back_from_its_number() {
        for fate in Fate::ALL {
            assert_eq!(Fate::from_code(fate.code()), Some(fate));
        }
        for code in 1..=6 {
            assert_eq!(
                UploadState::from_code(code).map(UploadState::code),
                Some(code)
            );
        }
        for code in 0..=2 {
            assert_eq!(Packing::from_code(code).map(Packing::code), Some(code));
        }
    }

    #[test]
    fn totals_count_each_fate_apart() {
        let mut totals = Totals::default();

        for fate in [Fate::Created, Fate::Created, Fate::Rejected] {
            totals.add(fate);
        }

        assert_eq!(
            (totals.of(Fate::Created), totals.of(Fate::Rejected)),
            (2, 1)
        );
        assert!(totals.have_fault());
    }
}
