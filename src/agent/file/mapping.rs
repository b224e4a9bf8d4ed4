//! How the columns of one program's files are to be read: a TOML file beside them.

mod suggestion;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::str::FromStr;
use std::{fs, io};

use serde::Deserialize;

use super::column::Column;
use super::dates::DateOrder;
use super::encoding::Encoding;
use super::table::COLUMNS_MAX;
use super::text_key::marked;
use crate::domain::unit::{AdminScheme, UnitReference};

pub use suggestion::suggest;

/// Bytes of a mapping file at most.
pub const MAPPING_BYTES_MAX: u64 = 256 * 1024;

/// A mapping that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct MappingError {
    /// The key that is wrong.
    pub key: String,
    /// What is wrong and what to do.
    pub problem: String,
}

/// How a file is read. What it does not say is found out.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// The encoding.
    pub encoding: Option<Encoding>,
    /// The separator of delimited text.
    pub separator: Option<u8>,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
    /// Number of the first row of the header.
    pub header_row: Option<u64>,
    /// The list that codes of communes are from.
    pub scheme: Option<AdminScheme>,
    /// The unit of rows that name none, and the one in which names of communes are looked up.
    pub unit: Option<UnitReference>,
    /// What comes first in 02/04/2018.
    pub date_order: Option<DateOrder>,
    /// The list that codes of ethnicity are from.
    pub ethnicity_list: Option<String>,
    /// Columns with their headers; without them the usual names are looked for.
    pub(super) columns: Option<Vec<(Column, Vec<HeaderName>)>>,
    /// What words of the file mean, by their text as it is compared.
    pub(super) codes: HashMap<Column, HashMap<String, String>>,
    /// Columns that together name a record where there are no record ids.
    pub(super) key: Vec<Column>,
}

/// A column of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeaderName {
    /// By its header.
    Text(String),
    /// By its place, from 0: "column C" is 2.
    Place(usize),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MappingFile {
    file: FileSection,
    columns: Option<BTreeMap<String, Headers>>,
    codes: BTreeMap<String, BTreeMap<String, String>>,
    key: KeySection,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileSection {
    encoding: Option<String>,
    separator: Option<String>,
    sheet: Option<String>,
    header_row: Option<u64>,
    scheme: Option<String>,
    unit: Option<String>,
    date_order: Option<String>,
    ethnicity_list: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct KeySection {
    columns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Headers {
    One(String),
    Several(Vec<String>),
}

/// Reads a mapping file.
pub fn read_mapping(path: &Path) -> io::Result<Result<Mapping, MappingError>> {
    if fs::metadata(path)?.len() > MAPPING_BYTES_MAX {
        return Ok(Err(wrong("the file", "may have 256 KiB".to_owned())));
    }
    let text = fs::read(path)?;
    Ok(match String::from_utf8(text) {
        Ok(text) => text.parse(),
        Err(_) => Err(wrong("the file", "must be UTF-8: save it again".to_owned())),
    })
}

impl FromStr for Mapping {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            wrong("the file", format!("is not TOML: {}", error.message()))
        })?;
        let file: MappingFile = serde_path_to_error::deserialize(toml::Value::Table(table))
            .map_err(|error| {
                let key = error.path().to_string();
                wrong(&key, error.into_inner().message().to_owned())
            })?;
        Self::read(file)
    }
}

impl Mapping {
    fn read(file: MappingFile) -> Result<Self, MappingError> {
        let FileSection {
            encoding,
            separator,
            sheet,
            header_row,
            scheme,
            unit,
            date_order,
            ethnicity_list,
        } = file.file;
        let lists = ["1979", "census2009"];
        if ethnicity_list
            .as_deref()
            .is_some_and(|list| !lists.contains(&list))
        {
            return Err(wrong(
                "file.ethnicity_list",
                format!("choose one of {}", lists.join(", ")),
            ));
        }
        let separator = separator
            .map(|text| read_separator(&text).map_err(|problem| wrong("file.separator", problem)));
        Ok(Self {
            encoding: parsed("file.encoding", encoding)?,
            separator: separator.transpose()?,
            sheet,
            header_row,
            scheme: parsed("file.scheme", scheme)?,
            unit: parsed("file.unit", unit)?,
            date_order: parsed("file.date_order", date_order)?,
            ethnicity_list,
            columns: file.columns.map(read_columns).transpose()?,
            codes: read_codes(file.codes)?,
            key: read_key(&file.key.columns)?,
        })
    }

    /// What a word of the file means, if the mapping says so.
    pub(super) fn meaning(&self, column: Column, text: &str) -> Option<&str> {
        let words = self.codes.get(&column)?;
        words.get(&marked(text)).map(String::as_str)
    }
}

fn wrong(key: &str, problem: impl Into<String>) -> MappingError {
    MappingError {
        key: key.to_owned(),
        problem: problem.into(),
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(
    key: &str,
    text: Option<String>,
) -> Result<Option<T>, MappingError> {
    text.map(|text| {
        text.parse()
            .map_err(|error: T::Err| wrong(key, error.to_string()))
    })
    .transpose()
}

/// One ASCII sign, or the word `tab`.
pub fn read_separator(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        _ if text.eq_ignore_ascii_case("tab") || text == "\\t" => Ok(b'\t'),
        [sign]
            if !sign.is_ascii_alphanumeric() && !matches!(sign, b'"' | b'\r' | b'\n' | b'\0') =>
        {
            Ok(*sign)
        }
        _ => Err("write one sign such as ; or the word tab".to_owned()),
    }
}

fn column_of(section: &str, name: &str) -> Result<Column, MappingError> {
    let column = Column::of_name(name).filter(|column| !column.is_left_out());
    column.ok_or_else(|| {
        let names = Column::ALL
            .iter()
            .filter(|column| !column.is_left_out())
            .map(|column| column.name());
        let names: Vec<&str> = names.collect();
        wrong(
            &format!("{section}.{name}"),
            format!("is no column; these are: {}", names.join(", ")),
        )
    })
}

fn read_columns(
    columns: BTreeMap<String, Headers>,
) -> Result<Vec<(Column, Vec<HeaderName>)>, MappingError> {
    let read = columns.into_iter().map(|(name, headers)| {
        let column = column_of("columns", &name)?;
        let headers = match headers {
            Headers::One(header) => vec![header],
            Headers::Several(headers) => headers,
        };
        let key = format!("columns.{name}");
        if headers.is_empty() || headers.iter().any(|header| header.trim().is_empty()) {
            return Err(wrong(
                &key,
                "name a header of the file, or leave the line out",
            ));
        }
        if headers.len() > 1 && !column.is_text() {
            return Err(wrong(
                &key,
                "only texts such as names and addresses can be put together of several columns",
            ));
        }
        let names: Result<Vec<HeaderName>, MappingError> = headers
            .iter()
            .map(|header| read_header(&key, header))
            .collect();
        Ok((column, names?))
    });
    read.collect()
}

/// A header, or `column C`.
fn read_header(key: &str, header: &str) -> Result<HeaderName, MappingError> {
    let Some(letters) = header
        .strip_prefix("column ")
        .filter(|letters| letters.bytes().all(|letter| letter.is_ascii_uppercase()))
    else {
        return Ok(HeaderName::Text(header.to_owned()));
    };
    let place = letters.bytes().try_fold(0_usize, |place, letter| {
        place
            .checked_mul(26)?
            .checked_add(usize::from(letter - b'A') + 1)
    });
    match place {
        Some(place @ 1..=COLUMNS_MAX) => Ok(HeaderName::Place(place - 1)),
        Some(_) | None => Err(wrong(
            key,
            format!("only the first {COLUMNS_MAX} columns are read"),
        )),
    }
}

fn read_codes(
    codes: BTreeMap<String, BTreeMap<String, String>>,
) -> Result<HashMap<Column, HashMap<String, String>>, MappingError> {
    let read = codes.into_iter().map(|(name, words)| {
        let column = column_of("codes", &name)?;
        let words = words.into_iter().map(|(word, code)| (marked(&word), code));
        Ok((column, words.collect()))
    });
    read.collect()
}

fn read_key(names: &[String]) -> Result<Vec<Column>, MappingError> {
    let columns: Vec<Column> = names
        .iter()
        .map(|name| column_of("key", name))
        .collect::<Result<_, _>>()?;
    // Without a name or a number the key would be that of a whole family, or of a village.
    let tells_children_apart = |column: &Column| {
        matches!(
            column,
            Column::FullName
                | Column::GivenName
                | Column::Pin
                | Column::InsuranceNumber
                | Column::BirthCertificate
        )
    };
    if !columns.is_empty() && !columns.iter().any(tells_children_apart) {
        return Err(wrong(
            "key.columns",
            "must have a name or a number of the child, or one key would be many children's",
        ));
    }
    Ok(columns)
}

#[cfg(test)]
mod tests;
