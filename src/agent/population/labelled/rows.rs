//! Finished rows, held close together until all are there and can be put in a random order.

use std::io::Write;

use csv::Writer;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// Columns of the file.
pub const COLUMNS: [&str; 16] = [
    "record_id",
    "unit_code",
    "full_name",
    "sex",
    "birth_date",
    "pin",
    "mother_name",
    "father_name",
    "phone",
    "village",
    "household_no",
    "ethnicity",
    "birth_order",
    "birth_certificate",
    "insurance_number",
    "entity_id",
];

/// Ends a cell; no cell holds it, because no charset of ours shows anything as it.
const CELL_END: char = '\u{1f}';

/// Cells of a row; which child it is comes last, and the name of the record is given when it is written.
pub(super) type Cells = [String; COLUMNS.len() - 1];

/// All rows of a population: about 150 bytes each.
#[derive(Default)]
pub struct LabelledRows {
    text: String,
    ends: Vec<usize>,
    children: u64,
    registered_again: u64,
}

impl LabelledRows {
    /// Rows.
    pub const fn records(&self) -> usize {
        self.ends.len()
    }

    /// Different children.
    pub const fn children(&self) -> u64 {
        self.children
    }

    /// Children with more than one row.
    pub const fn registered_again(&self) -> u64 {
        self.registered_again
    }

    /// Takes the rows of one child.
    pub(super) fn push_child(&mut self, rows: &[Cells]) {
        self.children += 1;
        self.registered_again += u64::from(rows.len() > 1);
        for cells in rows {
            for cell in cells {
                self.text.push_str(cell);
                self.text.push(CELL_END);
            }
            self.ends.push(self.text.len());
        }
    }

    /// Writes the rows in a random order, so that rows of one child do not stand together. Tells
    /// after each how many are written.
    pub fn write(
        &self,
        target: impl Write,
        chance: &mut StdRng,
        mut written: impl FnMut(usize),
    ) -> Result<(), csv::Error> {
        let mut order: Vec<usize> = (0..self.ends.len()).collect();
        order.shuffle(chance);
        let mut writer = Writer::from_writer(target);
        writer.write_record(COLUMNS)?;
        for (number, row) in (1_usize..).zip(order) {
            let name = format!("R{number:08}");
            let cells = self.row(row).split_terminator(CELL_END);
            writer.write_record(std::iter::once(name.as_str()).chain(cells))?;
            written(number);
        }
        Ok(writer.flush()?)
    }

    fn row(&self, row: usize) -> &str {
        let end = |row: usize| self.ends.get(row).copied().unwrap_or_default();
        let start = row.checked_sub(1).map_or(0, end);
        self.text.get(start..end(row)).unwrap_or_default()
    }
}
