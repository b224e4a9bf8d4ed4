//! Any bytes as a file: the encoding is found out, or it is a workbook. Seeds: `tests/corpus`.
#![no_main]

use childsync::agent::file::mapping::{Mapping, suggest};
use childsync::agent::file::{FileOptions, RecordFile};
use childsync::domain::unit::AdminScheme;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: std::panic::set_hook(Box::new(abort_unless_caught)),
    |bytes: &[u8]| {
        let options = FileOptions {
            mapping: Mapping::default(),
            scheme: AdminScheme::GsoPre2025,
            version: 1,
            today: time::macros::date!(2026 - 11 - 23),
        };
        if let Ok(file) = RecordFile::read(bytes, &options) {
            file.rows().for_each(drop);
        }
        drop(suggest(bytes, &Mapping::default()));
    }
);

/// Panics inside `calamine` are caught by the reader, which refuses the file.
fn abort_unless_caught(fault: &std::panic::PanicHookInfo<'_>) {
    if !fault
        .location()
        .is_some_and(|place| place.file().contains("calamine"))
    {
        eprintln!("{fault}");
        std::process::abort();
    }
}
