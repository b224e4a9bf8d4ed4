//! Workbooks of Excel (.xlsx), read without trusting them.
//!
//! A workbook is a ZIP of XML. Before the reader sees it, every part is unpacked once, counted and thrown
//! away: sizes that a ZIP declares can lie, and a few kilobytes can unpack to gigabytes.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Dimensions, Reader, SheetType, SheetVisible, Xlsx, XlsxError};
use time::{Date, Month};
use zip::ZipArchive;

use super::FileError;
use super::cell::{CELL_CHARACTERS_MAX, Cell};
use super::finding::Finding;
use super::header::HEADER_ROWS_SEARCHED;
use super::table::{COLUMNS_MAX, ROWS_MAX, Row, Sheet, WideCell};

/// Parts (sheets, styles, pictures) that a workbook may have.
pub const PARTS_MAX: usize = 2_000;
/// What a workbook may unpack to, in bytes.
pub const UNPACKED_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Texts that a workbook may keep apart from its cells.
pub const SHARED_TEXTS_MAX: u64 = 4_000_000;
/// Cells of one sheet that are not empty.
pub const CELLS_MAX: usize = 8_000_000;
/// Merged cells of one sheet that are looked at.
pub const MERGED_CELLS_MAX: usize = 20_000;
/// Rows that one merged cell spreads over.
pub const MERGED_ROWS_MAX: u32 = 1_000;

/// An open workbook.
pub(super) struct Workbook<'a>(Xlsx<Cursor<&'a [u8]>>);

impl<'a> Workbook<'a> {
    /// Looks at all its parts and opens it.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, FileError> {
        check_parts(bytes)?;
        guarded(|| Xlsx::new(Cursor::new(bytes)).map(Self))
    }

    /// Names of the sheets that a person can see and that have cells.
    pub(super) fn sheet_names(&self) -> Vec<String> {
        let sheets = self.0.sheets_metadata().iter();
        let seen = sheets.filter(|sheet| {
            sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet
        });
        seen.map(|sheet| sheet.name.clone()).collect()
    }

    /// Reads a sheet.
    pub(super) fn sheet(&mut self, name: &str) -> Result<Sheet, FileError> {
        let is_1904 = self.0.has_1904_epoch();
        let mut sheet = Sheet {
            rows: self.rows(name)?,
            is_1904,
            ..Sheet::default()
        };
        // Without them a sheet is poorer and not wrong.
        let merged = guarded(|| self.0.merge_cells_by_sheet_name(name)).unwrap_or_default();
        spread(&mut sheet, &merged);
        Ok(sheet)
    }

    fn rows(&mut self, name: &str) -> Result<Vec<Row>, FileError> {
        let mut reader = guarded(|| self.0.worksheet_cells_reader(name))?;
        let (mut rows, mut cells): (Vec<Row>, usize) = (Vec::new(), 0);
        while let Some(cell) = guarded(|| reader.next_cell())? {
            let (row, column) = cell.get_position();
            let number = u64::from(row) + 1;
            let (value, fault) = read(cell.get_value());
            if value.is_empty() && fault.is_none() {
                continue;
            }
            cells += 1;
            let place = usize::try_from(column).unwrap_or(usize::MAX);
            if place >= COLUMNS_MAX {
                return Err(FileError::TooManyColumns);
            }
            match rows.last().map(|last| last.number) {
                Some(last) if last == number => {}
                Some(last) if last > number => return Err(FileError::WorkbookBroken),
                Some(_) | None if rows.len() == ROWS_MAX => return Err(FileError::TooManyRows),
                Some(_) | None => rows.push(Row {
                    number,
                    cells: Vec::new(),
                    fault: None,
                    width: None,
                }),
            }
            if cells > CELLS_MAX {
                return Err(FileError::TooManyRows);
            }
            if let Some(row) = rows.last_mut() {
                put(&mut row.cells, place, value);
                row.fault = row.fault.or(fault);
            }
        }
        Ok(rows)
    }
}

fn put(cells: &mut Vec<Cell>, place: usize, value: Cell) {
    if cells.len() <= place {
        cells.resize(place + 1, Cell::Empty);
    }
    if let Some(cell) = cells.get_mut(place) {
        *cell = value;
    }
}

fn read(value: &DataRef<'_>) -> (Cell, Option<Finding>) {
    let cell = match value {
        DataRef::Empty => Cell::Empty,
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            return text_cell(text);
        }
        DataRef::SharedString(text) => return text_cell(text),
        DataRef::Int(number) => Cell::Text(number.to_string()),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::Bool(value) => Cell::Bool(*value),
        DataRef::Error(_) => Cell::Error,
        DataRef::DateTime(instant) if instant.is_datetime() => {
            let (year, month, day, ..) = instant.to_ymd_hms_milli();
            let month = Month::try_from(month).unwrap_or(Month::January);
            let date = Date::from_calendar_date(year.into(), month, day);
            date.map_or(Cell::Number(instant.as_f64()), Cell::Date)
        }
        DataRef::DateTime(duration) => Cell::Number(duration.as_f64()),
    };
    (cell, None)
}

fn text_cell(text: &str) -> (Cell, Option<Finding>) {
    if text.chars().nth(CELL_CHARACTERS_MAX).is_some() {
        return (Cell::Empty, Some(Finding::CellTooLong));
    }
    match text.trim() {
        "" => (Cell::Empty, None),
        text => (Cell::Text(text.to_owned()), None),
    }
}

/// Gives merged cells their value: down, as a person reads a household's number beside its children; and
/// where headers are looked for, their width.
fn spread(sheet: &mut Sheet, merged: &[Dimensions]) {
    let places: HashMap<u64, usize> = (0..)
        .zip(&sheet.rows)
        .map(|(at, row)| (row.number, at))
        .collect();
    let at = |row: u32| places.get(&(u64::from(row) + 1)).copied();
    let headers_end = sheet
        .rows
        .get(HEADER_ROWS_SEARCHED)
        .map_or(u64::MAX, |row| row.number);
    for area in merged.iter().take(MERGED_CELLS_MAX) {
        let ((top, left), (bottom, right)) = (area.start, area.end);
        let place = |column: u32| usize::try_from(column).unwrap_or(COLUMNS_MAX);
        let (first, last) = (place(left), place(right).min(COLUMNS_MAX - 1));
        let number = u64::from(top) + 1;
        if first < last && number < headers_end {
            sheet.wide_cells.push(WideCell {
                row: number,
                first,
                last,
            });
        }
        let Some(value) = at(top)
            .and_then(|at| sheet.rows.get(at))
            .map(|row| row.cell(first).clone())
        else {
            continue;
        };
        if first >= COLUMNS_MAX || value.is_empty() {
            continue;
        }
        let bottom = bottom.min(top.saturating_add(MERGED_ROWS_MAX));
        for row in (top..=bottom).skip(1) {
            // Excel leaves the other cells of a merged one empty; what is not empty stays.
            let row = at(row).and_then(|at| sheet.rows.get_mut(at));
            if let Some(row) = row.filter(|row| row.cell(first).is_empty()) {
                put(&mut row.cells, first, value.clone());
            }
        }
    }
}

/// Unpacks every part once, within the limits.
fn check_parts(bytes: &[u8]) -> Result<(), FileError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| FileError::WorkbookBroken)?;
    if archive.len() > PARTS_MAX {
        return Err(FileError::WorkbookTooLarge);
    }
    let mut left = UNPACKED_BYTES_MAX;
    for place in 0..archive.len() {
        let part = archive
            .by_index(place)
            .map_err(|_| FileError::WorkbookBroken)?;
        let name = part
            .name()
            .map_err(|_| FileError::WorkbookBroken)?
            .to_lowercase();
        let mut announced = name
            .ends_with("sharedstrings.xml")
            .then(AnnouncedTexts::default);
        left = check_part(part, announced.as_mut(), left)?;
    }
    Ok(())
}

/// Reads a part to its end and gives what is left of the limit.
fn check_part(
    mut part: impl Read,
    mut announced: Option<&mut AnnouncedTexts>,
    mut left: u64,
) -> Result<u64, FileError> {
    let mut buffer = vec![0; 64 * 1024];
    let mut is_start = true;
    loop {
        let read = part
            .read(&mut buffer)
            .map_err(|_| FileError::WorkbookBroken)?;
        let chunk = buffer.get(..read).unwrap_or_default();
        if chunk.is_empty() {
            return Ok(left);
        }
        left = u64::try_from(read)
            .ok()
            .and_then(|read| left.checked_sub(read))
            .ok_or(FileError::WorkbookTooLarge)?;
        // UTF-16 would hide from the check of texts; no program writes a workbook so.
        if is_start
            && matches!(
                chunk,
                [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..] | [0, b'<', ..]
            )
        {
            return Err(FileError::WorkbookBroken);
        }
        if let Some(announced) = &mut announced {
            announced.read(chunk)?;
        }
        is_start = false;
    }
}

/// Looks for `uniqueCount="…"`. The reader makes room for so many texts at once, and a number that is too
/// large would end the program.
#[derive(Default)]
struct AnnouncedTexts {
    /// How much of the name has been seen.
    matched: usize,
    number: Option<u64>,
}

impl AnnouncedTexts {
    const NAME: &'static [u8] = b"uniqueCount";

    fn read(&mut self, chunk: &[u8]) -> Result<(), FileError> {
        for byte in chunk {
            match (&mut self.number, byte) {
                (Some(number), b'0'..=b'9') => {
                    *number = number
                        .saturating_mul(10)
                        .saturating_add(u64::from(byte - b'0'));
                    if *number > SHARED_TEXTS_MAX {
                        return Err(FileError::WorkbookTooLarge);
                    }
                }
                (Some(0), b' ' | b'=' | b'"' | b'\'' | b'\t' | b'\r' | b'\n') => {}
                (Some(_), _) => self.number = None,
                (None, _) => self.read_name(*byte),
            }
        }
        Ok(())
    }

    fn read_name(&mut self, byte: u8) {
        self.matched = match Self::NAME.get(self.matched) {
            Some(wanted) if *wanted == byte => self.matched + 1,
            Some(_) | None => usize::from(Self::NAME.first() == Some(&byte)),
        };
        if self.matched == Self::NAME.len() {
            self.matched = 0;
            self.number = Some(0);
        }
    }
}

/// Calls the reader. It is careful, but it is not ours: should it panic on some broken file, that file is
/// refused and the program goes on.
fn guarded<T>(read: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, FileError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(XlsxError::Password)) => Err(FileError::OldWorkbook),
        // The error may name a text of the file.
        Ok(Err(_)) | Err(_) => Err(FileError::WorkbookBroken),
    }
}
