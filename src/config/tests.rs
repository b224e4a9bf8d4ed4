//! What a configuration file promises.

use super::overrides::{AGENT_KEYS, HUB_KEYS};
use super::*;

const GOOD: &str = r#"
    [hub]
    name = "kien-giang"
    unit = "GSO_PRE2025:91"
    [identity]
    directory = "identity"
    [sealing]
    key_file = "seal.key"
"#;

fn read(text: &str, environment: &[(&str, &str)]) -> Result<HubConfig, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hub.toml");
    std::fs::write(&path, text).expect("written");
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    HubConfig::read(&path, environment).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(text: &str, environment: &[(&str, &str)], words: &[&str]) {
    let error = read(text, environment).expect_err("a configuration that is wrong");
    for word in words {
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn a_short_file_is_enough() {
    let config = read(GOOD, &[]).expect("good");

    assert_eq!(config.listen.address.to_string(), "127.0.0.1:7443");
    assert!(config.identity.directory.is_absolute());
    assert!(config.store.url.ends_with("/childsync.db"));
}

#[test]
fn relative_paths_count_from_the_folder_of_the_file() {
    let text = format!("{GOOD}\n[linkage]\nmodel_file = \"trained.toml\"");

    let config = read(&text, &[]).expect("good");

    let model = config.linkage.model_file.expect("a file");
    assert!(model.is_absolute() && model.ends_with("trained.toml"));
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    refused(
        &format!("{GOOD}\nfile = 1"),
        &[],
        &["sealing", "file", "correct its spelling"],
    );
    refused(&format!("{GOOD}\n[extra]"), &[], &["extra"]);
}

#[test]
fn a_missing_key_is_named() {
    refused(
        &GOOD.replace("key_file = \"seal.key\"", ""),
        &[],
        &["sealing", "key_file", "add it"],
    );
}

#[test]
fn a_wrong_value_names_its_key() {
    refused(
        &GOOD.replace("GSO_PRE2025:91", "91"),
        &[],
        &["hub.unit", "SCHEME:CODE"],
    );
    refused(
        &GOOD.replace("GSO_PRE2025:91", "GSO_2025:02"),
        &[],
        &["hub.unit", "check scheme"],
    );
    refused(
        &GOOD.replace("kien-giang", "Kiên Giang"),
        &[],
        &["hub.name", "a-z"],
    );
    let tuned = format!("{GOOD}\n[tuning]\nlease_milliseconds = 5");
    refused(&tuned, &[], &["tuning.lease_milliseconds", "300"]);
    refused(
        &format!("{GOOD}\n[upstream]\nurl = \"http://a\""),
        &[],
        &["upstream.url", "https"],
    );
    refused(
        &format!("{GOOD}\n[upstream]\nkind = \"pigeon\"\nurl = \"https://a:1\""),
        &[],
        &["upstream.kind", "hub"],
    );
}

#[test]
fn text_that_is_not_toml_names_the_file() {
    refused("[hub", &[], &["hub.toml", "TOML"]);
}

#[test]
fn the_environment_goes_over_the_file() {
    let environment = [
        ("CHILDSYNC_LISTEN_ADDRESS", "0.0.0.0:1"),
        ("CHILDSYNC_ACCESS_OPERATORS", "an, binh"),
        ("CHILDSYNC_TUNING_LEASE_MILLISECONDS", "500"),
        ("PATH", "/bin"),
    ];

    let config = read(GOOD, &environment).expect("good");

    assert_eq!(config.listen.address.to_string(), "0.0.0.0:1");
    assert_eq!(config.operators().len(), 2);
    assert_eq!(config.tuning.lease_milliseconds, 500);
}

#[test]
fn a_misspelt_variable_is_refused() {
    refused(
        GOOD,
        &[("CHILDSYNC_STORE_ULR", "x")],
        &["CHILDSYNC_STORE_ULR", "spelling"],
    );
    let number = ("CHILDSYNC_TUNING_SLICE_RECORDS_MAX", "many");
    refused(
        GOOD,
        &[number],
        &["CHILDSYNC_TUNING_SLICE_RECORDS_MAX", "number"],
    );
}

#[test]
fn jobs_have_schedules_that_can_be_changed() {
    let text = format!(
        "{GOOD}\n[upstream]\nurl = \"https://a:1\"\n[jobs.forward]\nallowed_hours = \"22-5\"\n\
         missed = \"skip\"\n[jobs.backup]\nfolder = \"copies\""
    );
    let environment = [
        ("CHILDSYNC_JOBS_PURGE_HISTORY_DAYS", "7"),
        ("CHILDSYNC_JOBS_FORWARD_CRON", "15 23 * * *"),
        ("CHILDSYNC_TUNING_UPLOAD_SWEEP_SECONDS", "60"),
    ];

    let config = read(&text, &environment).expect("good");

    assert_eq!(config.jobs.purge.history_days, 7);
    assert_eq!(config.tuning.upload_sweep_seconds, 60);
    let forward = config.jobs.forward.as_ref().expect("a job").schedule();
    assert_eq!(forward.cron.to_string(), "15 23 * * *");
    assert_eq!(forward.time_zone.to_string(), "Asia/Ho_Chi_Minh");
    assert!(
        config
            .jobs
            .backup
            .as_ref()
            .expect("a job")
            .folder
            .is_absolute()
    );
    let shown = config.shown();
    for line in [
        "[jobs.forward]",
        "[jobs.certificates]",
        "allowed_hours = \"22-5\"",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    HubConfig::from_table(shown.parse().expect("TOML"), Path::new("/"))
        .expect("what is shown is good");
}

#[test]
fn a_job_that_cannot_be_done_is_refused_with_what_to_do() {
    let with = |text: &str| format!("{GOOD}\n{text}");
    refused(
        &with("[jobs.forward]"),
        &[],
        &["jobs.forward", "[upstream]"],
    );
    let postgres = [("CHILDSYNC_STORE_URL", "postgres://db/x")];
    refused(
        &with("[jobs.backup]"),
        &postgres,
        &["jobs.backup", "pg_dump"],
    );
    refused(
        &with("[jobs.purge]\ncron = \"2\""),
        &[],
        &["jobs.purge.cron", "30 1 * * *"],
    );
    refused(
        &with("[jobs.purge]\ntime_zone = \"Saigon\""),
        &[],
        &["time_zone", "Asia/Ho_Chi_Minh"],
    );
    refused(
        &with("[jobs.purge]\nallowed_hours = \"5\""),
        &[],
        &["allowed_hours", "22-5"],
    );
    refused(
        &with("[jobs.purge]\njitter_seconds = 3601"),
        &[],
        &["jobs.purge.jitter_seconds", "3600"],
    );
    refused(
        &with("[jobs.purge]\ncopies = 1"),
        &[],
        &["jobs.purge", "copies", "spelling"],
    );
    refused(
        &with("[jobs.comparison]"),
        &[],
        &["jobs.comparison", "[upstream] of kind hub"],
    );
}

#[test]
fn a_password_is_never_shown() {
    for url in [
        "postgres://hub:Bi-Mat@db/x",
        "postgres://db/x?user=hub&password=Bi-Mat&a=b",
    ] {
        let config = read(GOOD, &[("CHILDSYNC_STORE_URL", url)]).expect("good");

        assert!(!config.shown().contains("Bi-Mat"), "{}", config.shown());
        assert!(config.shown().contains("postgres://"));
    }
}

#[test]
fn every_variable_that_an_example_names_is_known() {
    for (example, sections) in [
        (include_str!("../../deploy/hub.example.toml"), HUB_KEYS),
        (include_str!("../../deploy/agent.example.toml"), AGENT_KEYS),
    ] {
        let words = example.split(|letter: char| letter != '_' && !letter.is_ascii_alphanumeric());
        let general = ["CHILDSYNC_", "CHILDSYNC_SECTION_KEY"];
        let named = words.filter(|word| word.starts_with("CHILDSYNC_") && !general.contains(word));
        for word in named {
            let names = |section: &str, key: &str| {
                let section = section.replace('.', "_");
                word.eq_ignore_ascii_case(&format!("childsync_{section}_{key}"))
            };
            let mut all = sections.iter();
            let is_known = all.any(|(section, keys)| keys.iter().any(|key| names(section, key)));
            assert!(is_known, "{word}");
        }
    }
}
