//! Environment variables over the file.

use toml::{Table, Value};

use super::{ConfigError, wrong};

/// What every variable of a hub's configuration begins with.
pub const ENVIRONMENT_PREFIX: &str = "CHILDSYNC_";

/// Names of sections with those of their keys.
pub(super) type Keys = &'static [(&'static str, &'static [&'static str])];

/// The keys of a job's section: those of its schedule, and its own.
macro_rules! job_keys {
    ($($own:literal),*) => {
        &["cron", "time_zone", "jitter_seconds", "allowed_hours", "missed", $($own),*]
    };
}

/// Sections of a hub with their keys; a variable that names none of them is an error, or a typing mistake
/// would leave a hub running with what the file says.
pub(super) const HUB_KEYS: Keys = &[
    ("hub", &["name", "unit"]),
    ("listen", &["address"]),
    ("metrics", &["address"]),
    ("identity", &["directory"]),
    ("store", &["url", "connections_max"]),
    ("sealing", &["key_file"]),
    (
        "upstream",
        &[
            "kind",
            "url",
            "directory",
            "token_file",
            "folder",
            "card",
            "patience_milliseconds",
            "routine_kilobytes_per_second",
            "urgent_kilobytes_per_second",
        ],
    ),
    ("access", &["operators"]),
    ("linkage", &["model_file"]),
    ("jobs.forward", job_keys![]),
    ("jobs.comparison", job_keys!["repair"]),
    ("jobs.purge", job_keys!["history_days"]),
    ("jobs.certificates", job_keys!["warn_days"]),
    ("jobs.backup", job_keys!["folder", "copies"]),
    ("log", &["format", "filter"]),
    (
        "tuning",
        &[
            "group_commit_records_max",
            "slice_records_max",
            "batch_records_max",
            "lease_milliseconds",
            "drain_milliseconds",
            "upload_sweep_seconds",
            "upload_mebibytes_max",
        ],
    ),
];

/// Sections of an agent with their keys.
pub(super) const AGENT_KEYS: Keys = &[
    ("agent", &["name", "territory"]),
    ("hub", &["url"]),
    ("identity", &["directory"]),
    ("store", &["path", "records_max", "bytes_max"]),
    ("sealing", &["key_file"]),
    ("grpc", &["address"]),
    ("http", &["address", "token_file"]),
    ("drop", &["folder", "scheme", "mapping"]),
    ("log", &["format", "filter"]),
];

/// Variables of the program that are not of a hub's configuration.
const OTHERS: &[&str] = &[
    "CHILDSYNC_TEST_POSTGRES_URL",
    "CHILDSYNC_BENCH_POSTGRES_URL",
    "CHILDSYNC_FAULTS",
];

pub(super) fn apply(
    keys: Keys,
    mut table: Table,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Table, ConfigError> {
    for (variable, value) in environment {
        let Some(name) = variable.strip_prefix(ENVIRONMENT_PREFIX) else {
            continue;
        };
        if OTHERS.contains(&variable.as_str()) {
            continue;
        }
        let name = name.to_ascii_lowercase();
        let known = keys.iter().find_map(|(section, keys)| {
            let key = name.strip_prefix(&section.replace('.', "_"))?;
            let key = key.strip_prefix('_')?;
            keys.iter()
                .find(|known| **known == key)
                .map(|key| (*section, *key))
        });
        let Some((section, key)) = known else {
            let problem = "is no variable of the configuration: unset it, or correct its spelling";
            return Err(wrong(&variable, problem));
        };
        let mut entry = &mut table;
        for part in section.split('.') {
            let inner = entry
                .entry(part)
                .or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(inner) = inner else {
                return Err(wrong(section, "must be a section: write it as [section]"));
            };
            entry = inner;
        }
        entry.insert(key.to_owned(), read_value(key, &variable, value)?);
    }
    Ok(table)
}

fn read_value(key: &str, variable: &str, value: String) -> Result<Value, ConfigError> {
    if key == "operators" || key == "territory" {
        let names = value
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        return Ok(Value::Array(
            names.map(|name| Value::String(name.to_owned())).collect(),
        ));
    }
    let units = [
        "_max",
        "_milliseconds",
        "_seconds",
        "_days",
        "_per_second",
        "copies",
    ];
    if units.iter().any(|unit| key.ends_with(unit)) {
        let number = value
            .parse()
            .map_err(|_| wrong(variable, "must be a number"))?;
        return Ok(Value::Integer(number));
    }
    Ok(Value::String(value))
}
