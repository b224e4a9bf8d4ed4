//! Which pairs were wrong, and what their evidence was.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;

use super::linking::Linked;
use crate::linkage::index::Number;
use crate::linkage::levels::{Comparison, Level};
use crate::linkage::model::to_bits;

/// Writes a row for each pair that was linked wrongly, missed, or left to a steward although it is two
/// children: row numbers and evidence, never what
/// the records hold.
pub(super) fn write_wrong_pairs(linked: &Linked, path: &Path) -> anyhow::Result<()> {
    let context = || format!("--wrong: {}", path.display());
    let mut writer = csv::Writer::from_path(path).with_context(context)?;
    writer.write_record([
        "what",
        "row",
        "other_row",
        "bits",
        "shares_a_key",
        "veto",
        "evidence",
    ])?;
    let numbers: Vec<Number> = linked.index.numbers().collect();
    let golden = numbers.iter().map(|number| linked.index.golden(*number));
    let entities = linked.entities.iter();
    let is_linked = |one: usize, other: usize| {
        let golden = |row: usize| {
            numbers
                .get(row)
                .and_then(|number| linked.index.golden(*number))
        };
        golden(one) == golden(other)
    };
    let is_true = |one: usize, other: usize| linked.entities.get(one) == linked.entities.get(other);
    for (one, other) in pairs(golden)
        .into_iter()
        .filter(|(one, other)| !is_true(*one, *other))
    {
        write_pair(
            &mut writer,
            linked,
            &numbers,
            "linked wrongly",
            (one, other),
        )?;
    }
    for (one, other) in pairs(entities)
        .into_iter()
        .filter(|(one, other)| !is_linked(*one, *other))
    {
        write_pair(&mut writer, linked, &numbers, "missed", (one, other))?;
    }
    for review in linked.index.open_reviews() {
        let place = |key| {
            linked
                .index
                .find(key)
                .and_then(|number| numbers.binary_search(&number).ok())
        };
        if let (Some(one), Some(other)) = (place(review.pair.one()), place(review.pair.other()))
            && !is_true(one, other)
        {
            write_pair(&mut writer, linked, &numbers, "asked in vain", (one, other))?;
        }
    }
    writer.flush()?;
    Ok(())
}

/// All pairs of places that hold the same.
fn pairs<K: Ord>(groups: impl Iterator<Item = K>) -> Vec<(usize, usize)> {
    let mut places: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (place, group) in groups.enumerate() {
        places.entry(group).or_default().push(place);
    }
    let mut pairs = Vec::new();
    for members in places.into_values() {
        for (place, one) in members.iter().enumerate() {
            pairs.extend(members.iter().skip(place + 1).map(|other| (*one, *other)));
        }
    }
    pairs
}

fn write_pair<W: std::io::Write>(
    writer: &mut csv::Writer<W>,
    linked: &Linked,
    numbers: &[Number],
    what: &str,
    (row, other_row): (usize, usize),
) -> anyhow::Result<()> {
    let (Some(one), Some(other)) = (numbers.get(row), numbers.get(other_row)) else {
        return Ok(());
    };
    let pattern = linked.index.compare(*one, *other);
    let model = linked.index.model();
    let compared = Comparison::ALL
        .into_iter()
        .filter(|c| pattern.level(*c) != Level::Missing);
    let evidence: Vec<String> = compared
        .map(|comparison| {
            let (level, bits) = (pattern.level(comparison), model.bits(&pattern, comparison));
            format!("{}={} {bits:+.1}", comparison.as_str(), level.as_str())
        })
        .collect();
    writer.write_record([
        what,
        &row.to_string(),
        &other_row.to_string(),
        &format!("{:.2}", to_bits(model.score(&pattern).centibits)),
        &linked.index.share_key(*one, *other).to_string(),
        linked
            .index
            .veto(*one, *other)
            .map_or("", crate::linkage::index::Veto::as_str),
        &evidence.join(", "),
    ])?;
    Ok(())
}
