//! `childsync generate --labelled`: one CSV with the truth in it.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use time::Date;
use time::macros::format_description;

use super::Size;
use crate::agent::population::labelled::mix::ErrorMix;
use crate::agent::population::labelled::{LabelledOptions, LabelledPopulation, Territory};
use crate::cli::operator::{progress, say};
use crate::domain::unit::AdminScheme;

/// What only a labelled file has.
#[derive(Args, Debug)]
pub(super) struct LabelledFile {
    /// One CSV with every entry and its child's number
    #[arg(long, value_name = "FILE.csv", conflicts_with = "out")]
    labelled: Option<PathBuf>,
    /// Print the shares of the mix as TOML, to be changed and given to --mix
    #[arg(long, conflicts_with_all = ["out", "labelled"])]
    print_mix: bool,
    /// The communes of the whole country, by this list, instead of a province's
    #[arg(
        long,
        value_name = "SCHEME",
        num_args = 0..=1,
        default_missing_value = "GSO_PRE2025",
        conflicts_with_all = ["out", "province"]
    )]
    country: Option<AdminScheme>,
    /// Share of the children that are entered more than once
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.10,
        conflicts_with = "out"
    )]
    duplicates: f64,
    /// How many faults of which kind: standard, harsh, clean, or a file
    #[arg(
        long,
        value_name = "NAME|FILE.toml",
        default_value = "standard",
        conflicts_with = "out"
    )]
    mix: String,
    /// The day on which all children are under 16; the same file needs the same day
    #[arg(
        long,
        value_name = "YYYY-MM-DD",
        default_value = "2026-06-30",
        value_parser = parse_date,
        conflicts_with = "out"
    )]
    today: Date,
}

fn parse_date(text: &str) -> Result<Date, time::error::Parse> {
    Date::parse(text, format_description!("[year]-[month]-[day]"))
}

impl LabelledFile {
    pub(super) fn run(&self, size: Size) -> anyhow::Result<()> {
        let mix = self.read_mix().context("--mix")?;
        let Some(path) = &self.labelled else {
            say(mix.to_toml()?);
            return Ok(());
        };
        anyhow::ensure!(
            (0.0..=1.0).contains(&self.duplicates),
            "--duplicates: a share is a number from 0 to 1"
        );
        let options = LabelledOptions {
            children: size.children.into(),
            communes: size.communes.number(),
            territory: self
                .country
                .map_or(Territory::Province(size.province), Territory::Country),
            seed: size.seed,
            registered_again: self.duplicates,
            today: self.today,
        };
        let population = LabelledPopulation::generate(&options, &mix);
        let rows = population.rows();
        anyhow::ensure!(
            rows.records() > 0,
            "--children and --province: nobody to make, or no communes in the list"
        );
        let file = File::create(path).with_context(|| path.display().to_string())?;
        let bar = progress("Writing", rows.records());
        population.write(BufWriter::new(file), |_| bar.inc(1))?;
        bar.finish_and_clear();
        say(format_args!(
            "{} records of {} children, {} of them entered more than once, written to {}",
            rows.records(),
            rows.children(),
            rows.registered_again(),
            path.display()
        ));
        Ok(())
    }

    fn read_mix(&self) -> anyhow::Result<ErrorMix> {
        if let Some(mix) = ErrorMix::named(&self.mix) {
            return Ok(mix);
        }
        let text = fs::read_to_string(&self.mix).with_context(|| {
            format!(
                "{}: standard, harsh, clean, or a file that can be read",
                self.mix
            )
        })?;
        Ok(ErrorMix::from_toml(&text)?)
    }
}
