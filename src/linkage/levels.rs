//! The comparisons that linkage makes of two records, and the levels that each can come out at.

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// Last word of the child's name.
    GivenName,
    /// Words between family name and given name.
    MiddleNames,
    /// First word of the child's name.
    FamilyName,
    /// Whether one name has the order of the other.
    NameOrder,
    /// Date of birth.
    BirthDate,
    /// Sex.
    Sex,
    /// Personal identification number.
    PersonalNumber,
    /// Name of the mother.
    Mother,
    /// Name of the father.
    Father,
    /// Telephone of the family.
    Phone,
    /// Household number and village.
    Household,
    /// The commune that keeps the record.
    Commune,
    /// Ethnicity.
    Ethnicity,
    /// Which child of the mother.
    BirthOrder,
    /// Number in the register of births.
    BirthCertificate,
    /// Health insurance number.
    Insurance,
}

/// How a comparison came out. Which levels a comparison has is said in the model's file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// One of the two has nothing to compare: it speaks for nothing.
    #[default]
    Missing,
    /// Equal.
    Same,
    /// Equal but for i and y, where that is only spelling.
    OtherSpelling,
    /// Equal but for tones and marks.
    OtherTones,
    /// Equal without tones and marks, and one of the two names was written without any.
    TonesLost,
    /// Sound alike in the north or in the south.
    SoundsAlike,
    /// One typing error apart: a letter or a digit.
    OneTypingError,
    /// Nearly alike, but each a name of its own, as twins have: Hân and Hiên.
    AnotherName,
    /// One is what a family calls the child, or the other's second name.
    Nickname,
    /// One is an abbreviation of the other.
    Abbreviated,
    /// One has less than the other: a part is missing, the rest is equal.
    PartMissing,
    /// Some of it is equal.
    SomeAlike,
    /// The same parts in another order: words of a name, day and month of a date.
    Swapped,
    /// A few days apart.
    FewDaysApart,
    /// The same month, and at least one of the days is not known.
    SameMonth,
    /// The same year, and at least one of the months is not known.
    SameYear,
    /// So near in time that one mother cannot have borne both children.
    TooNear,
    /// Equal, but the number contradicts the birth year or the sex that one of the records states.
    Doubtful,
    /// In the same village in another house.
    OtherHouse,
    /// In the same village.
    SameVillage,
    /// In the same province.
    SameProvince,
    /// One of two children has no name yet.
    Unnamed,
    /// Neither of two children has a name yet.
    BothUnnamed,
    /// Not equal.
    Different,
}

impl Comparison {
    /// All comparisons, in the order in which they are explained.
    pub const ALL: [Self; 16] = [
        Self::GivenName,
        Self::MiddleNames,
        Self::FamilyName,
        Self::NameOrder,
        Self::BirthDate,
        Self::Sex,
        Self::PersonalNumber,
        Self::Mother,
        Self::Father,
        Self::Phone,
        Self::Household,
        Self::Commune,
        Self::Ethnicity,
        Self::BirthOrder,
        Self::BirthCertificate,
        Self::Insurance,
    ];

    /// Its name in the model's file and in explanations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GivenName => "given_name",
            Self::MiddleNames => "middle_names",
            Self::FamilyName => "family_name",
            Self::NameOrder => "name_order",
            Self::BirthDate => "birth_date",
            Self::Sex => "sex",
            Self::PersonalNumber => "personal_number",
            Self::Mother => "mother",
            Self::Father => "father",
            Self::Phone => "phone",
            Self::Household => "household",
            Self::Commune => "commune",
            Self::Ethnicity => "ethnicity",
            Self::BirthOrder => "birth_order",
            Self::BirthCertificate => "birth_certificate",
            Self::Insurance => "insurance",
        }
    }

    /// Its place in [`Comparison::ALL`].
    #[expect(
        clippy::as_conversions,
        reason = "an enumeration without fields is its place"
    )]
    pub(super) const fn place(self) -> usize {
        self as usize
    }
}

impl Level {
    /// All levels.
    pub const ALL: [Self; 24] = [
        Self::Missing,
        Self::Same,
        Self::OtherSpelling,
        Self::OtherTones,
        Self::TonesLost,
        Self::SoundsAlike,
        Self::OneTypingError,
        Self::AnotherName,
        Self::Nickname,
        Self::Abbreviated,
        Self::PartMissing,
        Self::SomeAlike,
        Self::Swapped,
        Self::FewDaysApart,
        Self::SameMonth,
        Self::SameYear,
        Self::TooNear,
        Self::Doubtful,
        Self::OtherHouse,
        Self::SameVillage,
        Self::SameProvince,
        Self::Unnamed,
        Self::BothUnnamed,
        Self::Different,
    ];

    /// Its name in the model's file and in explanations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Same => "same",
            Self::OtherSpelling => "other_spelling",
            Self::OtherTones => "other_tones",
            Self::TonesLost => "tones_lost",
            Self::SoundsAlike => "sounds_alike",
            Self::OneTypingError => "one_typing_error",
            Self::AnotherName => "another_name",
            Self::Nickname => "nickname",
            Self::Abbreviated => "abbreviated",
            Self::PartMissing => "part_missing",
            Self::SomeAlike => "some_alike",
            Self::Swapped => "swapped",
            Self::FewDaysApart => "few_days_apart",
            Self::SameMonth => "same_month",
            Self::SameYear => "same_year",
            Self::TooNear => "too_near",
            Self::Doubtful => "doubtful",
            Self::OtherHouse => "other_house",
            Self::SameVillage => "same_village",
            Self::SameProvince => "same_province",
            Self::Unnamed => "unnamed",
            Self::BothUnnamed => "both_unnamed",
            Self::Different => "different",
        }
    }

    /// Its place in [`Level::ALL`].
    #[expect(
        clippy::as_conversions,
        reason = "an enumeration without fields is its place"
    )]
    pub(super) const fn place(self) -> usize {
        self as usize
    }
}

/// The levels of all comparisons of two records, with how common the values are that agree.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pattern {
    levels: [Level; Comparison::ALL.len()],
    /// Logarithm to base 2 of the chance that two unrelated records agree on just this value; 0 where
    /// the model's own figure holds.
    shares: [f32; Comparison::ALL.len()],
}

impl Pattern {
    /// The level of a comparison.
    pub fn level(&self, comparison: Comparison) -> Level {
        self.levels
            .get(comparison.place())
            .copied()
            .unwrap_or_default()
    }

    /// The share of the value that agrees, if it is known.
    pub(super) fn share(&self, comparison: Comparison) -> Option<f32> {
        let share = self.shares.get(comparison.place()).copied()?;
        (share < 0.0).then_some(share)
    }

    /// Sets a level.
    pub(super) fn set(&mut self, comparison: Comparison, level: Level) {
        if let Some(place) = self.levels.get_mut(comparison.place()) {
            *place = level;
        }
    }

    /// Sets a level on a value that is this common, as a logarithm to base 2.
    pub(super) fn set_shared(&mut self, comparison: Comparison, level: Level, share: f32) {
        self.set(comparison, level);
        if let Some(place) = self.shares.get_mut(comparison.place()) {
            *place = share;
        }
    }
}
