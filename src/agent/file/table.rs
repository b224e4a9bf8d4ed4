//! Rows and cells, whatever kind of file they come from.

use super::cell::Cell;
use super::delimited::{self, Delimited, SEPARATORS};
use super::finding::Finding;

/// Columns that a file may fill.
pub const COLUMNS_MAX: usize = 256;
/// Rows that are read of one file.
pub const ROWS_MAX: usize = 500_000;

/// A row that is not empty.
#[derive(Clone)]
pub struct Row {
    /// Its number as a spreadsheet shows it, from 1.
    pub number: u64,
    /// Its cells, at most [`COLUMNS_MAX`].
    pub cells: Vec<Cell>,
    /// Why none of it can be used.
    pub fault: Option<Finding>,
    /// How many cells it has, where that can be wrong: in delimited text.
    pub width: Option<usize>,
}

impl Row {
    /// The cell at a place; an empty one where the row has ended.
    pub fn cell(&self, place: usize) -> &Cell {
        self.cells.get(place).unwrap_or(&Cell::Empty)
    }
}

/// Cells side by side that are one: of the rows in which headers are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WideCell {
    /// The row's number.
    pub row: u64,
    /// Place of the first cell.
    pub first: usize,
    /// Place of the last cell.
    pub last: usize,
}

/// A file's rows, which can be gone through more than once.
pub(super) enum Table {
    Delimited(Delimited),
    Sheet(Sheet),
}

/// A sheet of a workbook.
#[derive(Default)]
pub(super) struct Sheet {
    pub(super) rows: Vec<Row>,
    pub(super) wide_cells: Vec<WideCell>,
    /// Days are counted from 1904, as Excel for the Macintosh did.
    pub(super) is_1904: bool,
}

impl Table {
    /// The rows, up to the limit.
    pub(super) fn rows(&self) -> Rows<'_> {
        match self {
            Self::Delimited(text) => Rows::Delimited(text.rows()),
            Self::Sheet(sheet) => Rows::Sheet(sheet.rows.iter()),
        }
    }

    /// Separators to try: all that are known, or the one that was told.
    pub(super) fn separators(&self, is_told: bool) -> Vec<u8> {
        match self {
            Self::Delimited(text) if is_told => vec![text.separator()],
            Self::Delimited(_) => SEPARATORS.to_vec(),
            Self::Sheet(_) => Vec::new(),
        }
    }

    pub(super) const fn set_separator(&mut self, separator: u8) {
        match self {
            Self::Delimited(text) => text.set_separator(separator),
            Self::Sheet(_) => {}
        }
    }

    /// Merged cells; `None` where the file cannot tell.
    pub(super) fn wide_cells(&self) -> Option<&[WideCell]> {
        match self {
            Self::Delimited(_) => None,
            Self::Sheet(sheet) => Some(&sheet.wide_cells),
        }
    }

    pub(super) const fn is_1904(&self) -> bool {
        match self {
            Self::Delimited(_) => false,
            Self::Sheet(sheet) => sheet.is_1904,
        }
    }
}

/// Iterates over the rows of a table.
pub(super) enum Rows<'a> {
    Delimited(delimited::Rows<'a>),
    Sheet(std::slice::Iter<'a, Row>),
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        match self {
            Self::Delimited(rows) => rows.next(),
            Self::Sheet(rows) => rows.next().cloned(),
        }
    }
}
