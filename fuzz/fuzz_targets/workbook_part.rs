//! Any bytes as one part of a workbook that is right otherwise: the first byte says which.
#![no_main]

use std::io::{Cursor, Read, Write};

use childsync::agent::file::mapping::Mapping;
use childsync::agent::file::{FileOptions, RecordFile};
use childsync::domain::unit::AdminScheme;
use libfuzzer_sys::fuzz_target;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const PLAIN: &[u8] = include_bytes!("../../tests/corpus/plain.xlsx");

fuzz_target!(
    init: std::panic::set_hook(Box::new(abort_unless_caught)),
    |bytes: &[u8]| {
        let Some((place, part)) = bytes.split_first() else {
            return;
        };
        let options = FileOptions {
            mapping: Mapping::default(),
            scheme: AdminScheme::GsoPre2025,
            version: 1,
            today: time::macros::date!(2026 - 11 - 23),
        };
        if let Ok(file) = RecordFile::read(&with_part(usize::from(*place), part), &options) {
            file.rows().for_each(drop);
        }
    }
);

/// The plain workbook with one part replaced.
fn with_part(place: usize, bytes: &[u8]) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(PLAIN)).expect("a ZIP");
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let replaced = place % archive.len();
    for place in 0..archive.len() {
        let mut part = archive.by_index(place).expect("a part");
        let mut original = Vec::new();
        part.read_to_end(&mut original).expect("unpacked");
        writer
            .start_file(part.name().expect("a name"), options)
            .expect("a part");
        writer
            .write_all(if place == replaced { bytes } else { &original })
            .expect("written");
    }
    writer.finish().expect("a ZIP").into_inner()
}

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
