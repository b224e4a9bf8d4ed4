//! Statements over many rows at once, one text for both engines.
//!
//! Every bulk statement reads its rows from a table expression `k`. PostgreSQL gets each column as one
//! array and unfolds them; SQLite, which has no arrays, gets the rows as `VALUES`, some hundred at a
//! time. What the statement does with `k` is the same text on both.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, FromRow, Postgres, Sqlite, query};
use uuid::Uuid;

use super::{Inner, StoreError, Transaction};

/// Rows of one SQLite statement at most. Its limit is 32,766 variables; beyond some hundred rows a
/// longer statement is no faster.
const SQLITE_ROWS_MAX: usize = 256;

/// A statement over many rows.
pub(super) struct Bulk {
    /// Names and PostgreSQL types of the columns of `k`.
    pub(super) columns: &'static [(&'static str, &'static str)],
    /// What to do with `k`.
    pub(super) body: &'static str,
}

/// One column of the rows; all columns of a call have the same length.
pub(super) enum Column {
    Long(Vec<i64>),
    Short(Vec<i16>),
    Uuid(Vec<Uuid>),
    UuidOrNull(Vec<Option<Uuid>>),
    Bytes(Vec<Vec<u8>>),
    BytesOrNull(Vec<Option<Vec<u8>>>),
    Text(Vec<String>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Long(values) => values.len(),
            Self::Short(values) => values.len(),
            Self::Uuid(values) => values.len(),
            Self::UuidOrNull(values) => values.len(),
            Self::Bytes(values) => values.len(),
            Self::BytesOrNull(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }
}

impl Bulk {
    pub(super) fn postgres_text(&self) -> String {
        let arrays: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, (_, kind))| format!("${}::{kind}[]", index + 1))
            .collect();
        let rows = format!("SELECT * FROM UNNEST({})", arrays.join(", "));
        self.text(&rows)
    }

    pub(super) fn sqlite_text(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns.len()].join(","));
        self.text(&format!("VALUES {}", vec![row; rows].join(",")))
    }

    fn text(&self, rows: &str) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        format!("WITH k ({}) AS ({rows}) {}", names.join(", "), self.body)
    }
}

impl Transaction {
    /// Runs the statement over all rows and says how many rows of the database it changed.
    pub(super) async fn execute_bulk(
        &mut self,
        bulk: &Bulk,
        columns: Vec<Column>,
    ) -> Result<u64, StoreError> {
        let rows = columns.first().map_or(0, Column::len);
        if rows == 0 {
            return Ok(0);
        }
        match &mut self.inner {
            Inner::Postgres(transaction) => {
                let query = bind_arrays(query(AssertSqlSafe(bulk.postgres_text())), columns);
                Ok(query.execute(&mut **transaction).await?.rows_affected())
            }
            Inner::Sqlite(transaction) => {
                let mut changed = 0;
                let mut cells = Cells::new(columns);
                for chunk in chunk_sizes(rows) {
                    let text = bulk.sqlite_text(chunk);
                    let query = query(AssertSqlSafe(text)).persistent(chunk == SQLITE_ROWS_MAX);
                    let query = cells.bind_rows(query, chunk);
                    changed += query.execute(&mut **transaction).await?.rows_affected();
                }
                Ok(changed)
            }
        }
    }

    /// Runs the statement over all rows and gives what it selects.
    pub(super) async fn fetch_bulk<Row>(
        &mut self,
        bulk: &Bulk,
        columns: Vec<Column>,
    ) -> Result<Vec<Row>, StoreError>
    where
        Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        let rows = columns.first().map_or(0, Column::len);
        let mut found = Vec::new();
        if rows == 0 {
            return Ok(found);
        }
        match &mut self.inner {
            Inner::Postgres(transaction) => {
                let query = bind_arrays(query(AssertSqlSafe(bulk.postgres_text())), columns);
                for row in query.fetch_all(&mut **transaction).await? {
                    found.push(Row::from_row(&row)?);
                }
            }
            Inner::Sqlite(transaction) => {
                let mut cells = Cells::new(columns);
                for chunk in chunk_sizes(rows) {
                    let text = bulk.sqlite_text(chunk);
                    let query = query(AssertSqlSafe(text)).persistent(chunk == SQLITE_ROWS_MAX);
                    let query = cells.bind_rows(query, chunk);
                    for row in query.fetch_all(&mut **transaction).await? {
                        found.push(Row::from_row(&row)?);
                    }
                }
            }
        }
        Ok(found)
    }
}

/// Full chunks first, so that their one text stays prepared, then the rest.
fn chunk_sizes(rows: usize) -> impl Iterator<Item = usize> {
    let rest = rows % SQLITE_ROWS_MAX;
    std::iter::repeat_n(SQLITE_ROWS_MAX, rows / SQLITE_ROWS_MAX).chain((rest > 0).then_some(rest))
}

fn bind_arrays(
    mut query: Query<'_, Postgres, PgArguments>,
    columns: Vec<Column>,
) -> Query<'_, Postgres, PgArguments> {
    for column in columns {
        query = match column {
            Column::Long(values) => query.bind(values),
            Column::Short(values) => query.bind(values),
            Column::Uuid(values) => query.bind(values),
            Column::UuidOrNull(values) => query.bind(values),
            Column::Bytes(values) => query.bind(values),
            Column::BytesOrNull(values) => query.bind(values),
            Column::Text(values) => query.bind(values),
        };
    }
    query
}

/// The columns again, read row by row.
struct Cells(Vec<CellIterator>);

enum CellIterator {
    Long(std::vec::IntoIter<i64>),
    Short(std::vec::IntoIter<i16>),
    Uuid(std::vec::IntoIter<Uuid>),
    UuidOrNull(std::vec::IntoIter<Option<Uuid>>),
    Bytes(std::vec::IntoIter<Vec<u8>>),
    BytesOrNull(std::vec::IntoIter<Option<Vec<u8>>>),
    Text(std::vec::IntoIter<String>),
}

impl Cells {
    fn new(columns: Vec<Column>) -> Self {
        let iterator = |column| match column {
            Column::Long(values) => CellIterator::Long(values.into_iter()),
            Column::Short(values) => CellIterator::Short(values.into_iter()),
            Column::Uuid(values) => CellIterator::Uuid(values.into_iter()),
            Column::UuidOrNull(values) => CellIterator::UuidOrNull(values.into_iter()),
            Column::Bytes(values) => CellIterator::Bytes(values.into_iter()),
            Column::BytesOrNull(values) => CellIterator::BytesOrNull(values.into_iter()),
            Column::Text(values) => CellIterator::Text(values.into_iter()),
        };
        Self(columns.into_iter().map(iterator).collect())
    }

    fn bind_rows<'q>(
        &mut self,
        mut query: Query<'q, Sqlite, SqliteArguments>,
        rows: usize,
    ) -> Query<'q, Sqlite, SqliteArguments> {
        for _ in 0..rows {
            for column in &mut self.0 {
                query = match column {
                    CellIterator::Long(values) => query.bind(values.next()),
                    CellIterator::Short(values) => query.bind(values.next()),
                    CellIterator::Uuid(values) => query.bind(values.next()),
                    CellIterator::UuidOrNull(values) => query.bind(values.next().flatten()),
                    CellIterator::Bytes(values) => query.bind(values.next()),
                    CellIterator::BytesOrNull(values) => query.bind(values.next().flatten()),
                    CellIterator::Text(values) => query.bind(values.next()),
                };
            }
        }
        query
    }
}
