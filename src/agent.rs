//! Beside the commune software: reading and making files of records.
