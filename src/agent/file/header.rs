//! Where the header stands, how many rows it has, and which column is which.

mod names;

use super::FileError;
use super::cell::Cell;
use super::column::Column;
use super::mapping::{HeaderName, Mapping};
use super::table::{Row, Table, WideCell};
use super::text_key::{marked, plain};

/// Rows from the top among which the header must be.
pub const HEADER_ROWS_SEARCHED: usize = 60;
/// Rows that one header may have.
pub const HEADER_ROWS_MAX: usize = 3;
/// Columns that must be known for a row to be a header.
const KNOWN_COLUMNS_MIN: usize = 3;

/// The header of a table.
#[derive(Clone, Debug)]
pub struct Header {
    /// Number of its last row.
    pub(super) last_row: u64,
    /// Each column with the places of its cells; several make up one text.
    pub(super) columns: Vec<(Column, Vec<usize>)>,
    /// What stands over each place, upper headings first.
    pub(super) labels: Vec<String>,
    /// A column that stands twice, so that only a mapping can say which is meant.
    pub(super) twice: Option<Column>,
}

impl Header {
    /// Finds the rows in which the most columns are known.
    pub(super) fn find(table: &Table, mapping: &Mapping) -> Result<Self, FileError> {
        let rows: Vec<Row> = table.rows().take(HEADER_ROWS_SEARCHED).collect();
        if rows.is_empty() {
            return Err(FileError::Empty);
        }
        let mut best: Option<Self> = None;
        for start in 0..rows.len() {
            for depth in 1..=HEADER_ROWS_MAX {
                let Some(rows) = rows.get(start..start + depth) else {
                    continue;
                };
                if mapping
                    .header_row
                    .is_some_and(|told| rows.first().is_none_or(|row| row.number != told))
                {
                    continue;
                }
                if let Some(header) = Self::read(rows, table.wide_cells(), mapping)
                    && best
                        .as_ref()
                        .is_none_or(|best| header.columns.len() > best.columns.len())
                {
                    best = Some(header);
                }
            }
        }
        best.ok_or(FileError::NoHeader)
    }

    /// Reads rows as one header, if they can be one.
    fn read(rows: &[Row], wide: Option<&[WideCell]>, mapping: &Mapping) -> Option<Self> {
        if !is_stacked(rows, wide) {
            return None;
        }
        let levels = levels(rows, wide);
        let width = levels.iter().map(Vec::len).max().unwrap_or(0);
        let paths: Vec<Vec<&str>> = (0..width).map(|place| path(&levels, place)).collect();
        let last_row = rows.last()?.number;
        let labels = paths.iter().map(|path| path.join(" / ")).collect();
        let mut header = Self {
            last_row,
            labels,
            columns: Vec::new(),
            twice: None,
        };
        match &mapping.columns {
            Some(wanted) => header.columns = mapped(&paths, wanted),
            None => header.add_known(&paths, rows, wide),
        }
        Some(header)
    }

    /// Columns by the names that are usual.
    fn add_known(&mut self, paths: &[Vec<&str>], rows: &[Row], wide: Option<&[WideCell]>) {
        let boys = boys(paths);
        for (place, path) in paths.iter().enumerate() {
            let of_boys = boys
                .filter(|(boys, _)| *boys == place)
                .map(|(_, column)| column);
            let Some(column) = of_boys.or_else(|| names::column_of(path)) else {
                continue;
            };
            match self.columns.iter_mut().find(|(known, _)| *known == column) {
                None => self.columns.push((column, vec![place])),
                Some(_) if column.is_left_out() => {}
                // One merged cell over family and given name.
                Some((_, places)) if column.is_text() && is_one_cell(rows, wide, places, place) => {
                    places.push(place);
                }
                Some(_) => self.twice = self.twice.or(Some(column)),
            }
        }
    }

    /// How sure the header is: how many columns are known.
    pub(super) const fn known_columns(&self) -> usize {
        self.columns.len()
    }

    /// Whether enough is known for this to be a header at all.
    pub(super) const fn is_likely(&self) -> bool {
        self.known_columns() >= KNOWN_COLUMNS_MIN
    }

    /// The places of a column.
    pub(super) fn places(&self, column: Column) -> &[usize] {
        let found = self.columns.iter().find(|(known, _)| *known == column);
        found.map_or(&[], |(_, places)| places.as_slice())
    }

    pub(super) fn has(&self, column: Column) -> bool {
        !self.places(column).is_empty()
    }

    /// What stands over a column.
    pub fn label_of(&self, column: Column) -> String {
        let labels = self
            .places(column)
            .iter()
            .filter_map(|place| self.labels.get(*place));
        labels.cloned().collect::<Vec<_>>().join(" + ")
    }

    /// Labels of the places that no column takes.
    pub fn left_out(&self) -> Vec<String> {
        let taken = |place: &usize| {
            let mut columns = self
                .columns
                .iter()
                .filter(|(column, _)| !column.is_left_out());
            columns.any(|(_, places)| places.contains(place))
        };
        let labels = self.labels.iter().enumerate();
        let left = labels.filter(|(place, label)| !label.is_empty() && !taken(place));
        left.map(|(_, label)| label.clone()).collect()
    }

    /// Whether a row repeats the header: most of what stands in it are labels of its places.
    pub(super) fn is_repeated_by(&self, row: &Row) -> bool {
        let filled = row.cells.iter().enumerate();
        let filled = filled.filter(|(_, cell)| !cell.is_empty());
        let (same, other): (Vec<_>, Vec<_>) =
            filled.partition(|(place, cell)| self.is_label(*place, &cell.shown()));
        same.len() >= 2 && same.len() > other.len()
    }

    /// Whether a text is the label of a place, or a heading of it.
    pub(super) fn is_label(&self, place: usize, text: &str) -> bool {
        let label = self
            .labels
            .get(place)
            .map(|label| marked(label))
            .unwrap_or_default();
        let text = marked(text);
        let rest = label
            .strip_prefix(&text)
            .or_else(|| label.strip_suffix(&text));
        !text.is_empty()
            && rest
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' ') || rest.ends_with(' '))
    }
}

/// Whether the lower rows are headings under those of the upper ones and no data: where both rows have a
/// text, the upper one must stretch over several columns.
fn is_stacked(rows: &[Row], wide: Option<&[WideCell]>) -> bool {
    rows.windows(2).all(|pair| {
        let [upper, lower] = pair else { return false };
        let width = upper.cells.len().max(lower.cells.len());
        let fits = |place: usize| {
            let (above, below) = (upper.cell(place), lower.cell(place));
            if above.is_empty() || below.is_empty() || above == below {
                return !matches!(below, Cell::Number(_) | Cell::Date(_));
            }
            matches!(below, Cell::Text(_)) && stretches(upper, lower, place, wide)
        };
        (0..width).all(fits) && lower.cells.iter().any(|cell| !cell.is_empty())
    })
}

fn stretches(upper: &Row, lower: &Row, place: usize, wide: Option<&[WideCell]>) -> bool {
    match wide {
        Some(wide) => wide
            .iter()
            .any(|cell| cell.row == upper.number && cell.first == place),
        None => upper.cell(place + 1).is_empty() && !lower.cell(place + 1).is_empty(),
    }
}

/// The texts of each row, those that stretch over several places repeated.
fn levels(rows: &[Row], wide: Option<&[WideCell]>) -> Vec<Vec<String>> {
    let mut levels: Vec<Vec<String>> = Vec::new();
    for (depth, row) in rows.iter().enumerate() {
        let mut texts: Vec<String> = row
            .cells
            .iter()
            .map(|cell| cell.shown().trim().to_owned())
            .collect();
        match (wide, rows.get(depth + 1)) {
            (Some(wide), _) => {
                for cell in wide.iter().filter(|cell| cell.row == row.number) {
                    repeat(&mut texts, cell.first, cell.last);
                }
            }
            (None, Some(lower)) => {
                let mut from = 0;
                for place in 1..lower.cells.len() {
                    if !row.cell(place).is_empty() {
                        from = place;
                    } else if !lower.cell(place).is_empty()
                        && !row.cell(from).is_empty()
                        && !lower.cell(from).is_empty()
                    {
                        repeat(&mut texts, from, place);
                    }
                }
            }
            (None, None) => {}
        }
        levels.push(texts);
    }
    levels
}

fn repeat(texts: &mut Vec<String>, first: usize, last: usize) {
    let text = texts.get(first).cloned().unwrap_or_default();
    if texts.len() <= last {
        texts.resize(last + 1, String::new());
    }
    for place in texts.iter_mut().take(last + 1).skip(first + 1) {
        if place.is_empty() {
            place.clone_from(&text);
        }
    }
}

/// The headings over one place, without empty ones and repetitions.
fn path(levels: &[Vec<String>], place: usize) -> Vec<&str> {
    let texts = levels
        .iter()
        .filter_map(|level| level.get(place))
        .map(String::as_str);
    let mut path: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
    path.dedup();
    path
}

/// "Nam" without a mark beside "Nu" means boys: a year would stand beside a month.
fn boys(paths: &[Vec<&str>]) -> Option<(usize, Column)> {
    let of = |wanted: &str| {
        let mut places = paths.iter().enumerate();
        places.find(|(_, path)| path.last().is_some_and(|last| marked(last) == wanted))
    };
    let (male, path) = of("nam")?;
    let has = |wanted: &str| {
        paths
            .iter()
            .any(|path| path.last().is_some_and(|last| plain(last) == wanted))
    };
    let is_of_birth = path.len() > 1
        && path
            .first()
            .is_some_and(|heading| names::column_of(&[heading]) == Some(Column::BirthDate));
    (has("nu") && !has("thang")).then_some((
        male,
        if is_of_birth {
            Column::MaleBirthDate
        } else {
            Column::Male
        },
    ))
}

fn is_one_cell(rows: &[Row], wide: Option<&[WideCell]>, places: &[usize], place: usize) -> bool {
    let numbers = |cell: &WideCell| rows.iter().any(|row| row.number == cell.row);
    places.first().is_some_and(|first| {
        wide.unwrap_or_default()
            .iter()
            .any(|cell| numbers(cell) && cell.first == *first && cell.last >= place)
    })
}

/// Columns by the names that a mapping gives.
fn mapped(paths: &[Vec<&str>], wanted: &[(Column, Vec<HeaderName>)]) -> Vec<(Column, Vec<usize>)> {
    let place_of = |name: &HeaderName| match name {
        HeaderName::Place(place) => (*place < paths.len()).then_some(*place),
        HeaderName::Text(text) => {
            let key = marked(text);
            let is_whole = |path: &Vec<&str>| marked(&path.join(" ")) == key;
            let is_last = |path: &Vec<&str>| path.last().is_some_and(|last| marked(last) == key);
            paths
                .iter()
                .position(is_whole)
                .or_else(|| paths.iter().position(is_last))
        }
    };
    let columns = wanted.iter().filter_map(|(column, names)| {
        let places: Option<Vec<usize>> = names.iter().map(place_of).collect();
        places.map(|places| (*column, places))
    });
    columns.collect()
}

#[cfg(test)]
mod tests;
