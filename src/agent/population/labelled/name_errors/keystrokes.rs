//! Keystrokes of telex and VNI typing that no keyboard program turned into letters.

use rand::RngExt;
use rand::rngs::StdRng;
use unicode_normalization::UnicodeNormalization;

/// The text with the keystrokes of one word, or of all words, left as typed.
pub(super) fn left(text: &str, is_telex: bool, chance: &mut StdRng) -> String {
    let all = chance.random_bool(0.4);
    let count = text.split(' ').count();
    let only = chance.random_range(0..count);
    let words: Vec<String> = text
        .split(' ')
        .enumerate()
        .map(|(index, word)| {
            if all || index == only {
                typed(word, is_telex)
            } else {
                word.to_owned()
            }
        })
        .collect();
    words.join(" ")
}

/// The keys for a word: those for a letter's shape beside it, that for the tone at the end.
fn typed(word: &str, is_telex: bool) -> String {
    let mut keys = String::new();
    let mut tone = None;
    let mut base = ' ';
    for letter in word.nfd() {
        let (shape, of_tone) = match letter {
            '\u{302}' => (Some((base.to_ascii_lowercase(), '6')), None),
            '\u{31b}' => (Some(('w', '7')), None),
            '\u{306}' => (Some(('w', '8')), None),
            'đ' | 'Đ' => {
                keys.push(if letter == 'Đ' { 'D' } else { 'd' });
                (Some(('d', '9')), None)
            }
            '\u{301}' => (None, Some(('s', '1'))),
            '\u{300}' => (None, Some(('f', '2'))),
            '\u{309}' => (None, Some(('r', '3'))),
            '\u{303}' => (None, Some(('x', '4'))),
            '\u{323}' => (None, Some(('j', '5'))),
            other => {
                keys.push(other);
                base = other;
                (None, None)
            }
        };
        tone = tone.or(of_tone);
        if let Some((telex, vni)) = shape {
            keys.push(if is_telex { telex } else { vni });
        }
    }
    if let Some((telex, vni)) = tone {
        keys.push(if is_telex { telex } else { vni });
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telex_and_vni_keys_stand_where_they_are_typed() {
        assert_eq!(typed("Nguyễn", true), "Nguyeenx");
        assert_eq!(typed("Nguyễn", false), "Nguye6n4");
        assert_eq!(typed("Đường", true), "Dduwowngf");
    }
}
