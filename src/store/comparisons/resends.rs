//! Golden records that a comparison asks to send again.

use sqlx::{query_as, query_scalar};
use uuid::Uuid;

use crate::domain::golden::GoldenId;
use crate::domain::record::{RecordKind, Version};
use crate::store::bulk::Column;
use crate::store::submissions::{expect_rows, read_version};
use crate::store::{StoreError, Transaction, on_conn, sql};

/// A golden record that is to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resend {
    /// Its identity.
    pub golden_id: GoldenId,
    /// Its kind.
    pub kind: RecordKind,
    /// The version above which it is to be; 0 where any will do.
    pub above: i64,
}

/// A version of a golden record with its sealed content, which is empty unless the record is live.
#[derive(Clone, Debug)]
pub struct GoldenContent {
    /// Its identity.
    pub golden_id: GoldenId,
    /// The version that the content is sealed for.
    pub version: Version,
    /// The content.
    pub content: Vec<u8>,
}

impl Transaction {
    /// Asks the reconciler to have golden records sent again.
    pub async fn put_resends(&mut self, resends: &[Resend]) -> Result<(), StoreError> {
        let rows = resends.iter();
        let columns = vec![
            Column::Uuid(rows.clone().map(|row| row.golden_id.as_uuid()).collect()),
            Column::Short(rows.clone().map(|row| row.kind.code()).collect()),
            Column::Long(rows.map(|row| row.above).collect()),
        ];
        self.execute_bulk(&sql::comparisons::PUT_RESENDS, columns)
            .await?;
        Ok(())
    }

    /// Golden records that are to be sent again, at most `limit`.
    pub async fn read_resends(&mut self, limit: i64) -> Result<Vec<Resend>, StoreError> {
        let rows: Vec<(Uuid, i16, i64)> = on_conn!(self, |conn| {
            query_as(sql::comparisons::READ_RESENDS)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter()
            .map(|(id, kind, above)| {
                let kind = RecordKind::from_code(kind).ok_or(StoreError::Corrupt {
                    table: "resend",
                    column: "kind",
                })?;
                Ok(Resend {
                    golden_id: GoldenId::new(id),
                    kind,
                    above,
                })
            })
            .collect()
    }

    /// Forgets what was dealt with; a record that was asked for once more since stays.
    pub async fn delete_resends(&mut self, done: &[Resend]) -> Result<(), StoreError> {
        let columns = vec![
            Column::Uuid(done.iter().map(|row| row.golden_id.as_uuid()).collect()),
            Column::Long(done.iter().map(|row| row.above).collect()),
        ];
        self.execute_bulk(&sql::comparisons::DELETE_RESENDS, columns)
            .await?;
        Ok(())
    }

    /// Golden records that are still to be given a version to be sent again under.
    pub async fn count_resends(&mut self) -> Result<i64, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::comparisons::COUNT_RESENDS)
                .fetch_one(conn)
                .await?
        }))
    }

    /// Versions and contents of golden records, in no order; absent ones are left out.
    pub async fn find_golden_contents(
        &mut self,
        golden: &[GoldenId],
    ) -> Result<Vec<GoldenContent>, StoreError> {
        let columns = vec![Column::Uuid(golden.iter().map(|id| id.as_uuid()).collect())];
        let statement = &sql::comparisons::FIND_GOLDEN_CONTENTS;
        let rows: Vec<(Uuid, i64, Vec<u8>)> = self.fetch_bulk(statement, columns).await?;
        rows.into_iter()
            .map(|(id, version, content)| {
                Ok(GoldenContent {
                    golden_id: GoldenId::new(id),
                    version: read_version("golden_record", version)?,
                    content,
                })
            })
            .collect()
    }

    /// Gives golden records other versions, each with the number of that change. Nothing else of them changes.
    pub async fn renew_golden_records(
        &mut self,
        renewed: Vec<(GoldenContent, i64)>,
    ) -> Result<(), StoreError> {
        let expected = renewed.len();
        let rows = renewed.iter();
        let mut columns = vec![
            Column::Uuid(
                rows.clone()
                    .map(|(row, _)| row.golden_id.as_uuid())
                    .collect(),
            ),
            Column::Long(rows.clone().map(|(row, _)| row.version.as_i64()).collect()),
            Column::Long(rows.map(|(_, change)| *change).collect()),
        ];
        let contents = renewed.into_iter().map(|(row, _)| row.content);
        columns.push(Column::Bytes(contents.collect()));
        let statement = &sql::comparisons::RENEW_GOLDEN_RECORDS;
        let changed = self.execute_bulk(statement, columns).await?;
        expect_rows("RENEW_GOLDEN_RECORDS", expected, changed)
    }
}
