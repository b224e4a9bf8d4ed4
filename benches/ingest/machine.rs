//! The machine on which the figures were reached.

use std::fs;

use childsync::domain::clock::{Clock, SystemClock};
use serde::Serialize;

use crate::postgres::Server;

/// What must be known about a machine to compare figures.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    /// The day of the measurement, in Vietnam.
    pub(crate) date: String,
    /// Cores that this program may use.
    pub(crate) cores: usize,
    /// What the processor calls itself.
    pub(crate) processor: String,
    /// Memory, in GiB, rounded down.
    pub(crate) memory_gibibytes: u64,
    /// Version of the Linux kernel.
    pub(crate) kernel: String,
    /// Version of the PostgreSQL server and how safely it writes.
    pub(crate) postgres: Option<String>,
}

impl Machine {
    /// Reads what the system tells about itself.
    pub(crate) fn look(server: Option<&Server>) -> anyhow::Result<Self> {
        let memory = field("/proc/meminfo", "MemTotal");
        let kibibytes: u64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
        Ok(Self {
            date: SystemClock.now().date().to_string(),
            cores: std::thread::available_parallelism()?.get(),
            processor: field("/proc/cpuinfo", "model name"),
            memory_gibibytes: kibibytes / (1024 * 1024),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            postgres: server.map(|server| server.description.clone()),
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            date,
            cores,
            processor,
            memory_gibibytes,
            kernel,
            postgres,
        } = self;
        write!(
            formatter,
            "{date}: {cores} cores ({processor}), {memory_gibibytes} GiB memory, "
        )?;
        write!(formatter, "Linux {kernel}")?;
        match postgres {
            Some(postgres) => write!(formatter, ", {postgres}"),
            None => Ok(()),
        }
    }
}

/// The first value of a key in a file of `key : value` lines; empty if there is none.
fn field(path: &str, key: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(name, _)| name.trim() == key);
    found
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}
