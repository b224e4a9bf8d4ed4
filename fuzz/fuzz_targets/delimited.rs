//! Any text as the rows below a header that is known, so that every cell is read as what its column is.
#![no_main]

use childsync::agent::file::{FileOptions, RecordFile};
use childsync::domain::unit::AdminScheme;
use libfuzzer_sys::fuzz_target;

const HEADER: &str = "record_id,unit_code,unit_name,district_name,full_name,sex,male,birth_date,birth_year,\
    pin,ethnicity,phone,mother_name,carer_relation,poor,poverty_year,status,status_since,nationality,version\n";

fuzz_target!(|rows: &str| {
    let options = FileOptions {
        mapping: "[file]\nunit = \"GSO_PRE2025:91\""
            .parse()
            .expect("a mapping"),
        scheme: AdminScheme::GsoPre2025,
        version: 1,
        today: time::macros::date!(2026 - 11 - 23),
    };
    if let Ok(file) = RecordFile::read(format!("{HEADER}{rows}").as_bytes(), &options) {
        file.rows().for_each(drop);
    }
});
