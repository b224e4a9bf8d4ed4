//! `[jobs]`: what a hub does by itself, and when.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ConfigError, UpstreamSection, in_range, text, wrong};
use crate::domain::comparison::Repair;
use crate::domain::schedule::{AllowedHours, CronExpression, MissedTicks, Schedule, TimeZone};

/// Longest jitter, in seconds.
const JITTER_SECONDS_MAX: u64 = 3_600;
/// Longest time that history is kept, in days.
const HISTORY_DAYS_MAX: u64 = 3_650;
/// Most copies that are kept.
const COPIES_MAX: u64 = 1_000;

/// `[jobs]`: a section for each job.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JobsSection {
    /// Without it, routine changes go upstream as soon as they are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<ForwardSection>,
    /// Without it the hub is compared with its upstream only when somebody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ComparisonSection>,
    /// Always done.
    #[serde(default)]
    pub purge: PurgeSection,
    /// Always done.
    #[serde(default)]
    pub certificates: CertificatesSection,
    /// Without it the hub makes no copies of its database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupSection>,
}

/// What becomes of missed ticks, as it is written.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// The latest is run once.
    RunOnce,
    /// They are left out.
    Skip,
}

/// Declares the section of a job: the keys of its schedule, and its own. serde cannot refuse unknown keys in
/// a section that takes in another one.
macro_rules! job_section {
    ($(#[$doc:meta])* $name:ident { $($(#[$own_doc:meta])* $own:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Serialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// When it is due: five fields of cron, or six with seconds before them.
            #[serde(with = "text")]
            pub cron: CronExpression,
            /// Where its hours count.
            #[serde(with = "text")]
            pub time_zone: TimeZone,
            /// A tick begins up to so many seconds after its due time, 0 to 3600.
            pub jitter_seconds: u64,
            /// Hours in which a tick may begin, for example "22-5".
            #[serde(with = "text")]
            pub allowed_hours: AllowedHours,
            /// What becomes of ticks that passed while no replica ran.
            pub missed: Missed,
            $($(#[$own_doc])* pub $own: $type,)*
        }

        impl $name {
            /// When the job is due.
            pub fn schedule(&self) -> Schedule {
                Schedule {
                    cron: self.cron.clone(),
                    time_zone: self.time_zone,
                    jitter: Duration::from_secs(self.jitter_seconds),
                    allowed_hours: self.allowed_hours,
                    missed: match self.missed {
                        Missed::RunOnce => MissedTicks::RunOnce,
                        Missed::Skip => MissedTicks::Skip,
                    },
                }
            }
        }
    };
}

job_section! {
    /// `[jobs.forward]`: routine changes go upstream by a schedule.
    ForwardSection {}
}

job_section! {
    /// `[jobs.comparison]`: the hub is compared with its upstream.
    ComparisonSection {
        /// Whether what is missing or different above is sent again.
        repair: bool,
    }
}

impl ComparisonSection {
    /// What is done about differences.
    pub fn repair(&self) -> Repair {
        if self.repair {
            Repair::SendAgain
        } else {
            Repair::Nothing
        }
    }
}

job_section! {
    /// `[jobs.purge]`: old history of jobs is removed.
    PurgeSection {
        /// How long the history of jobs is kept, in days, 1 to 3650.
        history_days: u32,
    }
}

job_section! {
    /// `[jobs.certificates]`: how long the hub's certificates are valid is looked at.
    CertificatesSection {
        /// Fewer days than these left is a warning, 1 to 3650.
        warn_days: u32,
    }
}

job_section! {
    /// `[jobs.backup]`: the SQLite database is copied.
    BackupSection {
        /// Where the copies are put.
        folder: PathBuf,
        /// How many of the newest are kept, 1 to 1000.
        copies: u32,
    }
}

/// The defaults of a section: its cron expression, its jitter in seconds, and its own keys.
macro_rules! job_defaults {
    ($name:ident, $cron:literal, $jitter:literal, { $($own:ident: $value:expr),* $(,)? }) => {
        impl Default for $name {
            fn default() -> Self {
                // A constant, and a test reads it.
                let cron = $cron.parse().expect("an expression");
                Self {
                    cron,
                    time_zone: TimeZone::VIETNAM,
                    jitter_seconds: $jitter,
                    allowed_hours: AllowedHours::ALL_DAY,
                    missed: Missed::RunOnce,
                    $($own: $value,)*
                }
            }
        }
    };
}

job_defaults!(ForwardSection, "0 22 * * *", 900, {});
job_defaults!(ComparisonSection, "0 4 * * *", 900, { repair: false });
job_defaults!(PurgeSection, "30 3 * * *", 0, { history_days: 90 });
job_defaults!(CertificatesSection, "0 7 * * *", 0, { warn_days: 30 });
job_defaults!(BackupSection, "0 2 * * *", 0, { folder: PathBuf::from("backup"), copies: 7 });

impl JobsSection {
    /// Whether the jobs can be done on this database, with or without an upstream.
    pub(super) fn check(
        &self,
        store_url: &str,
        upstream: Option<&UpstreamSection>,
    ) -> Result<(), ConfigError> {
        if self.comparison.is_some() && !upstream.is_some_and(UpstreamSection::is_hub) {
            let problem =
                "there is no hub above to compare with: remove it, or add [upstream] of kind hub";
            return Err(wrong("jobs.comparison", problem));
        }
        if self.forward.is_some() && upstream.is_none() {
            let problem = "there is no upstream to forward to: remove it, or add [upstream]";
            return Err(wrong("jobs.forward", problem));
        }
        if self.backup.is_some() && store_url.starts_with("postgres") {
            let problem = "the hub copies a SQLite database only: remove the section, and have PostgreSQL \
                           copied by pg_dump or continuous archiving";
            return Err(wrong("jobs.backup", problem));
        }
        let jitters = [
            (
                "forward",
                self.forward.as_ref().map(|job| job.jitter_seconds),
            ),
            (
                "comparison",
                self.comparison.as_ref().map(|job| job.jitter_seconds),
            ),
            ("purge", Some(self.purge.jitter_seconds)),
            ("certificates", Some(self.certificates.jitter_seconds)),
            ("backup", self.backup.as_ref().map(|job| job.jitter_seconds)),
        ];
        for (job, jitter) in jitters {
            let key = format!("jobs.{job}.jitter_seconds");
            in_range(&key, jitter.unwrap_or(0), 0, JITTER_SECONDS_MAX)?;
        }
        let history = self.purge.history_days.into();
        in_range("jobs.purge.history_days", history, 1, HISTORY_DAYS_MAX)?;
        let warn = self.certificates.warn_days.into();
        in_range("jobs.certificates.warn_days", warn, 1, HISTORY_DAYS_MAX)?;
        let copies = self.backup.as_ref().map_or(1, |job| job.copies.into());
        in_range("jobs.backup.copies", copies, 1, COPIES_MAX)
    }
}
