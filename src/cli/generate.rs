//! `childsync generate`: a made-up population as CSV files.

mod labelled;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use clap::{ArgGroup, Args};

use super::operator::{progress, say};
use crate::agent::csv_writer::CsvWriter;
use crate::agent::population::{Population, PopulationOptions};
use crate::domain::clock::{Clock, SystemClock};
use crate::domain::unit::UnitReference;

/// Make up children of a province's real communes: one CSV for each commune, or one labelled CSV
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("what").args(["out", "labelled", "print_mix"]).required(true),
    after_help = "Examples:\n  \
    childsync generate --out population --children 10000 --communes 40\n  \
    childsync generate --labelled labelled.csv --children 100000 --communes all --mix harsh\n  \
    childsync generate --labelled nation.csv --country --communes all --children 1000000 --seed 7\n  \
    childsync generate --print-mix --mix standard > my-mix.toml\n\n\
    DIR/commune-CODE.csv can be pushed with `childsync import`; DIR/truth.csv says which records\n\
    are the same child. A labelled file has the truth in its column entity_id, and the faults that\n\
    make entries of one child hard to find. No record is a real person's."
)]
pub(super) struct Generate {
    /// Folder for the files; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    size: Size,
    #[command(flatten)]
    labelled: labelled::LabelledFile,
}

/// How large a population.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Size {
    /// Different children
    #[arg(long, default_value_t = 5_000)]
    pub(super) children: u32,
    /// Communes they live in: a number, or all
    #[arg(long, default_value = "20", value_name = "NUMBER|all")]
    pub(super) communes: Communes,
    /// Decides everything that is drawn
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// The province
    #[arg(long, value_name = "SCHEME:CODE", default_value = "GSO_PRE2025:91")]
    pub(super) province: UnitReference,
}

/// How many communes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Communes {
    /// All there are.
    All,
    /// So many, spread over the territory.
    Number(NonZeroU32),
}

impl FromStr for Communes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self::All);
        }
        let number = text.parse().map_err(|_| "a number from 1, or all")?;
        Ok(Self::Number(number))
    }
}

impl Communes {
    /// The number, if one was given.
    pub(super) fn number(self) -> Option<u32> {
        match self {
            Self::All => None,
            Self::Number(number) => Some(number.get()),
        }
    }
}

impl Size {
    /// The population: a tenth of the children are registered twice.
    pub(super) fn populate(self) -> anyhow::Result<Population> {
        let population = Population::generate(&PopulationOptions {
            children: self.children,
            communes: self.communes.number().unwrap_or(u32::MAX),
            province: self.province,
            seed: self.seed,
            registered_twice: 0.10,
            today: SystemClock.now().date(),
        });
        let none = population.communes.is_empty();
        anyhow::ensure!(
            !none,
            "--province: {} has no communes in its list",
            self.province
        );
        Ok(population)
    }
}

impl Generate {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match &self.out {
            Some(out) => self.write_communes(out),
            None => self.labelled.run(self.size),
        }
    }

    fn write_communes(&self, out: &Path) -> anyhow::Result<()> {
        let population = self.size.populate()?;
        fs::create_dir_all(out).context("--out")?;
        let mut files = HashMap::new();
        for (node, _) in &population.communes {
            files.insert(node.as_str(), CsvWriter::new(create(out, node)?)?);
        }
        let mut truth = csv::Writer::from_writer(create(out, "truth")?);
        truth.write_record(["record_id", "node", "entity_id"])?;
        let bar = progress("Writing", population.records.len());
        for record in &population.records {
            if let Some(file) = files.get_mut(record.node.as_str()) {
                file.write(record.record_id, 1, &record.draft)?;
            }
            let entity = record.entity_id.to_string();
            truth.write_record([&record.record_id.to_string(), &record.node, &entity])?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        for file in files.into_values() {
            file.finish()?;
        }
        truth.flush()?;
        say(format_args!(
            "{} records of {} children in {} communes written to {}",
            population.records.len(),
            population.children,
            population.communes.len(),
            out.display()
        ));
        Ok(())
    }
}

fn create(folder: &Path, name: &str) -> anyhow::Result<BufWriter<File>> {
    let path = folder.join(format!("{name}.csv"));
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    Ok(BufWriter::new(file))
}
