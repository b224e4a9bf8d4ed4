//! What is kept of relations between records: short texts of UUIDs.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::StoreError;
use crate::domain::golden::GoldenId;
use crate::domain::record::RecordId;
use crate::domain::relations::Relations;

const SUCCESSOR: &str = "successor ";
const DIFFERENT_FROM: &str = "different_from ";

pub(super) fn write_relations(relations: &Relations) -> String {
    match relations {
        Relations::None => String::new(),
        Relations::Successor(record) => format!("{SUCCESSOR}{record}"),
        Relations::DifferentFrom(records) => {
            let ids = records.iter().map(|record| record.as_uuid());
            format!("{DIFFERENT_FROM}{}", write_ids(ids))
        }
    }
}

pub(super) fn read_relations(table: &'static str, text: &str) -> Result<Relations, StoreError> {
    let corrupt = || StoreError::Corrupt {
        table,
        column: "relations",
    };
    if text.is_empty() {
        return Ok(Relations::None);
    }
    if let Some(record) = text.strip_prefix(SUCCESSOR) {
        let record = record.parse().map_err(|_| corrupt())?;
        return Ok(Relations::Successor(record));
    }
    let ids = text.strip_prefix(DIFFERENT_FROM).ok_or_else(corrupt)?;
    let ids = read_ids(ids).ok_or_else(corrupt)?;
    let records: BTreeSet<RecordId> = ids.into_iter().map(RecordId::new).collect();
    Ok(Relations::different_from(records))
}

pub(super) fn write_golden_ids(golden: &BTreeSet<GoldenId>) -> String {
    write_ids(golden.iter().map(|golden| golden.as_uuid()))
}

pub(super) fn read_golden_ids(text: &str) -> Result<BTreeSet<GoldenId>, StoreError> {
    let ids = read_ids(text).ok_or(StoreError::Corrupt {
        table: "golden_record",
        column: "different_from",
    })?;
    Ok(ids.into_iter().map(GoldenId::new).collect())
}

fn write_ids(ids: impl Iterator<Item = Uuid>) -> String {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    ids.join(" ")
}

fn read_ids(text: &str) -> Option<Vec<Uuid>> {
    let words = text.split_ascii_whitespace();
    words.map(|word| Uuid::try_parse(word).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_read_as_they_were_written() {
        let id = |number| RecordId::new(Uuid::from_u128(number));
        for relations in [
            Relations::None,
            Relations::Successor(id(1)),
            Relations::different_from(BTreeSet::from([id(1), id(2)])),
        ] {
            let text = write_relations(&relations);

            assert_eq!(read_relations("t", &text).expect("relations"), relations);
        }
        assert!(read_relations("t", "different_from x").is_err());
        assert!(read_relations("t", "x").is_err());
    }
}
