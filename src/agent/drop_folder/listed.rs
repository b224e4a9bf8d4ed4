//! Files of records as programs write them: the JSON of `POST /v1/records`, children and case reports, of
//! any number.

use bytes::Bytes;

use super::report::FileReport;
use super::{DropError, DropFolder};
use crate::agent::http::records::{KindedChange, read_list};
use crate::agent::intake::INTAKE_CHANGES_MAX;

impl DropFolder {
    /// Keeps the records of a file that was read whole. A bad entry stops no other.
    pub(super) async fn keep_listed(
        &self,
        bytes: Vec<u8>,
        report: &mut FileReport,
    ) -> Result<(), DropError> {
        let parsing = tokio::task::spawn_blocking(move || read_list(&Bytes::from(bytes)));
        let listed = match parsing.await.map_err(|_| DropError::BrokenOff)? {
            Ok(listed) => listed,
            Err(problem) => {
                report.unreadable_list(&problem);
                return Ok(());
            }
        };
        let mut waiting: Vec<(u64, KindedChange)> = Vec::with_capacity(INTAKE_CHANGES_MAX);
        for (number, entry) in (1..).zip(listed) {
            match entry {
                Ok(change) => waiting.push((number, change)),
                Err(problem) => report.refused_entry(number, &problem),
            }
            if waiting.len() == INTAKE_CHANGES_MAX {
                self.keep_entries(&mut waiting, report).await?;
            }
        }
        self.keep_entries(&mut waiting, report).await
    }

    async fn keep_entries(
        &self,
        waiting: &mut Vec<(u64, KindedChange)>,
        report: &mut FileReport,
    ) -> Result<(), DropError> {
        let (numbers, changes): (Vec<u64>, Vec<KindedChange>) = waiting.drain(..).unzip();
        let changes = changes.into_iter().map(|(_, change)| change);
        let kept = self.intake.keep(changes.collect()).await?;
        for (number, kept) in numbers.into_iter().zip(kept) {
            report.row(number, &kept);
        }
        Ok(())
    }
}
