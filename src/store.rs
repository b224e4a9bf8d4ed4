//! The only room that names sqlx: every SQL statement, both engines.
