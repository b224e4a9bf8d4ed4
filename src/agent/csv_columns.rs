//! The columns of a CSV of child records, under the dictionary's English names.

use uuid::Uuid;

use crate::domain::draft::{
    CarerDraft, ChildDraft, CodeDraft, DateDraft, HouseholdDraft, PrecisionDraft, UnitDraft,
};
use crate::domain::personal_number;

/// Names record ids that are no UUIDs: version 5 under this namespace, of unit and text.
pub const RECORD_NAMESPACE: Uuid = Uuid::from_u128(0x6f0d_7ec1_93b2_4d86_9a55_2c1e_7f30_b8d4);

/// Columns that must be there.
pub const REQUIRED: [Column; 5] = [
    Column::RecordId,
    Column::UnitCode,
    Column::FullName,
    Column::Sex,
    Column::BirthDate,
];

/// Declares the columns with their names.
macro_rules! columns {
    ($($(#[$doc:meta])* $column:ident = $name:literal),* $(,)?) => {
        /// A column that is understood.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Column { $($(#[$doc])* $column),* }

        impl Column {
            /// Every column, in the order in which files are written.
            pub const ALL: &[Self] = &[$(Self::$column),*];

            /// Its name in the header.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$column => $name),* }
            }
        }
    };
}

columns! {
    /// Name of the record within its node: a UUID, or any text that stays the same.
    RecordId = "record_id",
    /// Version; the file's time of change unless given.
    Version = "version",
    /// List that the unit's code is from.
    Scheme = "scheme",
    /// Code of the commune.
    UnitCode = "unit_code",
    /// Full name.
    FullName = "full_name",
    /// 1, 2, 3, 0 or Nam, Nữ, male, female.
    Sex = "sex",
    /// YYYY-MM-DD, DD/MM/YYYY, MM/YYYY or YYYY.
    BirthDate = "birth_date",
    /// Personal number.
    Pin = "pin",
    /// Code of the list of 1979.
    Ethnicity = "ethnicity",
    /// Name of the mother.
    MotherName = "mother_name",
    /// Name of the father.
    FatherName = "father_name",
    /// Telephone number of the family.
    Phone = "phone",
    /// Village.
    Village = "village",
    /// Number of the household.
    HouseholdNumber = "household_no",
    /// Code of the list `record_status`; active unless given.
    Status = "status",
    /// Since when the status holds.
    StatusSince = "status_since",
    /// When the data were collected.
    CollectedOn = "collected_on",
    /// Nationality.
    Nationality = "nationality",
    /// Code of the list `household_poverty`.
    Poverty = "household_poverty",
    /// Year of the poverty list.
    PovertyYear = "poverty_year",
    /// Number of the health insurance card.
    InsuranceNumber = "insurance_number",
    /// The truth in labelled files; never read.
    EntityId = "entity_id",
}

impl Column {
    /// The column of a header cell; case and spaces around it do not matter.
    pub fn of_header(cell: &str) -> Option<Self> {
        let cell = cell.trim().to_lowercase();
        Self::ALL
            .iter()
            .copied()
            .find(|column| column.name() == cell)
    }
}

/// What was mended in a cell, or why it cannot be read; never what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellNote {
    /// A spreadsheet ate leading zeros, which were put back.
    ZerosRestored,
    /// Spaces or look-alike letters were taken out of a number.
    NumberCleaned,
    /// The cell cannot be read: what to write.
    Unreadable(&'static str),
}

/// A row under construction.
pub(super) struct RowDraft {
    pub(super) record_id: String,
    pub(super) version: Option<u64>,
    pub(super) draft: ChildDraft,
}

impl RowDraft {
    /// An empty row of a file whose units are of this scheme.
    pub(super) fn new(scheme: &str) -> Self {
        let unit = UnitDraft {
            scheme: scheme.to_owned(),
            code: String::new(),
        };
        let draft = ChildDraft {
            commune: Some(unit),
            status: 1,
            ..ChildDraft::default()
        };
        Self {
            record_id: String::new(),
            version: None,
            draft,
        }
    }

    /// Takes in one cell. An empty one says nothing: what must be filled, the hub names.
    pub(super) fn set(&mut self, column: Column, cell: &str) -> Option<CellNote> {
        if cell.is_empty() {
            return None;
        }
        let draft = &mut self.draft;
        let unreadable = CellNote::Unreadable;
        match column {
            Column::EntityId => {}
            Column::RecordId => cell.clone_into(&mut self.record_id),
            Column::Version => match cell.parse() {
                Ok(version) => self.version = Some(version),
                Err(_) => return Some(unreadable("write a whole number from 1")),
            },
            Column::Scheme => cell.clone_into(&mut draft.commune.get_or_insert_default().scheme),
            Column::UnitCode => return self.set_unit_code(cell),
            Column::FullName => cell.clone_into(&mut draft.full_name),
            Column::Sex => match read_sex(cell) {
                Some(sex) => draft.sex = sex,
                None => return Some(unreadable("write 1 (Nam), 2 (Nữ), 3 or 0")),
            },
            Column::BirthDate => return set_date(&mut draft.birth_date, cell),
            Column::StatusSince => return set_date(&mut draft.status_since, cell),
            Column::CollectedOn => return set_date(&mut draft.collected_on, cell),
            Column::Pin => return self.set_personal_number(cell),
            Column::Ethnicity => return self.set_ethnicity(cell),
            Column::MotherName => set_carer(draft, "02", cell),
            Column::FatherName => set_carer(draft, "01", cell),
            Column::Phone => return self.set_phone(cell),
            Column::Village => cell.clone_into(&mut draft.village),
            Column::HouseholdNumber => cell.clone_into(&mut self.household().number),
            Column::Poverty => cell.clone_into(&mut self.household().poverty_code),
            Column::PovertyYear => match cell.parse() {
                Ok(year) => self.household().poverty_year = year,
                Err(_) => return Some(unreadable("write a year of four digits")),
            },
            Column::Status => match cell.parse() {
                Ok(status) => draft.status = status,
                Err(_) => return Some(unreadable("write a code of the list")),
            },
            Column::Nationality => cell.clone_into(&mut draft.nationality),
            Column::InsuranceNumber => {
                cell.clone_into(&mut draft.insurance.get_or_insert_default().number);
            }
        }
        None
    }

    fn household(&mut self) -> &mut HouseholdDraft {
        self.draft.household.get_or_insert_default()
    }

    fn set_unit_code(&mut self, cell: &str) -> Option<CellNote> {
        let ate_zeros = cell.len() < 5 && cell.bytes().all(|byte| byte.is_ascii_digit());
        self.draft.commune.get_or_insert_default().code = format!("{cell:0>5}");
        ate_zeros.then_some(CellNote::ZerosRestored)
    }

    fn set_ethnicity(&mut self, cell: &str) -> Option<CellNote> {
        let ate_zero = cell.len() == 1;
        let code = if ate_zero {
            format!("0{cell}")
        } else {
            cell.to_owned()
        };
        self.draft.ethnicity = Some(CodeDraft {
            list_version: "1979".to_owned(),
            code,
        });
        ate_zero.then_some(CellNote::ZerosRestored)
    }

    fn set_personal_number(&mut self, cell: &str) -> Option<CellNote> {
        let repaired = personal_number::repair(cell);
        let note = repaired.as_ref().map(|repaired| {
            let only_zeros = repaired.trim_start_matches('0') == cell;
            if only_zeros {
                CellNote::ZerosRestored
            } else {
                CellNote::NumberCleaned
            }
        });
        self.draft.personal_number = repaired.unwrap_or_else(|| cell.to_owned());
        note
    }

    /// The family's number goes to the first carer that is named, the mother before the father.
    fn set_phone(&mut self, cell: &str) -> Option<CellNote> {
        let ate_zero = cell.len() == 9 && cell.bytes().all(|byte| byte.is_ascii_digit());
        let phone = if ate_zero {
            format!("0{cell}")
        } else {
            cell.to_owned()
        };
        let carers = &mut self.draft.carers;
        if carers.is_empty() {
            carers.push(CarerDraft {
                relation_code: "99".to_owned(),
                ..CarerDraft::default()
            });
        }
        if let Some(carer) = carers
            .iter_mut()
            .min_by_key(|carer| carer.relation_code != "02")
        {
            carer.phone = phone;
        }
        ate_zero.then_some(CellNote::ZerosRestored)
    }
}

fn set_carer(draft: &mut ChildDraft, relation: &str, name: &str) {
    let relation_code = relation.to_owned();
    let name = name.to_owned();
    draft.carers.push(CarerDraft {
        relation_code,
        name,
        ..CarerDraft::default()
    });
}

fn read_sex(cell: &str) -> Option<i32> {
    match cell.to_lowercase().as_str() {
        "1" | "nam" | "male" | "m" => Some(1),
        "2" | "nữ" | "nu" | "female" | "f" => Some(2),
        "3" => Some(3),
        "0" => Some(4),
        _ => None,
    }
}

fn set_date(field: &mut Option<DateDraft>, cell: &str) -> Option<CellNote> {
    *field = read_date(cell);
    let advice = "write YYYY-MM-DD, DD/MM/YYYY, MM/YYYY or YYYY";
    field.is_none().then_some(CellNote::Unreadable(advice))
}

fn read_date(cell: &str) -> Option<DateDraft> {
    let number = |text: &str| text.parse::<u32>().ok();
    let parts: Vec<&str> = cell.split(['-', '/', '.']).collect();
    match parts.as_slice() {
        [year] if year.len() == 4 => {
            let precision = PrecisionDraft::Year;
            Some(DateDraft {
                year: number(year)?,
                precision,
                ..DateDraft::default()
            })
        }
        [year, month] if year.len() == 4 => Some(month_date(number(year)?, number(month)?)),
        [month, year] if year.len() == 4 => Some(month_date(number(year)?, number(month)?)),
        [year, month, day] if year.len() == 4 => {
            Some(DateDraft::day(number(year)?, number(month)?, number(day)?))
        }
        [day, month, year] if year.len() == 4 => {
            Some(DateDraft::day(number(year)?, number(month)?, number(day)?))
        }
        _ => None,
    }
}

fn month_date(year: u32, month: u32) -> DateDraft {
    DateDraft {
        year,
        month,
        day: 0,
        precision: PrecisionDraft::Month,
    }
}

/// The UUID of a record: the text itself if it is one, otherwise made from unit and text.
pub(super) fn record_uuid(unit_code: &str, text: &str) -> Uuid {
    Uuid::try_parse(text).unwrap_or_else(|_| {
        Uuid::new_v5(&RECORD_NAMESPACE, format!("{unit_code}\n{text}").as_bytes())
    })
}
