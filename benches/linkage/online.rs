//! Single records against an index that holds many: what one match costs, and what one record takes up.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use childsync::agent::population::labelled::mix::ErrorMix;
use childsync::agent::population::labelled::{LabelledOptions, LabelledPopulation, Territory};
use childsync::app::read_model;
use childsync::cli::evaluate::labelled::{Columns, LabelledFile, LabelledRows};
use childsync::domain::clock::{Clock, SystemClock};
use childsync::domain::golden::GoldenId;
use childsync::domain::record::RecordKey;
use childsync::domain::unit::{AdminScheme, UnitReference};
use childsync::linkage::decisions::Decisions;
use childsync::linkage::details::row_key;
use childsync::linkage::features::Normalised;
use childsync::linkage::index::LinkageIndex;
use childsync::sync::bulk::compare_all;
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use crate::progress;

/// Children that are drawn at a time, of one province after another.
const CHILDREN_AT_A_TIME: u64 = 10_000;
/// Share of the children that are entered more than once, with the faults of the standard mix.
const ENTERED_AGAIN: f64 = 0.10;
/// What single records cost when so many are held.
#[derive(Serialize)]
pub(crate) struct Held {
    records: usize,
    /// Of the process, per record, beyond what it had before the first record.
    bytes_per_record: u64,
    /// Mean time of one match: normalise, find candidates, compare, settle.
    mean_microseconds: f64,
    p50_microseconds: f64,
    p99_microseconds: f64,
    max_microseconds: f64,
    /// How many were timed.
    samples: usize,
    /// How many of the timed records were linked with one that was there.
    linked: usize,
}

/// Records of the whole country, province after province.
struct Country {
    provinces: Vec<UnitReference>,
    seed: u64,
    rows: LabelledRows,
    columns: Option<Columns>,
    /// Rows of these that were given.
    place: usize,
    drawn: u64,
    given: u64,
}

impl Country {
    /// The next row, which must be read before the one after it.
    fn next(&mut self) -> anyhow::Result<RecordKey> {
        self.place += 1;
        if self.place >= self.rows.len() {
            self.draw()?;
            self.place = 0;
        }
        self.given += 1;
        Ok(row_key(0, self.given))
    }

    /// What linkage makes of that row.
    fn normalised(&self) -> anyhow::Result<Normalised> {
        let columns = self.columns.as_ref().context("nobody was drawn")?;
        let row = self.rows.get(self.place).context("nobody was drawn")?;
        Ok(Normalised::new(&columns.details(&row)))
    }

    fn draw(&mut self) -> anyhow::Result<()> {
        let turn = usize::try_from(self.drawn)?;
        let province = self.provinces.get(turn % self.provinces.len());
        let province = *province.context("there is no province")?;
        let options = LabelledOptions {
            children: CHILDREN_AT_A_TIME,
            communes: None,
            territory: Territory::Province(province),
            seed: self.seed + self.drawn,
            registered_again: ENTERED_AGAIN,
            today: SystemClock.now().date(),
        };
        self.drawn += 1;
        let population = LabelledPopulation::generate(&options, &ErrorMix::default());
        let mut text = Vec::new();
        population.write(&mut text, |_| ())?;
        let mut file = LabelledFile::open(text.as_slice(), province.scheme)?;
        self.columns = Some(file.columns());
        self.rows = file.next_rows(usize::MAX)?;
        Ok(())
    }
}

/// Fills one index step by step and times single records at each.
pub(crate) fn measure(
    steps: &[u32],
    samples: usize,
    seed: u64,
    model: Option<&Path>,
) -> anyhow::Result<Vec<Held>> {
    let model = Arc::new(read_model(model)?);
    let mut index = LinkageIndex::new(model, Decisions::default());
    let mut country = Country {
        provinces: provinces(),
        seed,
        rows: LabelledRows::default(),
        columns: None,
        place: 0,
        drawn: 0,
        given: 0,
    };
    let names = Cell::new(0_u128);
    let fresh = || {
        names.set(names.get() + 1);
        GoldenId::new(Uuid::from_u128(names.get()))
    };
    let mut figures = Vec::new();
    // The lists that drawing and reading need are there once, however many records are held.
    country.next()?;
    drop(country.normalised()?);
    let empty = resident_bytes()?;
    for step in steps {
        let target = usize::try_from(*step)?;
        progress(format_args!("filling the index up to {target}"));
        fill(&mut index, &mut country, target)?;
        index.settle_some(usize::MAX, fresh);
        let bytes = resident_bytes()?.saturating_sub(empty);
        let mut times = Vec::with_capacity(samples);
        let mut linked = 0;
        for _ in 0..samples {
            let key = country.next()?;
            let (named, started) = (names.get(), Instant::now());
            index.apply(key, Some(&country.normalised()?));
            let settlement = index.settle(fresh);
            times.push(started.elapsed());
            anyhow::ensure!(!settlement.moves.is_empty(), "a record was not placed");
            linked += usize::from(names.get() == named);
        }
        figures.push(Held::new(target, bytes, times, linked)?);
    }
    Ok(figures)
}

/// The provinces before July 2025.
fn provinces() -> Vec<UnitReference> {
    let scheme = AdminScheme::GsoPre2025;
    let at = |code| UnitReference { scheme, code };
    let above = |code| at(code).find().and_then(|unit| unit.parent);
    let communes = scheme.communes().into_iter();
    let districts = communes.filter_map(|commune| commune.parent);
    let codes: BTreeSet<_> = districts.map(|code| above(code).unwrap_or(code)).collect();
    codes.into_iter().map(at).collect()
}

/// Loads records and compares all, as a hub does when it starts.
fn fill(index: &mut LinkageIndex, country: &mut Country, target: usize) -> anyhow::Result<()> {
    index.reserve(target.saturating_sub(index.len()));
    while index.len() < target {
        let key = country.next()?;
        index.load(key, &country.normalised()?, None);
    }
    progress("comparing them");
    compare_all(index);
    index.put_off_all();
    Ok(())
}

impl Held {
    fn new(
        records: usize,
        bytes: u64,
        mut times: Vec<Duration>,
        linked: usize,
    ) -> anyhow::Result<Self> {
        times.sort_unstable();
        let at = |place: usize| {
            let time = times.get(place.min(times.len().saturating_sub(1)));
            time.map_or(0.0, |time| time.as_secs_f64() * 1e6)
        };
        let sum: Duration = times.iter().sum();
        let samples = f64::from(u32::try_from(times.len())?);
        Ok(Self {
            records,
            samples: times.len(),
            bytes_per_record: bytes / u64::try_from(records)?,
            mean_microseconds: sum.as_secs_f64() * 1e6 / samples,
            p50_microseconds: at(times.len() / 2),
            p99_microseconds: at(times.len() * 99 / 100),
            max_microseconds: at(usize::MAX),
            linked,
        })
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            records,
            bytes_per_record,
            mean_microseconds,
            p50_microseconds,
            p99_microseconds,
            max_microseconds,
            samples,
            linked,
        } = self;
        write!(
            formatter,
            "With {records} held: {mean_microseconds:.0} µs a match (p50 {p50_microseconds:.0}, p99 \
             {p99_microseconds:.0}, max {max_microseconds:.0}), {bytes_per_record} bytes a record; {linked} of \
             {samples} were linked."
        )
    }
}

/// The memory that this process has now.
fn resident_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    let kibibytes: u64 = kibibytes.context("the system tells no memory")?.parse()?;
    Ok(kibibytes * 1024)
}
