//! Collecting what is found, and the checks that several fields share.

use time::Date;

use super::{FieldPath, Level, Rule, Violation};
use crate::domain::code_list::CodeList;
use crate::domain::date::{PartialDate, Precision};
use crate::domain::draft::{DateDraft, PrecisionDraft, UnitDraft};
use crate::domain::unit::UnitReference;

/// Violations that one record reports at most; beyond that it is broken enough.
const VIOLATIONS_MAX: usize = 50;

/// Collects violations. The path is put together only when something is found.
pub(super) struct Findings {
    pub(super) today: Date,
    pub(super) violations: Vec<Violation>,
    pub(super) rejected: bool,
}

impl Findings {
    pub(super) fn new(today: Date) -> Self {
        Self {
            today,
            violations: Vec::new(),
            rejected: false,
        }
    }

    pub(super) fn reject(&mut self, path: impl Into<String>, rule: Rule) {
        self.rejected = true;
        self.add(path.into(), rule, Level::Reject);
    }

    pub(super) fn warn(&mut self, path: impl Into<String>, rule: Rule) {
        self.add(path.into(), rule, Level::Warn);
    }

    fn add(&mut self, path: String, rule: Rule, level: Level) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation {
                path: FieldPath(path),
                rule,
                level,
            });
        }
    }

    /// At most so many characters.
    pub(super) fn length(&mut self, path: &str, text: &str, characters_max: usize) {
        // A text of so few bytes has no more characters than that.
        if text.len() > characters_max && text.chars().count() > characters_max {
            self.reject(path, Rule::TooLong);
        }
    }

    /// Empty, or a code of the list.
    pub(super) fn code(&mut self, path: &str, code: &str, list: CodeList) {
        if !code.is_empty() && !list.has(code) {
            self.reject(path, Rule::UnknownCode);
        }
    }

    /// Empty, or one of the words.
    pub(super) fn word(&mut self, path: &str, word: &str, allowed: &[&str]) {
        if !word.is_empty() && !allowed.contains(&word) {
            self.reject(path, Rule::UnknownWord);
        }
    }

    /// No more entries than allowed.
    pub(super) fn count(&mut self, path: &str, entries: usize, entries_max: usize) {
        if entries > entries_max {
            self.reject(path, Rule::TooMany);
        }
    }

    /// The date, if there is one and it is right.
    pub(super) fn date(&mut self, path: &str, draft: Option<DateDraft>) -> Option<PartialDate> {
        let date = read_date(draft?);
        if date.is_none() {
            self.reject(path, Rule::DateInvalid);
        }
        date
    }

    /// The same, and not in the future.
    pub(super) fn past_date(
        &mut self,
        path: &str,
        draft: Option<DateDraft>,
    ) -> Option<PartialDate> {
        let date = self.date(path, draft)?;
        if date.is_after(self.today) {
            self.reject(path, Rule::DateInFuture);
        }
        Some(date)
    }

    /// Two dates in their order, if both are there.
    pub(super) fn order(
        &mut self,
        path: &str,
        first: Option<PartialDate>,
        then: Option<PartialDate>,
    ) {
        if let (Some(first), Some(then)) = (first, then)
            && then.is_before(first)
        {
            self.reject(path, Rule::DateOrder);
        }
    }

    /// A unit that its scheme has.
    pub(super) fn unit(&mut self, path: &str, draft: Option<&UnitDraft>) -> Option<UnitReference> {
        let draft = draft?;
        let unit = read_unit(draft).filter(|unit| unit.find().is_some());
        if unit.is_none() {
            self.reject(path, Rule::UnknownUnit);
        }
        unit
    }

    /// A name: letters, spaces, apostrophes and hyphens (no digits: Civil Code, article 26).
    pub(super) fn name(&mut self, path: &str, name: &str) {
        self.length(path, name, 100);
        // Some letters of minority languages exist only as a letter and a loose mark.
        let allowed = |letter: char| {
            letter.is_alphabetic()
                || matches!(letter, ' ' | '\'' | '’' | '-' | '\u{300}'..='\u{36f}')
        };
        if !name.chars().all(allowed) {
            self.reject(path, Rule::NameCharacters);
        }
    }

    /// A telephone number of Vietnam; only a warning, because nothing hangs on it.
    pub(super) fn phone(&mut self, path: &str, phone: &str) {
        if phone.is_empty() {
            return;
        }
        match read_phone(phone) {
            Phone::Right => {}
            Phone::OldPrefix => self.warn(path, Rule::PhonePrefix2018),
            Phone::Wrong => self.warn(path, Rule::Phone),
        }
    }
}

enum Phone {
    Right,
    OldPrefix,
    Wrong,
}

/// Mobile numbers have ten digits since 15 September 2018, fixed ones eleven beginning with 02.
fn read_phone(phone: &str) -> Phone {
    let digits: String = phone
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '.' | '-'))
        .collect();
    let national = digits
        .strip_prefix("+84")
        .map_or(digits.clone(), |rest| format!("0{rest}"));
    if !national.bytes().all(|byte| byte.is_ascii_digit()) {
        return Phone::Wrong;
    }
    let has = |prefixes: &[&str]| prefixes.iter().any(|prefix| national.starts_with(prefix));
    match national.len() {
        10 if has(&["03", "05", "07", "08", "09"]) => Phone::Right,
        11 if has(&["02"]) => Phone::Right,
        11 if has(&["012", "016", "018", "019"]) => Phone::OldPrefix,
        _ => Phone::Wrong,
    }
}

fn read_date(draft: DateDraft) -> Option<PartialDate> {
    let precision = match draft.precision {
        PrecisionDraft::Unknown => return None,
        PrecisionDraft::Day => Precision::Day,
        PrecisionDraft::Month => Precision::Month,
        PrecisionDraft::Year => Precision::Year,
        PrecisionDraft::Estimated => Precision::Estimated,
    };
    let year = i32::try_from(draft.year).ok()?;
    let month = u8::try_from(draft.month).ok()?;
    let day = u8::try_from(draft.day).ok()?;
    PartialDate::new(year, month, day, precision)
}

fn read_unit(draft: &UnitDraft) -> Option<UnitReference> {
    let scheme = draft.scheme.parse().ok()?;
    Some(UnitReference {
        scheme,
        code: draft.code.parse().ok()?,
    })
}
