//! What was measured, as a table or as JSON.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::cpu::CpuSeconds;
use crate::latency::{Latencies, WayTimes};
use crate::machine::Machine;
use crate::{Arguments, Engine};

/// Everything that was measured in one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    records: u32,
    nodes: u32,
    seed: u64,
    /// One entry for each engine.
    pub(crate) engines: Vec<EngineFigures>,
}

/// What was measured on one engine.
#[derive(Debug, Serialize)]
pub(crate) struct EngineFigures {
    pub(crate) engine: Engine,
    /// `COPY` of the same rows; on PostgreSQL only.
    pub(crate) copy: Option<Copies>,
    /// First push to last acknowledgement, while another replica leads the reconciler and rests.
    pub(crate) ingest_alone: Rate,
    /// The same records as uploads: first byte to last receipt, the reconciler at rest.
    pub(crate) uploads: Rate,
    /// First push to last acknowledgement, with the reconciler at work.
    pub(crate) ingest: Rate,
    /// First push until everything is reconciled.
    pub(crate) pipeline: Rate,
    /// The same hub, stopped and started again with everything it holds.
    pub(crate) restart: Restart,
    /// Golden records from a filled province to an empty nation.
    pub(crate) forward: Rate,
    /// First push until the nation holds everything.
    pub(crate) whole_chain: Rate,
    pub(crate) latency: Latencies,
}

/// `COPY` of the same rows in both of its formats.
#[derive(Debug, Serialize)]
pub(crate) struct Copies {
    pub(crate) text: Rate,
    pub(crate) binary: Rate,
}

/// How soon a hub is back.
#[derive(Debug, Serialize)]
pub(crate) struct Restart {
    /// Records that it holds.
    pub(crate) held: u64,
    /// From the start of the process to the first acknowledged record.
    pub(crate) seconds_to_acknowledgement: f64,
    /// To the first record that is in a golden record: the linkage index is back.
    pub(crate) seconds_to_reconciled: f64,
    /// What the process has then.
    pub(crate) resident_bytes: u64,
}

impl Restart {
    fn as_text(&self) -> String {
        let Self {
            held,
            seconds_to_acknowledgement,
            seconds_to_reconciled,
            resident_bytes,
        } = self;
        format!(
            "Started again with {held} records: {seconds_to_acknowledgement:.2} s to the first acknowledgement, \
             {seconds_to_reconciled:.2} s to the first reconciled record, {} MiB of memory.",
            resident_bytes / (1024 * 1024)
        )
    }
}

/// How many in what time, and who worked for it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rate {
    pub(crate) records: u64,
    pub(crate) seconds: f64,
    pub(crate) per_second: f64,
    pub(crate) cpu_seconds: CpuSeconds,
}

impl Rate {
    /// So many records in this time.
    pub(crate) fn new(records: u64, took: Duration, cpu_seconds: CpuSeconds) -> Self {
        let per_second = per_second(records, took);
        Self {
            records,
            seconds: took.as_secs_f64(),
            per_second,
            cpu_seconds,
        }
    }
}

/// Records a second.
pub(crate) fn per_second(records: u64, took: Duration) -> f64 {
    f64::from(u32::try_from(records).unwrap_or(u32::MAX)) / took.as_secs_f64()
}

/// Milliseconds of the middle and of the slow end of many samples.
#[derive(Debug, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) samples: usize,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Percentiles {
    /// `None` without samples.
    pub(crate) fn of(mut samples: Vec<Duration>) -> Option<Self> {
        samples.sort_unstable();
        let count = samples.len();
        let at = |percent: usize| {
            let place = (count * percent).div_ceil(100).max(1) - 1;
            samples
                .get(place)
                .map(|sample| sample.as_secs_f64() * 1_000.0)
        };
        Some(Self {
            samples: count,
            p50: at(50)?,
            p99: at(99)?,
            max: at(100)?,
        })
    }
}

impl Report {
    /// A report of no engine yet.
    pub(crate) fn new(machine: Machine, arguments: &Arguments) -> Self {
        let Arguments {
            records,
            nodes,
            seed,
            ..
        } = *arguments;
        Self {
            machine,
            records,
            nodes,
            seed,
            engines: Vec::new(),
        }
    }

    pub(crate) fn as_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    pub(crate) fn as_text(&self) -> String {
        let Self {
            machine,
            records,
            nodes,
            seed,
            engines,
        } = self;
        let head = format!("{machine}\n{records} records of {nodes} nodes, seed {seed}");
        let parts = engines.iter().map(EngineFigures::as_text);
        std::iter::once(head)
            .chain(parts)
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}

impl EngineFigures {
    fn as_text(&self) -> String {
        let ratio = self.copy.as_ref().map_or(String::new(), |copy| {
            let [text, binary, alone] = [
                self.ingest.per_second / copy.text.per_second,
                self.ingest.per_second / copy.binary.per_second,
                self.ingest_alone.per_second / copy.text.per_second,
            ];
            format!("\nIngest is {text:.2} of COPY, {binary:.2} of binary COPY; alone {alone:.2} of COPY.")
        });
        let uploads = self.uploads.per_second / self.ingest_alone.per_second;
        let load = self.latency.load_per_second;
        format!(
            "{:?}\n{}{ratio}\nUploads are {uploads:.2} of Push, the reconciler at rest.\n{}\n\nMilliseconds of single records; the load beside was {load:.0} a second\n{}",
            self.engine,
            self.rates(),
            self.restart.as_text(),
            self.times(),
        )
    }

    fn rates(&self) -> Table {
        let mut table = right_aligned(&[
            "what",
            "records",
            "seconds",
            "a second",
            "cpu: hubs",
            "client",
            "postgres",
            "others",
            "disk wait",
        ]);
        let rates = [
            (
                "COPY into the same table",
                self.copy.as_ref().map(|copy| &copy.text),
            ),
            ("COPY, binary", self.copy.as_ref().map(|copy| &copy.binary)),
            ("ingest, reconciler at rest", Some(&self.ingest_alone)),
            ("uploads, reconciler at rest", Some(&self.uploads)),
            ("ingest, acknowledged", Some(&self.ingest)),
            ("pipeline, reconciled", Some(&self.pipeline)),
            ("forward, golden records", Some(&self.forward)),
            ("chain, push to nation", Some(&self.whole_chain)),
            ("feed read from its beginning", Some(&self.latency.feed)),
        ];
        for (what, rate) in rates {
            if let Some(rate) = rate {
                table.add_row(rate.cells(what));
            }
        }
        table
    }

    fn times(&self) -> Table {
        let mut table = right_aligned(&["way", "samples", "p50", "p99", "max"]);
        let Latencies {
            quiet,
            urgent_under_load,
            ..
        } = &self.latency;
        for (
            what,
            WayTimes {
                acknowledged,
                at_nation,
            },
        ) in [
            ("child, quiet", quiet),
            ("urgent report, under load", urgent_under_load),
        ] {
            for (way, times) in [("acknowledged", acknowledged), ("at the nation", at_nation)] {
                let mut cells = vec![format!("{what}, {way}"), times.samples.to_string()];
                cells.extend([times.p50, times.p99, times.max].map(|time| format!("{time:.1}")));
                table.add_row(cells);
            }
        }
        table
    }
}

impl Rate {
    fn cells(&self, what: &str) -> Vec<String> {
        let cpu = &self.cpu_seconds;
        let hubs: Vec<String> = cpu.hubs.iter().map(|hub| format!("{hub:.2}")).collect();
        let used = [cpu.client, cpu.postgres, cpu.others, cpu.disk_wait];
        let mut cells = vec![
            what.to_owned(),
            self.records.to_string(),
            format!("{:.2}", self.seconds),
            format!("{:.0}", self.per_second),
            hubs.join(" + "),
        ];
        cells.extend(used.map(|seconds| format!("{seconds:.2}")));
        cells
    }
}

/// A table without lines whose columns, but for the first, are numbers.
fn right_aligned(titles: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(titles.to_vec());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
