//! Enough understanding of protobuf's text to find what a contract declares.

/// What a declaration declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Message,
    Enum,
    Service,
    Rpc,
    Oneof,
    Field,
    Value,
}

/// One declaration of a contract.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Name of what is around it.
    pub(crate) parent: String,
    /// What it is declared with: the number of a value, the request and response of an rpc.
    pub(crate) operands: Vec<String>,
    pub(crate) line: usize,
    /// Whether a comment stands directly above.
    pub(crate) is_explained: bool,
}

/// The text of a contract up to a semicolon or a brace.
#[derive(Debug)]
struct Piece {
    text: String,
    end: char,
    line: usize,
    is_explained: bool,
}

/// Takes a contract apart. Its comments are line comments.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut piece, mut line, mut is_explained) = (String::new(), 0, false);
    let mut is_after_comment = false;
    for (number, text) in (1..).zip(text.lines()) {
        let code = text.split("//").next().unwrap_or_default();
        for letter in code.chars().chain(['\n']) {
            if ";{}".contains(letter) {
                pieces.push(Piece {
                    text: std::mem::take(&mut piece),
                    end: letter,
                    line,
                    is_explained,
                });
            } else if !piece.is_empty() {
                piece.push(letter);
            } else if !letter.is_whitespace() {
                piece.push(letter);
                (line, is_explained) = (number, is_after_comment);
            }
        }
        is_after_comment = text.trim_start().starts_with("//");
    }
    pieces
}

pub(crate) fn declarations(text: &str) -> Vec<Declaration> {
    let mut declarations: Vec<Declaration> = Vec::new();
    let mut around: Vec<Option<Declaration>> = Vec::new();
    for piece in pieces(text) {
        let declared = declaration(&piece, around.last().and_then(Option::as_ref));
        declarations.extend(declared.clone());
        match piece.end {
            '{' => around.push(declared),
            '}' => drop(around.pop()),
            _ => {}
        }
    }
    declarations
}

fn declaration(piece: &Piece, parent: Option<&Declaration>) -> Option<Declaration> {
    let spaced = piece.text.replace(['(', ')'], " ").replace('=', " = ");
    let words: Vec<&str> = spaced
        .split_whitespace()
        .filter(|word| *word != "stream" && *word != "returns")
        .collect();
    let numbered = || {
        let equals = words.iter().position(|word| *word == "=")?;
        Some((
            *words.get(equals.checked_sub(1)?)?,
            words.get(equals + 1..)?,
        ))
    };
    if let ["option" | "reserved" | "extensions", ..] = words.as_slice() {
        return None;
    }
    let (kind, (name, operands)) = match (words.as_slice(), parent.map(|parent| parent.kind)) {
        (["message", name, ..], _) => (Kind::Message, (*name, &[][..])),
        (["enum", name, ..], _) => (Kind::Enum, (*name, &[][..])),
        (["service", name, ..], _) => (Kind::Service, (*name, &[][..])),
        (["oneof", name, ..], _) => (Kind::Oneof, (*name, &[][..])),
        (["rpc", name, operands @ ..], _) => (Kind::Rpc, (*name, operands)),
        (_, Some(Kind::Enum)) => (Kind::Value, numbered()?),
        (_, Some(Kind::Message | Kind::Oneof)) => (Kind::Field, numbered()?),
        (_, Some(Kind::Service | Kind::Rpc | Kind::Field | Kind::Value) | None) => return None,
    };
    Some(Declaration {
        kind,
        name: name.to_owned(),
        parent: parent.map_or_else(String::new, |parent| parent.name.clone()),
        operands: operands.iter().map(|word| (*word).to_owned()).collect(),
        line: piece.line,
        is_explained: piece.is_explained,
    })
}
