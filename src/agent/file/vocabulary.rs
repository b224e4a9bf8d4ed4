//! Words that stand in files of children: names of people, places and columns. They tell which
//! encoding a file is in.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::text_key::marked;

/// Words with marks, in lower case and NFC.
static WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let lists = [
        include_str!("../../../reference/names/family.csv"),
        include_str!("../../../reference/names/middle.csv"),
        include_str!("../../../reference/names/given.csv"),
        include_str!("../../../reference/files/headers.csv"),
        include_str!("../../../reference/admin_units_pre2025.csv"),
        include_str!("../../../reference/codes/ethnicity_1979.csv"),
        include_str!("../../../reference/codes/ethnicity_name_variants.csv"),
        include_str!("../../../reference/codes/household_poverty.csv"),
    ];
    let words = lists.into_iter().flat_map(words);
    words
        .filter(|word| is_vietnamese(word))
        .map(marked)
        .collect()
});

/// Words of a text that are not ASCII. A sign between words is none; inside a word it may be a letter that
/// an old font showed.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_between = |letter: char| {
        letter.is_whitespace()
            || matches!(letter, '\u{80}'..='\u{9f}' | '\u{2010}'..='\u{20ff}' | '\u{2122}')
            || (letter.is_ascii() && !letter.is_ascii_alphabetic())
    };
    text.split(is_between)
        .filter(|word| !word.is_ascii() && word.bytes().any(|byte| byte.is_ascii_alphabetic()))
}

/// Only letters of Vietnamese: the lists have a few words in the old fonts of their sources.
fn is_vietnamese(word: &str) -> bool {
    word.chars().all(|letter| {
        letter.is_ascii_alphabetic()
            || matches!(letter,
                'À'..='Ã' | 'È'..='Ê' | 'Ì' | 'Í' | 'Ò'..='Õ' | 'Ù' | 'Ú' | 'Ý'
                | 'à'..='ã' | 'è'..='ê' | 'ì' | 'í' | 'ò'..='õ' | 'ù' | 'ú' | 'ý'
                | 'Ă' | 'ă' | 'Đ' | 'đ' | 'Ĩ' | 'ĩ' | 'Ũ' | 'ũ' | 'Ơ' | 'ơ' | 'Ư' | 'ư'
                | '\u{1ea0}'..='\u{1ef9}')
    })
}

/// How Vietnamese a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Score {
    /// Words that are known.
    pub(super) known: usize,
    /// Words with letters that Vietnamese does not have.
    pub(super) foreign: usize,
    /// Words that are not ASCII.
    pub(super) words: usize,
}

impl Score {
    /// Looks at the words of a text that are not ASCII.
    pub(super) fn of(text: &str) -> Self {
        let mut score = Self::default();
        for word in words(text) {
            score.add(word);
        }
        score
    }

    fn add(&mut self, word: &str) {
        self.words += 1;
        if WORDS.contains(&marked(word)) {
            self.known += 1;
        } else if !is_vietnamese(word) {
            self.foreign += 1;
        }
    }

    /// Larger for text that is more likely what was meant.
    pub(super) fn weight(self) -> i64 {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX / 4);
        count(self.known) - count(self.foreign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vietnamese_is_told_from_the_same_bytes_misread() {
        let meant = Score::of("Nguyễn Văn Hoà, Xã Thạnh Lộc");
        let misread = Score::of("NguyÔn V¨n Hoµ, X· Th¹nh Léc");

        assert_eq!((meant.known, meant.foreign), (meant.words, 0));
        assert!(misread.weight() < 0, "{misread:?}");
    }
}
