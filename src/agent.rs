//! Beside the commune software: reading and making files of records.

pub mod csv_columns;
pub mod csv_file;
pub mod csv_writer;
pub mod population;
