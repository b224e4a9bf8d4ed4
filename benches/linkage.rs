//! Measures the linkage without a database: a whole file in bulk, and single records against an index that
//! holds few and many. `benches/README.md` keeps the figures.

#[path = "linkage/bulk.rs"]
mod bulk;
#[path = "linkage/online.rs"]
mod online;

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use serde::Serialize;

use bulk::Bulk;
use online::Held;

/// Measures the linkage on this machine
#[derive(Debug, Parser)]
#[command(
    name = "linkage",
    after_help = "Examples:\n  \
        cargo bench --bench linkage\n  \
        cargo bench --bench linkage -- --records 100000 --held 100000,500000 --json\n  \
        cargo bench --bench linkage -- --records 0 --held 100000,5000000"
)]
struct Arguments {
    /// Different children of the file that is linked in bulk, a tenth of them entered more than once; 0
    /// leaves it out
    #[arg(long, default_value_t = 880_000)]
    records: u32,
    /// How many records the index holds when single ones come, rising
    #[arg(long, value_delimiter = ',', default_value = "100000,500000,5000000")]
    held: Vec<u32>,
    /// Single records that are timed at each step
    #[arg(long, default_value_t = 20_000)]
    samples: usize,
    /// Decides everything that is drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A model instead of the one that ships with the program
    #[arg(long)]
    model: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// What `cargo bench` passes to every bench
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

/// What was measured.
#[derive(Serialize)]
struct Report {
    /// A file of its own process.
    bulk: Option<Bulk>,
    /// Single records.
    held: Vec<Held>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let bulk = match arguments.records {
        0 => None,
        children => Some(bulk::measure(
            children,
            arguments.seed,
            arguments.model.as_deref(),
        )?),
    };
    let held = online::measure(
        &arguments.held,
        arguments.samples,
        arguments.seed,
        arguments.model.as_deref(),
    )?;
    let report = Report { bulk, held };
    let mut out = std::io::stdout();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    if let Some(bulk) = &report.bulk {
        writeln!(out, "{bulk}\n")?;
    }
    for held in &report.held {
        writeln!(out, "{held}")?;
    }
    Ok(())
}

/// Tells on standard error what is going on.
fn progress(what: impl Display) {
    if let Err(error) = writeln!(std::io::stderr(), "… {what}") {
        // Nobody reads it; the figures count.
        drop(error);
    }
}
