//! What can go wrong in the store.

/// Why a store operation did not happen. Its text may hold database details: it is for the log, and
/// never for a client.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another writer was in the way; the same call may succeed in a moment.
    #[error("the database is busy: {0}")]
    Busy(#[source] sqlx::Error),
    /// The database cannot be reached or is shutting down.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// A statement failed for a reason that trying again does not mend.
    #[error("a statement failed: {0}")]
    Query(#[source] sqlx::Error),
    /// The schema could not be brought to this program's version.
    #[error("the schema cannot be migrated: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row holds something that this program never writes.
    #[error("table {table} holds an impossible {column}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A statement changed another number of rows than it must.
    #[error("{statement} changed {actual} rows and not {expected}")]
    Rows {
        /// What was attempted.
        statement: &'static str,
        /// Rows that must change.
        expected: u64,
        /// Rows that changed.
        actual: u64,
    },
    /// The lease is another owner's now: whatever the caller was doing, it must stop.
    #[error("the {0} lease was taken over")]
    Fenced(&'static str),
    /// The database is set up in a way that loses acknowledged records.
    #[error("{0}")]
    Unsafe(String),
    /// The address of the database cannot be read.
    #[error("the database URL cannot be read: {0}")]
    Url(String),
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy(_) | Self::Unavailable(_) => true,
            Self::Query(_)
            | Self::Migration(_)
            | Self::Corrupt { .. }
            | Self::Rows { .. }
            | Self::Fenced(_)
            | Self::Unsafe(_)
            | Self::Url(_) => false,
        }
    }
}

impl StoreError {
    /// Whether there is no room on the disk: SQLite's "full", or a failed write beyond what may be written.
    pub fn is_disk_full(&self) -> bool {
        let cause = match self {
            Self::Busy(cause) | Self::Unavailable(cause) | Self::Query(cause) => cause,
            Self::Migration(_)
            | Self::Corrupt { .. }
            | Self::Rows { .. }
            | Self::Fenced(_)
            | Self::Unsafe(_)
            | Self::Url(_) => return false,
        };
        let code = cause
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        matches!(code.as_deref(), Some("13" | "778"))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        match code.as_deref() {
            // SQLite: busy, locked, busy snapshot. PostgreSQL: serialization failure, deadlock.
            Some("5" | "6" | "517" | "40001" | "40P01" | "55P03") => Self::Busy(error),
            // SQLite: disk full, cannot open, input/output error.
            Some(code) if ["13", "14", "10"].contains(&primary(code).as_str()) => {
                Self::Unavailable(error)
            }
            // PostgreSQL: connection exceptions, resources, operator intervention.
            Some(code) if ["08", "53", "57"].iter().any(|class| is_class(code, class)) => {
                Self::Unavailable(error)
            }
            None if is_connection_fault(&error) => Self::Unavailable(error),
            Some(_) | None => Self::Query(error),
        }
    }
}

/// The kind of a SQLite error, which stands in the last eight bits of its number: writing that fails is
/// 778, an input/output error.
fn primary(code: &str) -> String {
    let number = code.parse::<u32>().ok().filter(|_| code.len() < 5);
    number.map_or_else(|| code.to_owned(), |number| (number & 0xff).to_string())
}

/// Whether a five-character PostgreSQL code is of a class; SQLite's codes are shorter numbers.
fn is_class(code: &str, class: &str) -> bool {
    code.len() == 5 && code.starts_with(class)
}

fn is_connection_fault(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_line_to_the_database_may_be_tried_again() {
        let broken = StoreError::from(sqlx::Error::PoolTimedOut);

        assert!(broken.is_retryable());
    }

    #[test]
    fn the_kind_of_a_sqlite_error_is_told_from_its_detail() {
        for (code, kind) in [
            ("778", "10"),
            ("13", "13"),
            ("270", "14"),
            ("53100", "53100"),
        ] {
            assert_eq!(primary(code), kind);
        }
    }

    #[test]
    fn a_missing_column_is_not_tried_again() {
        let missing = StoreError::from(sqlx::Error::ColumnNotFound("seq".to_owned()));

        assert!(!missing.is_retryable());
    }
}
