//! What lies in the drop folder: which files there are, what each is, and where it is put away.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use super::report::FileReport;
use crate::agent::file::mapping::{Mapping, MappingError, read_mapping};

/// Files that are looked at in one look.
const FILES_MAX: usize = 1_000;
/// Bytes of a dropped CSV at most. It is read whole, and needs about four times its size while it is read.
pub const DROPPED_TEXT_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Bytes of a dropped workbook or JSON file at most: what is packed or has names beside every value needs
/// many times its size.
pub const DROPPED_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Files of one name that are put away side by side.
const NAMESAKES_MAX: u32 = 10_000;

/// What a file looks like from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) bytes: u64,
    changed_at: Option<SystemTime>,
}

/// What a dropped file is, by the end of its name.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Text,
    Workbook,
    Listed,
}

impl Form {
    pub(super) fn of(path: &Path) -> Self {
        let ending = path.extension().and_then(|ending| ending.to_str());
        match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("json") => Self::Listed,
            Some("xlsx" | "xlsm" | "xls") => Self::Workbook,
            Some(_) | None => Self::Text,
        }
    }

    pub(super) const fn bytes_max(self) -> u64 {
        match self {
            Self::Text => DROPPED_TEXT_BYTES_MAX,
            Self::Workbook | Self::Listed => DROPPED_BYTES_MAX,
        }
    }
}

/// Where the mapping of a file stands: beside it, with `.toml` behind its whole name.
fn mapping_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".toml");
    name.into()
}

/// The mapping that somebody left beside a file; it stays for the next file of this name.
pub(super) fn own_mapping(path: &Path) -> io::Result<Result<Option<Mapping>, MappingError>> {
    match read_mapping(&mapping_beside(path)) {
        Ok(mapping) => Ok(mapping.map(Some)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ok(None)),
        Err(error) => Err(error),
    }
}

/// What the files of a folder look like. Those whose names begin with a dot, or end as half-written files
/// do, are somebody's work in progress; mappings are no files of records.
pub(super) fn looks(folder: &Path) -> io::Result<HashMap<PathBuf, Look>> {
    let mut looks = HashMap::new();
    for entry in fs::read_dir(folder)?.take(FILES_MAX) {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let is_hidden = name.is_none_or(|name| name.starts_with(['.', '~']));
        let ending = path.extension().and_then(|ending| ending.to_str());
        let is_partial = matches!(ending, Some("part" | "tmp" | "crdownload"));
        let is_mapping = ending == Some("toml");
        if is_hidden || is_partial || is_mapping || !path.is_file() {
            continue;
        }
        // A file that is gone by now is no file.
        if let Ok(look) = look(&path) {
            looks.insert(path, look);
        }
    }
    Ok(looks)
}

pub(super) fn look(path: &Path) -> io::Result<Look> {
    let metadata = fs::metadata(path)?;
    Ok(Look {
        bytes: metadata.len(),
        changed_at: metadata.modified().ok(),
    })
}

/// Writes the report and moves the file beside it, under a name that nobody has there.
pub(super) fn put_away(folder: &Path, path: &Path, report: &FileReport) -> io::Result<()> {
    let target = folder.join(if report.is_clean() {
        "done"
    } else {
        "rejected"
    });
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for number in 1..NAMESAKES_MAX {
        let name = match number {
            1 => name.to_string(),
            _ => format!("{number}-{name}"),
        };
        let (place, said) = (target.join(&name), target.join(format!("{name}.txt")));
        if place.exists() || said.exists() {
            continue;
        }
        fs::write(&said, report.text())?;
        return fs::rename(path, place);
    }
    Err(io::Error::other(
        "too many files of this name were put away",
    ))
}
