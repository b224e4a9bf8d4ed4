//! What a hub counts, for Prometheus. No label ever names a person or a record.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TickLabel {
    job: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabel {
    of: &'static str,
}

/// One hub's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Counter,
    records: Family<OutcomeLabel, Counter>,
    commits: Counter,
    commit_seconds: Histogram,
    reconciled: Counter,
    slices: Counter,
    forwarded: Counter,
    forward_failures: Counter,
    connections: Gauge,
    refused_connections: Counter,
    cut_connections: Counter,
    ticks: Family<TickLabel, Counter>,
    certificate_days: Family<CertificateLabel, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("childsync");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let requests = counter("ingest_requests", "Push requests acknowledged");
        let commits = counter("ingest_commits", "Group commits");
        let reconciled = counter("reconciled_submissions", "Submissions reconciled");
        let slices = counter("reconciled_slices", "Slices of the log reconciled");
        let forwarded = counter(
            "forwarded_records",
            "Golden records receipted by the upstream",
        );
        let forward_failures = counter("forward_failures", "Failed attempts to forward");
        let refused_connections = counter(
            "refused_connections",
            "Connections refused or broken off before their first request",
        );
        let cut_connections = counter(
            "cut_connections",
            "Connections cut: revoked, silent after the handshake, or doing harm",
        );
        let records = Family::default();
        registry.register(
            "ingest_records",
            "Record changes by outcome",
            records.clone(),
        );
        let commit_seconds = Histogram::new(exponential_buckets(0.000_5, 2.0, 14));
        registry.register_with_unit(
            "ingest_commit",
            "Time of a group commit",
            Unit::Seconds,
            commit_seconds.clone(),
        );
        let ticks = Family::default();
        registry.register("job_ticks", "Ticks of jobs that ended here", ticks.clone());
        let certificate_days = Family::default();
        registry.register(
            "certificate_days",
            "Days that certificates are still valid, as of the last check by this process",
            certificate_days.clone(),
        );
        let connections = Gauge::default();
        registry.register("connections", "Open connections", connections.clone());
        Self {
            registry,
            requests,
            records,
            commits,
            commit_seconds,
            reconciled,
            slices,
            forwarded,
            forward_failures,
            connections,
            refused_connections,
            cut_connections,
            ticks,
            certificate_days,
        }
    }
}

impl Metrics {
    /// A group of requests was committed, with these outcomes.
    pub fn group_committed(
        &self,
        requests: usize,
        outcomes: impl Iterator<Item = &'static str>,
        took: Duration,
    ) {
        self.commits.inc();
        self.requests.inc_by(count(requests));
        self.commit_seconds.observe(took.as_secs_f64());
        // One look-up for each run of equal outcomes: a group is thousands of records of few outcomes.
        let mut run: Option<(&'static str, u64)> = None;
        for outcome in outcomes {
            run = match run {
                Some((same, length)) if same == outcome => Some((same, length + 1)),
                other => {
                    self.add_outcomes(other);
                    Some((outcome, 1))
                }
            };
        }
        self.add_outcomes(run);
    }

    fn add_outcomes(&self, run: Option<(&'static str, u64)>) {
        if let Some((outcome, length)) = run {
            self.records
                .get_or_create(&OutcomeLabel { outcome })
                .inc_by(length);
        }
    }

    /// A slice of the log was reconciled.
    pub fn slice_reconciled(&self, submissions: usize) {
        self.slices.inc();
        self.reconciled.inc_by(count(submissions));
    }

    /// The upstream receipted a batch.
    pub fn batch_forwarded(&self, records: usize) {
        self.forwarded.inc_by(count(records));
    }

    /// An attempt to forward failed.
    pub fn forward_failed(&self) {
        self.forward_failures.inc();
    }

    /// A connection was opened.
    pub fn connection_opened(&self) {
        self.connections.inc();
    }

    /// A connection was closed.
    pub fn connection_closed(&self) {
        self.connections.dec();
    }

    /// A connection was refused before its first request.
    pub fn connection_refused(&self) {
        self.refused_connections.inc();
    }

    /// An open connection was cut.
    pub fn connection_cut(&self) {
        self.cut_connections.inc();
    }

    /// A tick of a job ended in this process.
    pub fn tick_ended(&self, job: &'static str, result: &'static str) {
        self.ticks.get_or_create(&TickLabel { job, result }).inc();
    }

    /// So many days are left of the hub's own certificates and of the CAs that it trusts.
    pub fn certificates_checked(&self, own: i64, authorities: i64) {
        for (of, days) in [("own", own), ("authorities", authorities)] {
            let gauge = self
                .certificate_days
                .get_or_create(&CertificateLabel { of });
            gauge.set(days);
        }
    }

    /// Everything in the text format of Prometheus.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Half a page would look like counters that went back.
            Err(_) => String::new(),
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_apart() {
        let metrics = Metrics::default();

        let outcomes = ["accepted", "accepted", "rejected", "accepted"];
        metrics.group_committed(2, outcomes.into_iter(), Duration::from_millis(3));

        let text = metrics.text();
        assert!(
            text.contains("childsync_ingest_records_total{outcome=\"accepted\"} 3"),
            "{text}"
        );
        assert!(
            text.contains("childsync_ingest_records_total{outcome=\"rejected\"} 1"),
            "{text}"
        );
    }
}
