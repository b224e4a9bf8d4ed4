//! The load program: how fast one machine takes records in, reconciles them and carries them to the
//! nation, and how that compares with PostgreSQL's own `COPY`. `benches/README.md` keeps the figures.

#[path = "ingest/chain.rs"]
mod chain;
#[path = "ingest/cpu.rs"]
mod cpu;
#[path = "ingest/feed.rs"]
mod feed;
#[path = "ingest/hub.rs"]
mod hub;
#[path = "ingest/latency.rs"]
mod latency;
#[path = "ingest/load.rs"]
mod load;
#[path = "ingest/machine.rs"]
mod machine;
#[path = "ingest/postgres.rs"]
mod postgres;
#[path = "ingest/report.rs"]
mod report;
#[path = "ingest/rounds.rs"]
mod rounds;
#[path = "ingest/site.rs"]
mod site;

use std::io::Write;

use anyhow::Context;
use clap::{Parser, ValueEnum};

use load::Load;
use machine::Machine;
use report::{EngineFigures, Report};
use site::Bench;

/// Where the database server of the measurement is found.
const POSTGRES_VARIABLE: &str = "CHILDSYNC_BENCH_POSTGRES_URL";

/// Measures a hub and a chain of two hubs on this machine
#[derive(Debug, Parser)]
#[command(
    name = "ingest",
    after_help = "Examples:\n  \
        scripts/bench\n  \
        scripts/bench --engine postgres --records 200000 --json\n  \
        scripts/bench --engine postgres --uploads 7\n  \
        scripts/bench --engine postgres --load 200\n  \
        cargo bench --bench ingest -- --engine sqlite\n\n\
        scripts/bench starts a PostgreSQL of its own and removes it afterwards. To measure another\n\
        server, name an empty database of it in CHILDSYNC_BENCH_POSTGRES_URL."
)]
struct Arguments {
    /// Records that the nodes push, second registrations included
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(100..))]
    records: u32,
    /// Nodes that push at the same time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    nodes: u32,
    /// Engine of the hubs' databases
    #[arg(long, value_enum, default_value_t = Engines::Both)]
    engine: Engines,
    /// Decides everything that is drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Single records whose way to the nation is timed
    #[arg(long, default_value_t = 300)]
    samples: u32,
    /// Load beside the urgent reports, in percent of what the chain carries: above 100 the routine lane has
    /// always more than it can send
    #[arg(long, value_name = "PERCENT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    load: u32,
    /// Measure only uploads against Push, in turn, so many times
    #[arg(long, value_name = "ROUNDS", value_parser = clap::value_parser!(u32).range(1..=99))]
    uploads: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// What `cargo bench` passes to every bench
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

/// What `--engine` may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engines {
    Sqlite,
    Postgres,
    Both,
}

/// Which engine is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Engine {
    Sqlite,
    Postgres,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let engines = match arguments.engine {
        Engines::Sqlite => vec![Engine::Sqlite],
        Engines::Postgres => vec![Engine::Postgres],
        Engines::Both => vec![Engine::Postgres, Engine::Sqlite],
    };
    let server = match std::env::var(POSTGRES_VARIABLE) {
        Ok(url) => Some(postgres::Server::find(url).await?),
        Err(_) if engines.contains(&Engine::Postgres) => {
            anyhow::bail!("{POSTGRES_VARIABLE} is not set: use scripts/bench, or --engine sqlite")
        }
        Err(_) => None,
    };
    let machine = Machine::look(server.as_ref())?;
    progress(format_args!("making {} records", arguments.records));
    let load = Load::make(arguments.records, arguments.nodes, arguments.seed)?;
    let bench = Bench {
        server,
        load,
        samples: arguments.samples,
        load_percent: arguments.load,
    };
    if let Some(rounds) = arguments.uploads {
        return compare_uploads(&bench, &engines, rounds, arguments.json).await;
    }
    let mut report = Report::new(machine, &arguments);
    for engine in engines {
        let figures = measure(&bench, engine).await;
        report
            .engines
            .push(figures.with_context(|| format!("on {engine:?}"))?);
    }
    let text = if arguments.json {
        report.as_json()?
    } else {
        report.as_text()
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

/// Measures uploads against `Push` and nothing else.
async fn compare_uploads(
    bench: &Bench,
    engines: &[Engine],
    rounds: u32,
    json: bool,
) -> anyhow::Result<()> {
    for engine in engines {
        let measured = rounds::measure(bench, *engine, rounds).await?;
        let text = if json {
            serde_json::to_string_pretty(&measured)?
        } else {
            measured.as_text()
        };
        writeln!(std::io::stdout(), "{engine:?}:\n{text}")?;
    }
    Ok(())
}

/// Everything that is measured on one engine.
async fn measure(bench: &Bench, engine: Engine) -> anyhow::Result<EngineFigures> {
    let one_hub = chain::measure_one_hub(bench, engine).await?;
    let ingest_alone = chain::measure_ingest_alone(bench, engine).await?;
    let uploads = chain::measure_uploads(bench, engine).await?;
    let forward = chain::measure_forwarding(bench, engine).await?;
    let chain = chain::start(bench, engine).await?;
    let whole_chain = chain::measure_whole_chain(bench, &chain).await?;
    let latency = latency::measure(bench, &chain, whole_chain.per_second).await?;
    chain.stop(bench).await?;
    Ok(EngineFigures {
        engine,
        copy: one_hub.copy,
        ingest_alone,
        uploads,
        ingest: one_hub.ingest,
        pipeline: one_hub.pipeline,
        restart: one_hub.restart,
        forward,
        whole_chain,
        latency,
    })
}

/// Says on standard error what is being done; nobody reading it is no error.
fn progress(words: impl std::fmt::Display) {
    drop(writeln!(std::io::stderr(), "ingest: {words}"));
}
