//! The file of an act, in TOML.
//!
//! ```toml
//! id = "reform-2025"
//! title = "What the act is"
//! effective_from = 2025-07-01
//! changes = [
//!   { from = "GSO_PRE2025:30742", relation = "merged", to = ["GSO_2025:30742"] },
//!   { from = "GSO_PRE2025:30334", relation = "split", to = ["GSO_2025:30316", "GSO_2025:30307"], villages = { "GSO_2025:30316" = ["Khóm 1"] } },
//! ]
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use time::{Date, Month};

use super::{ActInvalid, CHANGES_MAX, Fate, Parts, TITLE_CHARACTERS_MAX, UnitAct, village_key};
use crate::domain::unit::UnitReference;

/// Bytes of an act's text at most: the reform of 2025 has less than one million.
pub const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActFile {
    id: String,
    title: String,
    effective_from: toml::value::Datetime,
    changes: Vec<ChangeFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeFile {
    from: String,
    relation: String,
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    villages: BTreeMap<String, Vec<String>>,
}

impl UnitAct {
    /// Reads the text of an act and believes nothing of it.
    pub fn parse(text: &str) -> Result<Self, ActInvalid> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ActInvalid::TooLarge(text.len()));
        }
        let file: ActFile =
            toml::from_str(text).map_err(|error| ActInvalid::Syntax(error.message().to_owned()))?;
        let is_short = file.title.chars().count() <= TITLE_CHARACTERS_MAX;
        if file.title.trim().is_empty() || !is_short || file.title.contains(char::is_control) {
            return Err(ActInvalid::Title);
        }
        let count = file.changes.len();
        if count == 0 || count > CHANGES_MAX {
            return Err(ActInvalid::Changes(count));
        }
        let mut changes = BTreeMap::new();
        for change in file.changes {
            let (from, fate) = change.read()?;
            if changes.insert(from, fate).is_some() {
                return Err(ActInvalid::Repeated(from));
            }
        }
        Ok(Self {
            id: file.id.parse()?,
            title: file.title,
            effective_from: read_day(file.effective_from).ok_or(ActInvalid::Day)?,
            changes,
        })
    }

    /// The act as a file has it: the same text for the same act, whatever its file looked like.
    pub fn text(&self) -> String {
        let title = toml::Value::String(self.title.clone());
        let mut text = format!(
            "id = \"{}\"\ntitle = {title}\neffective_from = {}\nchanges = [\n",
            self.id, self.effective_from
        );
        for (from, fate) in &self.changes {
            write_change(&mut text, from, fate);
        }
        text.push_str("]\n");
        text
    }
}

fn read_day(day: toml::value::Datetime) -> Option<Date> {
    let date = day.date.filter(|_| day.time.is_none())?;
    let month = Month::try_from(date.month).ok()?;
    Date::from_calendar_date(i32::from(date.year), month, date.day).ok()
}

impl ChangeFile {
    fn read(self) -> Result<(UnitReference, Fate), ActInvalid> {
        let unit = |text: &str| -> Result<UnitReference, ActInvalid> {
            let read = text.parse();
            read.map_err(|error| ActInvalid::Unit(self.from.clone(), error))
        };
        let from = unit(&self.from)?;
        let to: Vec<UnitReference> = self
            .to
            .iter()
            .map(|to| unit(to))
            .collect::<Result<_, _>>()?;
        let all = to.iter().chain([&from]);
        if let Some(unlisted) = all.into_iter().find(|unit| unit.find().is_none()) {
            let unit = *unlisted;
            return Err(ActInvalid::Unlisted { from, unit });
        }
        if to.contains(&from) {
            return Err(ActInvalid::Itself(from));
        }
        let fate = match (self.relation.as_str(), to.as_slice()) {
            ("renamed", [to]) => Fate::Renamed(*to),
            ("merged", [to]) => Fate::Merged(*to),
            ("abolished", []) => Fate::Abolished(None),
            ("abolished", [to]) => Fate::Abolished(Some(*to)),
            ("split", _) => Fate::Split(self.parts(from, to)?),
            ("renamed" | "merged" | "abolished", _) => return Err(ActInvalid::Successors(from)),
            _ => return Err(ActInvalid::Relation(from)),
        };
        if !self.villages.is_empty() && !matches!(fate, Fate::Split(_)) {
            return Err(ActInvalid::Villages(from));
        }
        Ok((from, fate))
    }

    fn parts(&self, from: UnitReference, to: Vec<UnitReference>) -> Result<Parts, ActInvalid> {
        let listed = to.len();
        let into: BTreeSet<UnitReference> = to.into_iter().collect();
        if into.len() < 2 || into.len() != listed {
            return Err(ActInvalid::Successors(from));
        }
        let mut villages = BTreeMap::new();
        for (unit, names) in &self.villages {
            let unit = unit.parse().ok().filter(|unit| into.contains(unit));
            let unit = unit.ok_or(ActInvalid::Villages(from))?;
            for name in names {
                if villages.insert(village_key(name), unit).is_some() {
                    return Err(ActInvalid::Villages(from));
                }
            }
        }
        Ok(Parts { into, villages })
    }
}

fn write_change(text: &mut String, from: &UnitReference, fate: &Fate) {
    let mut to = fate.successors();
    if let Fate::Abolished(duties) = fate {
        to.extend(duties);
    }
    let to: Vec<String> = to.iter().map(|unit| format!("\"{unit}\"")).collect();
    let mut line = format!(
        "  {{ from = \"{from}\", relation = \"{}\", to = [{}]",
        fate.word(),
        to.join(", ")
    );
    if let Fate::Split(parts) = fate
        && !parts.villages.is_empty()
    {
        let mut named: BTreeMap<UnitReference, Vec<String>> = BTreeMap::new();
        for (village, unit) in &parts.villages {
            let village = toml::Value::String(village.clone()).to_string();
            named.entry(*unit).or_default().push(village);
        }
        let named = named.into_iter();
        let named = named.map(|(unit, names)| format!("\"{unit}\" = [{}]", names.join(", ")));
        let named: Vec<String> = named.collect();
        line = format!("{line}, villages = {{ {} }}", named.join(", "));
    }
    text.push_str(&line);
    text.push_str(" },\n");
}
