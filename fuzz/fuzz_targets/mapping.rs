//! Any text as a mapping.
#![no_main]

use childsync::agent::file::mapping::Mapping;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    drop(text.parse::<Mapping>());
});
