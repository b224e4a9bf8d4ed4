//! The jobs of a hub, as its configuration has them.

use std::sync::Arc;

use super::App;
use crate::config::{BackupSection, ComparisonSection, ForwardSection, HubConfig, JobsSection};
use crate::domain::job::Job;
use crate::domain::schedule::Schedule;
use crate::sync::jobs::{
    Backup, CertificateCheck, CompareUpward, JobRunner, OpenGate, Purge, RunnerOptions,
    ScheduledJob,
};

impl App {
    /// Runs the hub's jobs in this process.
    pub(super) fn job_runner(&self) -> JobRunner {
        let hub = &self.hub;
        JobRunner::new(
            hub.store.clone(),
            Arc::clone(&hub.clock),
            Arc::clone(&hub.signals),
            Arc::clone(&self.metrics),
            self.scheduled_jobs(&self.config.jobs),
            RunnerOptions {
                owner: Arc::clone(&self.owner),
                seed: self.config.hub.name.to_string(),
                lease: self.config.tuning.lease(),
            },
        )
    }

    pub(super) fn scheduled_jobs(&self, section: &JobsSection) -> Vec<ScheduledJob> {
        let mut jobs = vec![ScheduledJob {
            job: Job::Purge,
            schedule: section.purge.schedule(),
            work: Box::new(Purge {
                history_days: section.purge.history_days,
            }),
        }];
        jobs.push(ScheduledJob {
            job: Job::Certificates,
            schedule: section.certificates.schedule(),
            work: Box::new(CertificateCheck {
                identities: vec![
                    Arc::clone(&self.identity),
                    Arc::clone(&self.upstream_identity),
                ],
                warn_days: section.certificates.warn_days,
                metrics: Arc::clone(&self.metrics),
            }),
        });
        if let Some(comparison) = &section.comparison {
            jobs.push(ScheduledJob {
                job: Job::Comparison,
                schedule: comparison.schedule(),
                work: Box::new(CompareUpward {
                    comparisons: self.hub.comparisons(),
                    repair: comparison.repair(),
                }),
            });
        }
        if let Some(backup) = &section.backup {
            jobs.push(ScheduledJob {
                job: Job::Backup,
                schedule: backup.schedule(),
                work: Box::new(Backup {
                    store: self.hub.store.clone(),
                    hub: self.hub.name.to_string(),
                    folder: backup.folder.clone(),
                    copies: backup.copies,
                }),
            });
        }
        if let Some(forward) = &section.forward {
            jobs.push(ScheduledJob {
                job: Job::Forward,
                schedule: forward.schedule(),
                work: Box::new(OpenGate {
                    store: self.hub.store.clone(),
                    signals: Arc::clone(&self.hub.signals),
                }),
            });
        }
        jobs
    }
}

/// When the jobs of a hub are due.
pub(super) fn schedules(config: &HubConfig) -> Vec<(Job, Schedule)> {
    let section = &config.jobs;
    let schedules = [
        (
            Job::Forward,
            section.forward.as_ref().map(ForwardSection::schedule),
        ),
        (
            Job::Comparison,
            section.comparison.as_ref().map(ComparisonSection::schedule),
        ),
        (Job::Purge, Some(section.purge.schedule())),
        (Job::Certificates, Some(section.certificates.schedule())),
        (
            Job::Backup,
            section.backup.as_ref().map(BackupSection::schedule),
        ),
    ];
    let known = schedules.into_iter();
    known
        .filter_map(|(job, schedule)| schedule.map(|schedule| (job, schedule)))
        .collect()
}
