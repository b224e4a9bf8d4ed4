//! Enough understanding of Rust's text to tell code from words about code.

/// The text with comments, strings and characters left out. Lines stay where they were.
pub(crate) fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let blank = comment(rest).or_else(|| literal(rest));
        let (taken, after) = rest.split_at(blank.unwrap_or(letter.len_utf8()));
        if blank.is_some() {
            code.push(' ');
            code.extend(taken.chars().filter(|letter| *letter == '\n'));
        } else {
            code.push(letter);
        }
        rest = after;
    }
    code
}

/// Bytes of the comment that the text starts with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    Some(at)
}

/// Bytes of the string or character that the text starts with.
fn literal(text: &str) -> Option<usize> {
    if let Some(inside) = text.strip_prefix('"') {
        return Some(1 + quoted(inside, '"'));
    }
    if let Some(raw) = text.strip_prefix('r') {
        let inside = raw.trim_start_matches('#');
        let hashes = raw.len() - inside.len();
        let end = format!("\"{}", "#".repeat(hashes));
        let inside = inside.strip_prefix('"')?;
        let (_, after) = inside.split_once(&end).unwrap_or_default();
        return Some(text.len() - after.len());
    }
    let inside = text.strip_prefix('\'')?;
    let mut letters = inside.chars();
    let first = letters.next()?;
    // Otherwise it is a lifetime.
    let is_character = first == '\\' || letters.next() == Some('\'');
    is_character.then(|| 1 + quoted(inside, '\''))
}

/// Bytes up to and with the closing quote.
fn quoted(inside: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, letter) in inside.char_indices() {
        if letter == quote && !is_escaped {
            return at + letter.len_utf8();
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    inside.len()
}

/// The names and keywords of a piece of code.
pub(crate) fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|letter| !is_word(letter))
        .filter(|word| !word.is_empty())
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Every path of the code that starts with `root::`, without the root, with the number of its line.
/// `root::{a, b::{c, d}}` gives `a`, `b::c` and `b::d`.
pub(crate) fn paths(code: &str, root: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, start) in code.match_indices(&format!("{root}::")) {
        let (before, rest) = code.split_at(at);
        if !before.ends_with(is_word) {
            let line = before.matches('\n').count() + 1;
            let (_, tree) = rest.split_at(start.len());
            found.extend(spread(tree).into_iter().map(|path| (line, path)));
        }
    }
    found
}

fn spread(tree: &str) -> Vec<String> {
    let tree = tree.trim_start();
    if let Some(group) = tree.strip_prefix('{') {
        return branches(group).into_iter().flat_map(spread).collect();
    }
    let end = tree
        .find(|letter| !is_word(letter) && letter != '*')
        .unwrap_or(tree.len());
    let (head, rest) = tree.split_at(end);
    let goes_on = |rest: &&str| rest.starts_with(|letter| is_word(letter) || "{*".contains(letter));
    rest.strip_prefix("::").filter(goes_on).map_or_else(
        || vec![head.to_owned()],
        |rest| {
            let tails = spread(rest).into_iter();
            tails.map(|tail| format!("{head}::{tail}")).collect()
        },
    )
}

/// The parts between the commas of a group that was just opened.
fn branches(group: &str) -> Vec<&str> {
    let (mut branches, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, letter) in group.char_indices() {
        let ends = depth == 0 && (letter == ',' || letter == '}');
        if ends {
            branches.extend(group.get(start..at).filter(|part| !part.trim().is_empty()));
            start = at + 1;
        }
        match letter {
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            '{' => depth += 1,
            _ => {}
        }
    }
    branches
}

#[test]
fn words_about_code_are_not_code() {
    let text = "a // b\n/* c /* d */ e */ f \"g \\\" h\" i r#\"j \" k\"# l '\"' m '\\'' n";

    let code = code(text);

    assert_eq!(words(&code).collect::<String>(), "afilmn");
    assert_eq!(code.lines().count(), 2);
}

#[test]
fn a_lifetime_is_not_an_open_quote() {
    let code = code("fn a<'x>(b: &'x str) -> &'static str { c('d') }");

    assert_eq!(words(&code).last(), Some("c"));
    assert!(words(&code).any(|word| word == "static"));
}

#[test]
fn a_group_of_paths_is_spread() {
    let text =
        "use crate::{\n    a,\n    b::{self, C, d::*},\n};\nfn e() { $crate::f::G::<H>::i(); }";

    let paths = paths(text, "crate");

    let expected = ["a", "b::self", "b::C", "b::d::*", "f::G"];
    assert_eq!(
        paths.iter().map(|(_, path)| path).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(paths.last().map(|(line, _)| *line), Some(5));
    assert!(self::paths("use mycrate::a;", "crate").is_empty());
}
