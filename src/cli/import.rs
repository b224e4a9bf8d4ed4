//! `childsync import`: pushes a file of child records to a hub.

mod report;
mod sending;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context;
use clap::Args;

use super::operator::{complain, line, progress, say};
use crate::agent::file::encoding::Encoding;
use crate::agent::file::mapping::{self, Mapping, read_separator, suggest};
use crate::agent::file::result::ResultFiles;
use crate::agent::file::{FILE_BYTES_MAX, FileError, FileOptions, RecordFile};
use crate::domain::clock::{Clock, SystemClock};
use crate::domain::unit::{AdminScheme, UnitReference};
use crate::grpc::push_client::PushClient;
use report::Report;
use sending::Sender;

/// Push a file of child records (CSV or Excel .xlsx) to a hub / Gửi tệp hồ sơ trẻ em lên máy chủ
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync import danh-sach.xlsx --dry-run\n  \
    childsync import danh-sach.xlsx --hub https://hub:7443 --identity commune-30742\n  \
    childsync import --suggest-mapping danh-sach.csv\n  \
    childsync import danh-sach.csv --mapping danh-sach.mapping.toml --unit GSO_PRE2025:30742 \\\n    \
    --hub https://hub:7443 --identity commune-30742\n\n\
    Encoding, separator, sheet, header and columns are found out and shown. What became of each row is\n\
    written beside the file, to NAME.result.xlsx and NAME.result.csv, in Vietnamese and English. Rows that\n\
    cannot be taken do not stop the others. Importing the same file again changes nothing. The exit status\n\
    is 0 only if every record was taken.\n\n\
    Bảng mã, dấu phân cách, trang tính, dòng tiêu đề và các cột được tự nhận biết và hiển thị. Kết quả từng\n\
    dòng được ghi cạnh tệp, trong TÊN.result.xlsx và TÊN.result.csv. Dòng sai không cản các dòng khác.\n\
    Nhập lại cùng một tệp không thay đổi gì. Dùng --dry-run để kiểm tra trước khi gửi.")]
pub(super) struct Import {
    /// The file: CSV of any encoding and separator, or .xlsx
    file: PathBuf,
    /// Address of the hub
    #[arg(long, value_name = "https://HOST:PORT", required_unless_present_any = ["dry_run", "suggest_mapping"])]
    hub: Option<String>,
    /// Identity directory: certificate.pem, key.pem, ca.pem
    #[arg(long, value_name = "DIR", required_unless_present_any = ["dry_run", "suggest_mapping"])]
    identity: Option<PathBuf>,
    /// Check the whole file and write the results; send nothing and need no hub
    #[arg(long)]
    dry_run: bool,
    /// Write NAME.mapping.toml from the headers of the file, and end
    #[arg(long, conflicts_with = "dry_run")]
    suggest_mapping: bool,
    /// How columns, codes and dates of the file are read: see deploy/mapping.example.toml
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Encoding: utf-8, utf-16le, utf-16be, windows-1258, windows-1252, tcvn3, vni, viscii
    #[arg(long)]
    encoding: Option<Encoding>,
    /// Separator of a CSV: one sign, or tab
    #[arg(long, value_parser = read_separator)]
    separator: Option<u8>,
    /// Sheet of a workbook
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// Row in which the header begins
    #[arg(long, value_name = "NUMBER")]
    header_row: Option<u64>,
    /// Commune of rows that name none; or the unit in which names of communes are looked up
    #[arg(long, value_name = "SCHEME:CODE")]
    unit: Option<UnitReference>,
    /// List that the codes of communes are from, where neither file nor mapping says so
    #[arg(long, default_value = "GSO_PRE2025", value_parser = read_scheme)]
    scheme: AdminScheme,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn read_scheme(text: &str) -> Result<AdminScheme, String> {
    let known = AdminScheme::ALL.map(AdminScheme::as_str).join(", ");
    text.parse().map_err(|_| format!("choose one of {known}"))
}

impl Import {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        hide_faults();
        let mapping = self.told()?;
        let results = ResultFiles::beside(&self.file, mapping.sheet.as_deref())?;
        let bytes = read_file(&self.file)?;
        if self.suggest_mapping {
            return self.write_suggestion(&bytes, &mapping);
        }
        let today = SystemClock.now().date();
        let version = version_of(&self.file)?;
        let options = FileOptions {
            mapping,
            scheme: self.scheme,
            version,
            today,
        };
        let file =
            RecordFile::read(&bytes, &options).map_err(|error| explain(&self.file, &error))?;
        drop(bytes);
        results.prepare()?;
        let mut report = Report::default();
        let sent = self.send(&file, today, &mut report).await;
        let written = report.write(&results, file.facts());
        report.show(&results, file.facts(), self.json);
        written?;
        sent?;
        anyhow::ensure!(
            report.refused == 0,
            "{} of {} records were not taken: correct them and import the file again / {} hồ sơ cần sửa, xem {}",
            report.refused,
            report.records(),
            report.refused,
            results.xlsx.display()
        );
        Ok(())
    }

    /// What is told about the file: the command line stands above the mapping.
    fn told(&self) -> anyhow::Result<Mapping> {
        let told = self.mapping.as_deref().map(read_mapping).transpose()?;
        let mut mapping = told.unwrap_or_default();
        mapping.encoding = self.encoding.or(mapping.encoding);
        mapping.separator = self.separator.or(mapping.separator);
        mapping.sheet = self.sheet.clone().or(mapping.sheet);
        mapping.header_row = self.header_row.or(mapping.header_row);
        mapping.unit = self.unit.or(mapping.unit);
        Ok(mapping)
    }

    fn write_suggestion(&self, bytes: &[u8], told: &Mapping) -> anyhow::Result<()> {
        let text = suggest(bytes, told).map_err(|error| explain(&self.file, &error))?;
        let path = self.file.with_extension("mapping.toml");
        let mut file = fs::File::create_new(&path).with_context(|| {
            format!(
                "{}: move the mapping that is there away first",
                path.display()
            )
        })?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        say(format_args!(
            "{}: correct it and import with --mapping / sửa tệp này rồi nhập bằng --mapping",
            path.display()
        ));
        Ok(())
    }

    async fn send(
        &self,
        file: &RecordFile,
        today: time::Date,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let client = match (&self.hub, &self.identity) {
            (Some(hub), Some(identity)) if !self.dry_run => {
                Some(PushClient::new(line(hub, identity)?))
            }
            _ => None,
        };
        let bar = progress("Importing", file.facts().rows);
        let mut sender = Sender::new(client, today);
        for row in file.rows() {
            bar.inc(1);
            sender.take(row, report).await;
        }
        let sent = sender.finish(report).await;
        bar.finish_and_clear();
        sent
    }
}

/// Lets a fault of a library show where it is and nothing of the file that it was reading.
pub(super) fn hide_faults() {
    std::panic::set_hook(Box::new(show_place));
}

/// Shows where a fault is and not what was said of it: a library may repeat a text of the file.
fn show_place(fault: &std::panic::PanicHookInfo<'_>) {
    let place = fault
        .location()
        .map_or_else(String::new, ToString::to_string);
    complain(&anyhow::anyhow!(
        "a fault at {place}: please tell whoever made this program"
    ));
}

/// A file whole, if it is not too large.
pub(super) fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let name = || path.display().to_string();
    if fs::metadata(path).with_context(name)?.len() > FILE_BYTES_MAX {
        return Err(explain(path, &FileError::TooLarge));
    }
    fs::read(path).with_context(name)
}

/// What is wrong with a file, in both languages.
pub(super) fn explain(path: &Path, error: &FileError) -> anyhow::Error {
    anyhow::anyhow!("{}: {error} / {}", path.display(), error.vietnamese())
}

/// A mapping, if it is not too large.
pub(super) fn read_mapping(path: &Path) -> anyhow::Result<Mapping> {
    let name = || path.display().to_string();
    mapping::read_mapping(path)
        .with_context(name)?
        .with_context(name)
}

/// Rows without a version get the file's time of change, in seconds: it rises when the file is edited
/// and stays when the same file is imported again.
pub(super) fn version_of(path: &Path) -> anyhow::Result<u64> {
    let metadata = fs::metadata(path).with_context(|| path.display().to_string())?;
    let age = metadata
        .modified()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::from_secs(1));
    Ok(age.as_secs().max(1))
}
