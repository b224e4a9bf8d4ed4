//! Comparing names word by word.

use crate::linkage::features::{ChildName, Features, Name, ParentName, Vocabulary};
use crate::linkage::levels::{Comparison, Level, Pattern};
use crate::linkage::model::Model;
use crate::linkage::words::{Likeness, Shares, Word, Words};

/// What holds for the names of two records.
pub(super) struct Names<'a> {
    words: &'a Words,
    model: &'a Model,
    /// One of them is of a people whose names no list holds.
    is_minority: bool,
}

impl<'a> Names<'a> {
    pub(super) fn of(
        vocabulary: &'a Vocabulary,
        model: &'a Model,
        one: &Features,
        other: &Features,
    ) -> Self {
        Self {
            words: &vocabulary.words,
            model,
            is_minority: one.is_minority || other.is_minority,
        }
    }

    /// Compares the names of two children, in whatever order their words stand.
    pub(super) fn compare_children(&self, pattern: &mut Pattern, one: &Features, other: &Features) {
        let (first, second) = (&one.name, &other.name);
        match (one.is_unnamed, other.is_unnamed) {
            (true, true) => pattern.set(Comparison::GivenName, Level::BothUnnamed),
            (true, false) | (false, true) => pattern.set(Comparison::GivenName, Level::Unnamed),
            (false, false) => {}
        }
        if first.is_empty() || second.is_empty() {
            return;
        }
        if self.are_swapped(first, second) {
            // The words are all there: they speak for themselves, and the order against them.
            let given = self.share([first.given(), second.given()], |shares| shares.given);
            pattern.set_shared(Comparison::GivenName, Level::Same, given);
            let family = self.share([first.family(), second.family()], |shares| shares.family);
            pattern.set_shared(Comparison::FamilyName, Level::Same, family);
            pattern.set(Comparison::NameOrder, Level::Swapped);
            return;
        }
        let tones_lost = self.are_tones_lost(first, second);
        let given = [first.given(), second.given()];
        let mut level = self.given_level(given, tones_lost);
        if matches!(level, Level::Different | Level::AnotherName) && self.is_other_name(one, other)
        {
            level = Level::Nickname;
        }
        let share = self.share(given, |shares| shares.given_at(level));
        pattern.set_shared(Comparison::GivenName, level, share);
        let family = [first.family(), second.family()];
        if family.iter().all(|word| word.is_some()) {
            let level = self.word_level(family, tones_lost);
            let share = self.share(family, |shares| shares.family_at(level));
            pattern.set_shared(Comparison::FamilyName, level, share);
        }
        let (level, share) = self.middle_level(first.middle(), second.middle(), tones_lost);
        pattern.set_shared(Comparison::MiddleNames, level, share);
        self.correct_for_whole_name(pattern, one, other);
    }

    /// Compares the names of two mothers or two fathers.
    pub(super) fn compare_parents(
        &self,
        pattern: &mut Pattern,
        comparison: Comparison,
        one: &ParentName,
        other: &ParentName,
    ) {
        if one.is_empty() || other.is_empty() {
            return;
        }
        let tones_lost = self.are_tones_lost(one, other);
        let given = self.words.likeness(one.given(), other.given());
        let family = if one.family().is_some() && other.family().is_some() {
            self.words.likeness(one.family(), other.family())
        } else {
            // One of them is a given name alone.
            Likeness::Abbreviated
        };
        let (middle, middle_share) = self.middle_level(one.middle(), other.middle(), tones_lost);
        let level = parent_level(given, family, middle, tones_lost);
        let mut share = self.share([one.given(), other.given()], |shares| {
            shares.given_at(level)
        });
        if family >= Likeness::OtherTones {
            share += self.share([one.family(), other.family()], |shares| {
                shares.family_at(level)
            });
        }
        if matches!(middle, Level::Same | Level::TonesLost) {
            share += middle_share;
        }
        pattern.set_shared(comparison, level, share.max(self.least_whole()));
    }

    /// The share of the rarest whole name.
    fn least_whole(&self) -> f32 {
        let frequencies = self.model.frequencies();
        if self.is_minority {
            frequencies.least_minority_whole()
        } else {
            frequencies.least_whole()
        }
    }

    /// The share of the more common of two words: what agrees says no more than that, in whatever order
    /// the two are compared.
    fn share(&self, words: [Word; 2], of: impl Fn(Shares) -> f32) -> f32 {
        let [one, other] = words.map(|word| of(self.words.shares(word)));
        self.at_least(one.max(other))
    }

    fn at_least(&self, share: f32) -> f32 {
        if self.is_minority {
            share.max(self.model.frequencies().minority())
        } else {
            share
        }
    }

    /// Whether exactly one of two names was written without any marks.
    fn are_tones_lost<const WORDS: usize>(&self, one: &Name<WORDS>, other: &Name<WORDS>) -> bool {
        one.is_plain(self.words) != other.is_plain(self.words)
    }

    /// Whether one of two children is known by a name that is not its registered one, and the other record
    /// may have that: its second name is the other's given name, or a nickname stands for its own.
    fn is_other_name(&self, one: &Features, other: &Features) -> bool {
        let given = |record: &Features| record.name.given();
        let is_known_as = |record: &Features, name: Word| {
            record.other_given.is_some()
                && self.words.untoned(record.other_given) == self.words.untoned(name)
        };
        is_known_as(one, given(other))
            || is_known_as(other, given(one))
            || self.words.is_one_a_nickname(given(one), given(other))
    }

    fn given_level(&self, [one, other]: [Word; 2], tones_lost: bool) -> Level {
        let level = self.word_level([one, other], tones_lost);
        let likeness = self.words.likeness(one, other);
        if level != Level::TonesLost && self.words.are_two_given_names(one, other, likeness) {
            Level::AnotherName
        } else {
            level
        }
    }

    fn word_level(&self, [one, other]: [Word; 2], tones_lost: bool) -> Level {
        match self.words.likeness(one, other) {
            Likeness::Same | Likeness::OtherTones if tones_lost => Level::TonesLost,
            Likeness::Same => Level::Same,
            Likeness::OtherSpelling => Level::OtherSpelling,
            Likeness::OtherTones => Level::OtherTones,
            Likeness::SoundsAlike => Level::SoundsAlike,
            Likeness::OneTypingError => Level::OneTypingError,
            Likeness::Abbreviated => Level::Abbreviated,
            Likeness::Different => Level::Different,
        }
    }

    /// The level of middle names and how common those are that agree.
    fn middle_level<'w>(
        &self,
        one: &'w [Word],
        other: &'w [Word],
        tones_lost: bool,
    ) -> (Level, f32) {
        // Which of two lists of one length is looked at word by word must not depend on which came first.
        let spellings = |list: &'w [Word]| list.iter().map(|word| self.words.spelling(*word));
        let order = one.len().cmp(&other.len());
        let order = order.then_with(|| spellings(one).cmp(spellings(other)));
        let (short, long) = if order.is_le() {
            (one, other)
        } else {
            (other, one)
        };
        if long.is_empty() {
            return (Level::Missing, 0.0);
        }
        if short.is_empty() {
            return (Level::PartMissing, 0.0);
        }
        let (mut worst, mut alike, mut share) = (Likeness::Same, 0, 0.0);
        for word in short {
            let candidates = long
                .iter()
                .map(|other| (self.words.likeness(*word, *other), *other));
            let best = candidates.max_by_key(|(likeness, _)| *likeness);
            let (likeness, other) = best.unwrap_or((Likeness::Different, Word::NONE));
            worst = worst.min(likeness);
            if likeness != Likeness::Different {
                alike += 1;
                share += self.share([*word, other], |shares| shares.middle);
            }
        }
        let level = if alike == 0 {
            Level::Different
        } else if alike < short.len() {
            Level::SomeAlike
        } else if short.len() < long.len() {
            Level::PartMissing
        } else {
            middle_level_of(worst, tones_lost)
        };
        (level, share)
    }

    /// Whether two names have the same words, tones aside, in another order that puts another word last.
    fn are_swapped(&self, one: &ChildName, other: &ChildName) -> bool {
        let alike = |a: Word, b: Word| self.words.untoned(a) == self.words.untoned(b);
        one.words().len() == other.words().len()
            && one.words().len() > 1
            && !alike(one.given(), other.given())
            && !alike(one.family(), other.family())
            && one.untoned_in_any_order(self.words) == other.untoned_in_any_order(self.words)
    }

    /// The words of a name go together, and names go with places and years: two children with one whole
    /// name are never as unlikely as its words make them.
    fn correct_for_whole_name(&self, pattern: &mut Pattern, one: &Features, other: &Features) {
        let parts = [
            Comparison::GivenName,
            Comparison::MiddleNames,
            Comparison::FamilyName,
        ];
        let agreed = *pattern;
        let agrees =
            |part: &Comparison| matches!(agreed.level(*part), Level::Same | Level::TonesLost);
        let by_words: f32 = parts
            .iter()
            .filter(|part| agrees(part))
            .filter_map(|part| pattern.share(*part))
            .sum();
        let frequencies = self.model.frequencies();
        let listed =
            (one.whole_name == other.whole_name).then(|| frequencies.whole(one.whole_name));
        let least = listed.flatten().unwrap_or(self.least_whole());
        if by_words < least {
            for part in parts.into_iter().filter(agrees) {
                if let Some(share) = pattern.share(part) {
                    pattern.set_shared(part, pattern.level(part), share * least / by_words);
                }
            }
        }
    }
}

fn middle_level_of(worst: Likeness, tones_lost: bool) -> Level {
    match worst {
        Likeness::Same | Likeness::OtherTones if tones_lost => Level::TonesLost,
        Likeness::Same => Level::Same,
        Likeness::Abbreviated => Level::Abbreviated,
        Likeness::OtherSpelling => Level::OtherSpelling,
        Likeness::OtherTones => Level::OtherTones,
        Likeness::SoundsAlike | Likeness::OneTypingError | Likeness::Different => {
            Level::OneTypingError
        }
    }
}

fn parent_level(given: Likeness, family: Likeness, middle: Level, tones_lost: bool) -> Level {
    let middle_agrees = matches!(
        middle,
        Level::Same | Level::OtherSpelling | Level::TonesLost | Level::Missing
    );
    let middle_is_near = middle != Level::Different && middle != Level::SomeAlike;
    let is_same = |likeness| likeness >= Likeness::OtherSpelling;
    let is_near = |likeness| likeness >= Likeness::OtherTones;
    let all_near =
        is_near(given) && is_near(family) && (middle_agrees || middle == Level::OtherTones);
    if given == Likeness::Different {
        Level::Different
    } else if tones_lost && all_near {
        Level::TonesLost
    } else if is_same(given) && is_same(family) && middle_agrees {
        Level::Same
    } else if all_near {
        Level::OtherTones
    } else if family == Likeness::Different || !middle_is_near {
        Level::SomeAlike
    } else if is_near(given) {
        Level::PartMissing
    } else {
        Level::OneTypingError
    }
}

impl Shares {
    /// As a given name, among the words that a level takes for the same.
    fn given_at(self, level: Level) -> f32 {
        if level == Level::TonesLost {
            self.given_untoned
        } else {
            self.given
        }
    }

    /// As a family name, among the words that a level takes for the same.
    fn family_at(self, level: Level) -> f32 {
        if level == Level::TonesLost {
            self.family_untoned
        } else {
            self.family
        }
    }
}
