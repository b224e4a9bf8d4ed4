//! Processor time, from `/proc`: who used how much of the machine between two moments.

use std::fs;

use serde::Serialize;

/// `/proc` counts processor time in hundredths of a second on every Linux machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// Whose processor time is read.
pub(crate) struct Meter {
    hubs: Vec<u32>,
    postmaster: Option<u32>,
}

/// Processor seconds used since the processes started, or between two readings.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CpuSeconds {
    /// Each hub, the lowest tier first.
    pub(crate) hubs: Vec<f64>,
    /// This program: the nodes that push.
    pub(crate) client: f64,
    /// All processes of the PostgreSQL server.
    pub(crate) postgres: f64,
    /// Everything else on the machine, the kernel's own work included.
    pub(crate) others: f64,
    /// Time in which a core had nothing to do but to wait for the disk.
    pub(crate) disk_wait: f64,
}

impl Meter {
    /// Reads the processes of these ids, and those of the server whose first process this is.
    pub(crate) fn new(hubs: Vec<u32>, postmaster: Option<u32>) -> Self {
        Self { hubs, postmaster }
    }

    /// Processor seconds up to now; a process that is gone counts as nothing.
    pub(crate) fn read(&self) -> CpuSeconds {
        let own = |id: &str| Process::read(id).map_or(0.0, |process| process.own);
        let hubs: Vec<f64> = self.hubs.iter().map(|id| own(&id.to_string())).collect();
        let client = own("self");
        let postgres = self.postmaster.map_or(0.0, server_seconds);
        let (busy, disk_wait) = machine_seconds();
        let others = busy - client - postgres - hubs.iter().sum::<f64>();
        CpuSeconds {
            hubs,
            client,
            postgres,
            others,
            disk_wait,
        }
    }

    /// Processor seconds since a reading.
    pub(crate) fn since(&self, before: &CpuSeconds) -> CpuSeconds {
        let now = self.read();
        let hubs = now
            .hubs
            .iter()
            .zip(&before.hubs)
            .map(|(now, before)| now - before);
        CpuSeconds {
            hubs: hubs.collect(),
            client: now.client - before.client,
            postgres: now.postgres - before.postgres,
            others: now.others - before.others,
            disk_wait: now.disk_wait - before.disk_wait,
        }
    }
}

/// What `/proc/ID/stat` says about a process.
struct Process {
    parent: u32,
    own: f64,
    ended_children: f64,
}

impl Process {
    fn read(id: &str) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name stands in parentheses and may hold anything, parentheses included.
        let (_, numbers) = text.rsplit_once(')')?;
        let numbers: Vec<&str> = numbers.split_whitespace().collect();
        let ticks = |place: usize| numbers.get(place)?.parse::<f64>().ok();
        Some(Self {
            parent: numbers.get(1)?.parse().ok()?,
            own: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
            ended_children: (ticks(13)? + ticks(14)?) / TICKS_PER_SECOND,
        })
    }
}

/// A PostgreSQL server is one process with a child for each connection and each duty.
fn server_seconds(postmaster: u32) -> f64 {
    let Some(first) = Process::read(&postmaster.to_string()) else {
        return 0.0;
    };
    let running = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let process = Process::read(entry.ok()?.file_name().to_str()?)?;
            (process.parent == postmaster).then_some(process.own)
        });
    first.own + first.ended_children + running.sum::<f64>()
}

/// Busy seconds and disk-waiting seconds of all cores together.
fn machine_seconds() -> (f64, f64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = first
        .split_whitespace()
        .skip(1)
        .filter_map(|tick| tick.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq; what follows is a virtual machine's.
    let [
        user,
        nice,
        system,
        _,
        waiting,
        interrupts,
        soft_interrupts,
        ..,
    ] = ticks.as_slice()
    else {
        return (0.0, 0.0);
    };
    let busy = user + nice + system + interrupts + soft_interrupts;
    (busy / TICKS_PER_SECOND, waiting / TICKS_PER_SECOND)
}

/// The first process of the server that a server process with this id belongs to.
pub(crate) fn postmaster_of(backend: u32) -> Option<u32> {
    let name = fs::read_to_string(format!("/proc/{backend}/comm")).ok()?;
    // The id of a process on another machine may be anybody's on this one.
    let is_server = name.starts_with("postgres");
    is_server.then(|| Process::read(&backend.to_string()).map(|process| process.parent))?
}
