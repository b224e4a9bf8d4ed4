//! Beside the commune software: reading and making files of records.

pub mod csv_writer;
pub mod file;
pub mod population;
