//! The drop folder: files of records that a program or a person leaves there are taken in and put away.
//!
//! A file is taken when it looked the same twice, so that one that is still being written is left alone;
//! a program that writes for longer than that gives the file its name when it is whole. A file that was
//! read and not put away, because the machine was switched off between, is read again: what is the same is
//! not kept twice.

mod dropped;
mod listed;
mod report;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::file::mapping::Mapping;
use super::file::{FileError, FileOptions, FileRecord, FileRow, RecordFile};
use super::intake::{INTAKE_CHANGES_MAX, Intake, LocalChange};
use super::settle::Kept;
use crate::domain::record::RecordKind;
use crate::domain::unit::AdminScheme;
use crate::grpc::convert::write_child;
use crate::security::directory::{DirectoryError, make_private_folder};
use crate::sync::ingest::{IncomingBody, IngestError};
use dropped::{Form, Look, look, looks, own_mapping, put_away};
use report::FileReport;

pub use dropped::{DROPPED_BYTES_MAX, DROPPED_TEXT_BYTES_MAX};

/// Time between two looks at the folder.
const LOOK_MILLISECONDS: u64 = 1_000;

/// Watches one folder.
pub struct DropFolder {
    /// The folder.
    folder: PathBuf,
    /// The list that unit codes are from where a file does not say.
    scheme: AdminScheme,
    /// How files are read that have no mapping of their own.
    mapping: Mapping,
    /// Where the rows go.
    intake: Intake,
    /// What files looked like when they were last looked at.
    seen: HashMap<PathBuf, Look>,
}

/// Why a file was left where it is.
#[derive(Debug, thiserror::Error)]
enum DropError {
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error("a file cannot be read or put away: {0}")]
    File(#[from] io::Error),
    #[error("the file changed while it was read")]
    Changed,
    #[error("reading the file was broken off")]
    BrokenOff,
}

impl DropFolder {
    /// Makes a folder to watch where it is absent, with `done` and `rejected` in it.
    pub fn make(folder: &Path) -> Result<(), DirectoryError> {
        for made in [
            folder.to_owned(),
            folder.join("done"),
            folder.join("rejected"),
        ] {
            make_private_folder(&made)?;
        }
        Ok(())
    }

    /// Watches a folder that was made.
    pub fn new(folder: &Path, scheme: AdminScheme, mapping: Mapping, intake: Intake) -> Self {
        Self {
            folder: folder.to_owned(),
            scheme,
            mapping,
            intake,
            seen: HashMap::new(),
        }
    }

    /// Takes files in until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let pause = Duration::from_millis(LOOK_MILLISECONDS);
        while stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_some()
        {
            for path in self.whole_files() {
                // The name of a file may be somebody's: it is not logged.
                match stop.run_until_cancelled(self.take(&path)).await {
                    None => return,
                    Some(Ok(())) => tracing::info!("A file was taken in and put away"),
                    Some(Err(error)) => {
                        tracing::warn!(error = %error, "A file stays in the drop folder");
                        break;
                    }
                }
            }
        }
    }

    /// The files that look as they did at the last look, in the order of their names.
    fn whole_files(&mut self) -> Vec<PathBuf> {
        let now = match looks(&self.folder) {
            Ok(now) => now,
            Err(error) => {
                tracing::warn!(error = %error, "The drop folder cannot be read");
                return Vec::new();
            }
        };
        let same = |(path, look): &(&PathBuf, &Look)| self.seen.get(*path) == Some(*look);
        let mut whole: Vec<PathBuf> = now
            .iter()
            .filter(same)
            .map(|(path, _)| path.clone())
            .collect();
        whole.sort_unstable();
        self.seen = now;
        whole
    }

    async fn take(&self, path: &Path) -> Result<(), DropError> {
        let before = look(path)?;
        let mut report = FileReport::default();
        let form = Form::of(path);
        if before.bytes > form.bytes_max() {
            report.too_large(form.bytes_max());
        } else {
            match form {
                Form::Listed => {
                    let bytes = tokio::fs::read(path).await?;
                    self.keep_listed(bytes, &mut report).await?;
                }
                Form::Text | Form::Workbook => self.keep_file(path, &mut report).await?,
            }
        }
        if look(path)? != before {
            return Err(DropError::Changed);
        }
        put_away(&self.folder, path, &report)?;
        Ok(())
    }

    async fn keep_file(&self, path: &Path, report: &mut FileReport) -> Result<(), DropError> {
        let mapping = match own_mapping(path)? {
            Ok(mapping) => mapping.unwrap_or_else(|| self.mapping.clone()),
            Err(problem) => {
                report.unreadable_mapping(&problem);
                return Ok(());
            }
        };
        match self.open_rows(path, mapping).await? {
            Ok(file) => {
                report.left_out(&file.facts().left_out);
                self.keep_rows(&file, report).await
            }
            Err(error) => {
                report.unreadable(&error);
                Ok(())
            }
        }
    }

    /// Reads a file whole, away from the threads that answer programs: it may take seconds.
    async fn open_rows(
        &self,
        path: &Path,
        mapping: Mapping,
    ) -> Result<Result<RecordFile, FileError>, DropError> {
        let options = FileOptions {
            mapping,
            scheme: self.scheme,
            version: RECORDS_ARE_NUMBERED_LATER,
            today: self.intake.examiner.clock.now().date(),
        };
        let path = path.to_owned();
        let reading = tokio::task::spawn_blocking(move || {
            let bytes = fs::read(path)?;
            Ok(RecordFile::read(&bytes, &options))
        });
        reading.await.map_err(|_| DropError::BrokenOff)?
    }

    async fn keep_rows(&self, file: &RecordFile, report: &mut FileReport) -> Result<(), DropError> {
        let mut records = Vec::with_capacity(INTAKE_CHANGES_MAX);
        for row in file.rows() {
            match row {
                FileRow::Record(record) => records.push(*record),
                FileRow::Refused { row, found, .. } => report.refused_row(row, &found),
                FileRow::Skipped { row, finding } => report.skipped_row(row, finding),
            }
            if records.len() == INTAKE_CHANGES_MAX {
                self.keep_records(&mut records, report).await?;
            }
        }
        self.keep_records(&mut records, report).await
    }

    async fn keep_records(
        &self,
        records: &mut Vec<FileRecord>,
        report: &mut FileReport,
    ) -> Result<(), DropError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::with_capacity(records.len());
        let mut changes = Vec::with_capacity(records.len());
        for record in records.drain(..) {
            report.notes(record.row, &record.found);
            rows.push(record.row);
            changes.push(change(record));
        }
        let kept: Vec<Kept> = self.intake.keep(changes).await?;
        for (row, kept) in rows.into_iter().zip(kept) {
            report.row(row, &kept);
        }
        Ok(())
    }
}

/// What rows without a version are read under: the agent gives them theirs when it knows what it holds.
const RECORDS_ARE_NUMBERED_LATER: u64 = 1;

fn change(record: FileRecord) -> LocalChange {
    LocalChange {
        record_id: record.record_id.to_string(),
        version: record.has_version.then_some(record.version),
        body: IncomingBody::Content(RecordKind::Child, write_child(record.draft).into()),
        different_from: Vec::new(),
    }
}
