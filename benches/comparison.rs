//! How long a comparison takes and what it sends: two ends with many records that differ in a few, over mutual
//! TLS on this machine. The upper end is a whole hub. `benches/README.md` keeps the figures.

#[path = "comparison/ends.rs"]
mod ends;

use std::io::Write;

use childsync::domain::comparison::Repair;
use childsync::sync::comparison::lower::{UpperEnd, make_comparison};
use clap::Parser;
use tokio::time::Instant;
use uuid::Uuid;

use ends::Ends;

/// Where the database server of the measurement is found; SQLite without it.
const POSTGRES_VARIABLE: &str = "CHILDSYNC_BENCH_POSTGRES_URL";

/// Measures comparisons on this machine
#[derive(Debug, Parser)]
#[command(
    name = "comparison",
    after_help = "Examples:\n  \
        BENCH=comparison scripts/bench\n  \
        cargo bench --bench comparison -- --records 100000\n\n\
        With scripts/bench the databases are PostgreSQL's, otherwise SQLite's."
)]
struct Arguments {
    /// Records of the lower end
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u32).range(1_000..=4_000_000))]
    records: u32,
    /// Records that differ: two fifths are missing, two fifths are different, one fifth is extra
    #[arg(long, default_value_t = 100)]
    differences: u32,
    /// Comparisons to make
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// What `cargo bench` passes to every bench
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let url = std::env::var(POSTGRES_VARIABLE).ok();
    let engine = url.as_ref().map_or("SQLite", |_| "PostgreSQL");
    let ends = Ends::new(url.as_deref(), arguments.records, arguments.differences).await?;
    let mut line = ends.line()?;
    for _ in 0..arguments.rounds {
        let started = Instant::now();
        let report =
            make_comparison(&ends.lower, &mut line, Uuid::now_v7(), Repair::Nothing).await?;
        let seconds = started.elapsed().as_secs_f64();
        let found = report.counts.alarms();
        anyhow::ensure!(
            found == i64::from(ends.planted),
            "{found} differences were found, and {} planted",
            ends.planted
        );
        writeln!(
            std::io::stdout(),
            "{engine}: {} records, {found} differences: {seconds:.2} s, {} bytes, {} rounds",
            arguments.records,
            line.traffic_bytes(),
            report.rounds,
        )?;
    }
    ends.stop().await
}
