//! Text whose cells are set apart by a sign: CSV and what calls itself so.

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};

use super::cell::{CELL_CHARACTERS_MAX, Cell};
use super::finding::Finding;
use super::table::{COLUMNS_MAX, Row};

/// Signs that files are known to use, the most usual first.
pub(super) const SEPARATORS: [u8; 6] = *b",;\t|^~";

/// Lines inside one cell at most: an address has a few, a quotation mark that was never closed many.
const CELL_LINES_MAX: usize = 20;

/// The text of a file, with each line ended by CR LF: so the reader sees empty lines and counts them.
pub(super) struct Delimited {
    text: String,
    separator: u8,
    /// Rows of the file before the text: the line `sep=;` that Excel understands.
    rows_before: u64,
}

impl Delimited {
    /// A text, with the separator that it was told or that Excel's first line names.
    pub(super) fn new(text: &str, told: Option<u8>) -> Self {
        let (rest, named) = named_separator(text);
        Self {
            text: with_windows_line_ends(rest),
            separator: told.or(named).unwrap_or(b','),
            rows_before: u64::from(named.is_some()),
        }
    }

    /// Whether the file itself names its separator.
    pub(super) fn names_separator(text: &str) -> bool {
        named_separator(text).1.is_some()
    }

    pub(super) const fn separator(&self) -> u8 {
        self.separator
    }

    pub(super) const fn set_separator(&mut self, separator: u8) {
        self.separator = separator;
    }

    /// The rows that are not empty, from the first one on, numbered as a spreadsheet numbers them.
    pub(super) fn rows(&self) -> Rows<'_> {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.separator)
            // The first half of the line end stays in the last cell, where it is trimmed.
            .terminator(Terminator::Any(b'\n'))
            .from_reader(self.text.as_bytes());
        Rows {
            reader,
            record: ByteRecord::new(),
            number: self.rows_before,
        }
    }
}

/// Iterates over rows.
pub(super) struct Rows<'a> {
    reader: Reader<&'a [u8]>,
    record: ByteRecord,
    number: u64,
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            // Reading from memory does not fail, and any number of cells is right.
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) | Err(_) => return None,
            }
            self.number += 1;
            if self.record.iter().any(|cell| !cell.trim_ascii().is_empty()) {
                return Some(read(self.number, &self.record));
            }
        }
    }
}

fn read(number: u64, record: &ByteRecord) -> Row {
    let mut fault = None;
    let filled = record
        .iter()
        .rposition(|cell| !cell.trim_ascii().is_empty());
    if filled.is_some_and(|last| last >= COLUMNS_MAX) {
        fault = Some(Finding::RowTooLong);
    }
    let mut cell = |bytes: &[u8]| {
        // The text was made of whole letters, and separators are ASCII.
        let text = String::from_utf8_lossy(bytes);
        if text.lines().count() > CELL_LINES_MAX || text.chars().nth(CELL_CHARACTERS_MAX).is_some()
        {
            fault = Some(Finding::CellTooLong);
            return Cell::Empty;
        }
        match text.trim() {
            "" => Cell::Empty,
            text => Cell::Text(text.to_owned()),
        }
    };
    let cells = record.iter().take(COLUMNS_MAX).map(&mut cell).collect();
    Row {
        number,
        cells,
        fault,
        width: Some(record.len()),
    }
}

/// The text after a first line `sep=;`, and the separator that it names.
fn named_separator(text: &str) -> (&str, Option<u8>) {
    let named = text.strip_prefix("sep=").and_then(|rest| {
        let (line, rest) = rest.split_once('\n')?;
        match line.trim_end_matches('\r').as_bytes() {
            [sign] => Some((rest, Some(*sign))),
            _ => None,
        }
    });
    named.unwrap_or((text, None))
}

/// Line ends of any kind as CR LF.
fn with_windows_line_ends(text: &str) -> String {
    let mut whole = String::with_capacity(text.len() + text.len() / 32);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => {
                letters.next_if_eq(&'\n');
                whole.push_str("\r\n");
            }
            '\n' => whole.push_str("\r\n"),
            '\0' => {}
            other => whole.push(other),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u64, Vec<String>)> {
        let file = Delimited::new(text, None);
        file.rows()
            .map(|row| {
                let cells = row.cells.iter().map(|cell| cell.shown().into_owned());
                (row.number, cells.collect())
            })
            .collect()
    }

    #[test]
    fn rows_have_the_numbers_that_a_spreadsheet_shows() {
        for line_end in ["\n", "\r\n", "\r"] {
            let text = "a,b\n\n\"c\nd\",e\n,\nf,g".replace('\n', line_end);

            let numbers: Vec<u64> = rows(&text).into_iter().map(|(number, _)| number).collect();

            assert_eq!(numbers, [1, 3, 5], "{line_end:?}");
        }
    }

    #[test]
    fn the_line_in_which_excel_names_the_separator_is_no_row() {
        assert_eq!(
            rows("sep=;\r\na;b,c\r\n"),
            [(2, vec!["a".to_owned(), "b,c".to_owned()])]
        );
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_is_found() {
        let text = format!("a,b\nc,\"{}", "d,e\n".repeat(CELL_LINES_MAX + 1));

        let last = Delimited::new(&text, None).rows().last().expect("rows");

        assert_eq!((last.number, last.fault), (2, Some(Finding::CellTooLong)));
    }

    #[test]
    fn a_row_of_very_many_cells_is_cut_and_refused() {
        let row = Delimited::new(&"a,".repeat(COLUMNS_MAX + 1), None)
            .rows()
            .next()
            .expect("a row");

        assert_eq!(
            (row.cells.len(), row.fault),
            (COLUMNS_MAX, Some(Finding::RowTooLong))
        );
    }
}
