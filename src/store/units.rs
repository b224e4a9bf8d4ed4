//! Acts that change units, how far they are followed, and records that wait for a place after a split.

use std::collections::{BTreeMap, HashMap};

use sqlx::{query, query_as, query_scalar};
use uuid::Uuid;

use super::bulk::Column;
use super::golden_records::read_unit_move;
use super::nodes::read_unit;
use super::sql::units as sql;
use super::submissions::{expect_rows, key_columns, read_key};
use super::{StoreError, Transaction, on_conn};
use crate::domain::clock::Timestamp;
use crate::domain::golden::GoldenId;
use crate::domain::node::NodeName;
use crate::domain::record::{RecordKey, RecordKind};
use crate::domain::territory::Territory;
use crate::domain::unit::UnitReference;
use crate::domain::unit_act::UnitAct;
use crate::domain::units_in_use::UnitMove;

/// An act as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitActRow {
    /// Its number, in the order in which acts were given.
    pub number: i64,
    /// Its name.
    pub id: String,
    /// What it is, for people.
    pub title: String,
    /// The first day on which it holds, YYYY-MM-DD.
    pub effective_from: String,
    /// Units that it changes.
    pub changes: i64,
    /// When it was given.
    pub received_at: Timestamp,
    /// The operator who gave it.
    pub received_by: String,
    /// Its place in the order in which acts began, and when it began; `None` until its day has come.
    pub begun: Option<(i64, Timestamp)>,
}

/// How far golden records were looked at under the acts that hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitProgress {
    /// How many acts held.
    pub begun: i64,
    /// The last golden record that was looked at.
    pub after: GoldenId,
    /// Golden records that were looked at.
    pub looked_at: i64,
    /// Golden records of which something changed.
    pub changed: i64,
    /// When all of them were looked at.
    pub finished_at: Option<Timestamp>,
}

/// A golden record of a unit that was split, which nobody has placed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacementTask {
    /// The golden record.
    pub golden_id: GoldenId,
    /// Child or case report.
    pub kind: RecordKind,
    /// The unit that was split.
    pub unit: UnitReference,
    /// Since when it waits.
    pub opened_at: Timestamp,
}

/// A node of the register with its territory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeTerritory {
    /// Its name.
    pub name: String,
    /// The unit that it was registered with.
    pub unit: UnitReference,
    /// What it was registered for.
    pub territory: Territory,
}

type ActTuple = (i64, String, String, String, i64, i64, String, i64, i64);
type TaskTuple = (Uuid, i16, String, i64);

impl Transaction {
    /// Keeps an act under the number after the `unit_act` counter, which the caller has locked and which
    /// becomes that number.
    pub async fn append_unit_act(
        &mut self,
        number: i64,
        act: &UnitAct,
        received_by: &NodeName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let text = act.text();
        let changes = i64::try_from(act.changes().len()).unwrap_or(i64::MAX);
        on_conn!(self, |conn| {
            query(sql::INSERT_UNIT_ACT)
                .bind(number)
                .bind(act.id().as_str().to_owned())
                .bind(act.title().to_owned())
                .bind(act.effective_from().to_string())
                .bind(changes)
                .bind(blake3::hash(text.as_bytes()).as_bytes().to_vec())
                .bind(text)
                .bind(now.as_micros())
                .bind(received_by.as_str().to_owned())
                .execute(conn)
                .await?;
        });
        self.set_counter("unit_act", number).await
    }

    /// Whether an act of this name is known: `None` if it is not, else whether it is the same.
    pub async fn knows_unit_act(&mut self, act: &UnitAct) -> Result<Option<bool>, StoreError> {
        let id = act.id().as_str().to_owned();
        let digest: Option<Vec<u8>> = on_conn!(self, |conn| {
            query_scalar(sql::FIND_UNIT_ACT_DIGEST)
                .bind(id)
                .fetch_optional(conn)
                .await?
        });
        let own = blake3::hash(act.text().as_bytes());
        Ok(digest.map(|digest| digest == own.as_bytes()))
    }

    /// Every act that is known, whether its day has come or not.
    pub async fn read_unit_acts(&mut self) -> Result<Vec<UnitAct>, StoreError> {
        let texts: Vec<String> = on_conn!(self, |conn| {
            query_scalar(sql::READ_UNIT_ACT_TEXTS)
                .fetch_all(conn)
                .await?
        });
        texts.iter().map(|text| read_act(text)).collect()
    }

    /// Every act that holds, in the order in which they began.
    pub async fn read_begun_unit_acts(&mut self) -> Result<Vec<UnitAct>, StoreError> {
        let texts: Vec<String> = on_conn!(self, |conn| {
            query_scalar(sql::READ_BEGUN_UNIT_ACTS)
                .fetch_all(conn)
                .await?
        });
        texts.iter().map(|text| read_act(text)).collect()
    }

    /// Number and name of the acts whose day has come on this one and that have not begun, the oldest first.
    pub async fn find_due_unit_acts(
        &mut self,
        today: time::Date,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let today = today.to_string();
        Ok(on_conn!(self, |conn| {
            query_as(sql::FIND_DUE_UNIT_ACTS)
                .bind(today)
                .fetch_all(conn)
                .await?
        }))
    }

    /// Begins with an act: from now on it holds. Its place must be the one after the `unit_act_begun` counter,
    /// which the caller has locked and which becomes that place.
    pub async fn begin_unit_act(
        &mut self,
        place: i64,
        number: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        on_conn!(self, |conn| {
            query(sql::INSERT_BEGUN_UNIT_ACT)
                .bind(place)
                .bind(number)
                .bind(now.as_micros())
                .execute(conn)
                .await?;
        });
        self.set_counter("unit_act_begun", place).await
    }

    /// Acts before a number, the newest first, at most `limit`.
    pub async fn list_unit_acts(
        &mut self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<UnitActRow>, StoreError> {
        let rows: Vec<ActTuple> = on_conn!(self, |conn| {
            let query = query_as(sql::LIST_UNIT_ACTS).bind(before).bind(limit);
            query.fetch_all(conn).await?
        });
        let read = |row: ActTuple| UnitActRow {
            number: row.0,
            id: row.1,
            title: row.2,
            effective_from: row.3,
            changes: row.4,
            received_at: Timestamp::from_micros(row.5),
            received_by: row.6,
            begun: (row.7 > 0).then(|| (row.7, Timestamp::from_micros(row.8))),
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// How far golden records were looked at under the acts that hold.
    pub async fn read_unit_progress(&mut self) -> Result<UnitProgress, StoreError> {
        let row: (i64, Uuid, i64, i64, i64) = on_conn!(self, |conn| {
            query_as(sql::READ_UNIT_PROGRESS).fetch_one(conn).await?
        });
        Ok(UnitProgress {
            begun: row.0,
            after: GoldenId::new(row.1),
            looked_at: row.2,
            changed: row.3,
            finished_at: (row.4 > 0).then(|| Timestamp::from_micros(row.4)),
        })
    }

    /// Writes how far golden records were looked at.
    pub async fn set_unit_progress(&mut self, row: &UnitProgress) -> Result<(), StoreError> {
        let finished_at = row.finished_at.map_or(0, Timestamp::as_micros);
        let changed = on_conn!(self, |conn| {
            query(sql::SET_UNIT_PROGRESS)
                .bind(row.begun)
                .bind(row.after.as_uuid())
                .bind(row.looked_at)
                .bind(row.changed)
                .bind(finished_at)
                .execute(conn)
                .await?
                .rows_affected()
        });
        expect_rows("SET_UNIT_PROGRESS", 1, changed)
    }

    /// A page of the live golden records after one, in the order of their identity, with their kinds.
    pub async fn scan_live_golden(
        &mut self,
        after: GoldenId,
        limit: i64,
    ) -> Result<Vec<(GoldenId, RecordKind)>, StoreError> {
        let rows: Vec<(Uuid, i16)> = on_conn!(self, |conn| {
            query_as(sql::SCAN_LIVE_GOLDEN)
                .bind(after.as_uuid())
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        let read = |(id, kind)| Ok((GoldenId::new(id), read_kind("golden_record", kind)?));
        rows.into_iter().map(read).collect()
    }
}

/// A record, the number of what was said of it, the unit that was split, and the part it belongs into.
pub type Placement = (RecordKey, i64, UnitReference, UnitReference);

impl Transaction {
    /// What operators said of these records, in order.
    pub async fn find_placements(
        &mut self,
        keys: &[RecordKey],
    ) -> Result<Vec<Placement>, StoreError> {
        let columns = key_columns(keys.iter().copied());
        let rows: Vec<(i64, i16, Uuid, i64, String, String)> =
            self.fetch_bulk(&sql::FIND_PLACEMENTS, columns).await?;
        let read = |(node, kind, record_id, number, from, to): (_, _, _, _, String, String)| {
            let key = read_key("record_placement", node, kind, record_id)?;
            Ok((key, number, read_unit(&from)?, read_unit(&to)?))
        };
        rows.into_iter().map(read).collect()
    }

    /// Numbers of what was said of records after a number, with the golden record of each and whether the
    /// record is live.
    pub async fn read_placed(
        &mut self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<(i64, GoldenId, RecordKind, bool)>, StoreError> {
        let rows: Vec<(i64, Uuid, i16, i16)> = on_conn!(self, |conn| {
            let query = query_as(sql::READ_PLACED).bind(after).bind(limit);
            query.fetch_all(conn).await?
        });
        let read = |(number, golden, kind, state)| {
            let kind = read_kind("source_record", kind)?;
            Ok((number, GoldenId::new(golden), kind, state == 1))
        };
        rows.into_iter().map(read).collect()
    }

    /// Places all live records of golden records into parts of the units that were split, each under a number
    /// of its own after the `placement` counter, which the caller has locked and must set.
    pub async fn append_placements(
        &mut self,
        first: i64,
        tasks: &[PlacementTask],
        to: UnitReference,
        (placed_by, now): (&NodeName, Timestamp),
    ) -> Result<(), StoreError> {
        let count = tasks.len();
        let columns = vec![
            Column::Long((first..).take(count).collect()),
            Column::Uuid(tasks.iter().map(|task| task.golden_id.as_uuid()).collect()),
            Column::Text(tasks.iter().map(|task| task.unit.to_string()).collect()),
            Column::Text(vec![to.to_string(); count]),
            Column::Long(vec![now.as_micros(); count]),
            Column::Text(vec![placed_by.as_str().to_owned(); count]),
        ];
        self.execute_bulk(&sql::INSERT_PLACEMENTS, columns).await?;
        Ok(())
    }

    /// Notes which golden records wait for a place; one that waited already for the same keeps its time.
    pub async fn put_placement_tasks(&mut self, tasks: &[PlacementTask]) -> Result<(), StoreError> {
        let columns = vec![
            Column::Uuid(tasks.iter().map(|task| task.golden_id.as_uuid()).collect()),
            Column::Short(tasks.iter().map(|task| task.kind.code()).collect()),
            Column::Text(tasks.iter().map(|task| task.unit.to_string()).collect()),
            Column::Long(
                tasks
                    .iter()
                    .map(|task| task.opened_at.as_micros())
                    .collect(),
            ),
        ];
        let changed = self
            .execute_bulk(&sql::PUT_PLACEMENT_TASKS, columns)
            .await?;
        expect_rows("PUT_PLACEMENT_TASKS", tasks.len(), changed)
    }

    /// Forgets that golden records wait for a place.
    pub async fn clear_placement_tasks(&mut self, golden: &[GoldenId]) -> Result<(), StoreError> {
        let columns = vec![Column::Uuid(golden.iter().map(|id| id.as_uuid()).collect())];
        self.execute_bulk(&sql::CLEAR_PLACEMENT_TASKS, columns)
            .await?;
        Ok(())
    }

    /// What these golden records wait for; those that do not are left out.
    pub async fn find_placement_tasks(
        &mut self,
        golden: &[GoldenId],
    ) -> Result<Vec<PlacementTask>, StoreError> {
        let columns = vec![Column::Uuid(golden.iter().map(|id| id.as_uuid()).collect())];
        let rows: Vec<TaskTuple> = self.fetch_bulk(&sql::FIND_PLACEMENT_TASKS, columns).await?;
        rows.into_iter().map(read_task).collect()
    }

    /// Tasks after a place, in the order of unit and golden record, at most `limit`.
    pub async fn list_placement_tasks(
        &mut self,
        (unit, golden): (&str, Uuid),
        limit: i64,
    ) -> Result<Vec<PlacementTask>, StoreError> {
        let unit = unit.to_owned();
        let rows: Vec<TaskTuple> = on_conn!(self, |conn| {
            query_as(sql::LIST_PLACEMENT_TASKS)
                .bind(unit)
                .bind(golden)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_task).collect()
    }

    /// What acts did to these golden records; those that none moved are left out.
    pub async fn find_unit_moves(
        &mut self,
        golden: &[GoldenId],
    ) -> Result<HashMap<GoldenId, UnitMove>, StoreError> {
        let columns = vec![Column::Uuid(golden.iter().map(|id| id.as_uuid()).collect())];
        let rows: Vec<(Uuid, String)> = self.fetch_bulk(&sql::FIND_UNIT_MOVES, columns).await?;
        let read = |(golden, text): (Uuid, String)| {
            let unit_move = read_unit_move(&text)?;
            Ok(unit_move.map(|unit_move| (GoldenId::new(golden), unit_move)))
        };
        rows.into_iter()
            .filter_map(|row| read(row).transpose())
            .collect()
    }

    /// Golden records that the upstream refuses because they are not of the territory that it knows; at most
    /// `limit`, without those that wait to be sent already.
    pub async fn find_outsiders(&mut self, limit: i64) -> Result<Vec<GoldenId>, StoreError> {
        let rows: Vec<Uuid> = on_conn!(self, |conn| {
            query_scalar(sql::FIND_OUTSIDERS)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        Ok(rows.into_iter().map(GoldenId::new).collect())
    }

    /// Gives golden records new numbers among the changes, so that they are sent again as they are.
    pub async fn offer_again(&mut self, golden: &[(GoldenId, i64)]) -> Result<(), StoreError> {
        let columns = vec![
            Column::Uuid(golden.iter().map(|(id, _)| id.as_uuid()).collect()),
            Column::Long(golden.iter().map(|(_, change)| *change).collect()),
        ];
        let changed = self.execute_bulk(&sql::OFFER_AGAIN, columns).await?;
        expect_rows("OFFER_AGAIN", golden.len(), changed)
    }

    /// How many golden records wait for a place.
    pub async fn count_placement_tasks(&mut self) -> Result<i64, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::COUNT_PLACEMENT_TASKS)
                .fetch_one(conn)
                .await?
        }))
    }

    /// Nodes after a name with their territories, in the order of their names, at most `limit`.
    pub async fn list_territories(
        &mut self,
        after: &str,
        limit: i64,
    ) -> Result<Vec<NodeTerritory>, StoreError> {
        let after = after.to_owned();
        let rows: Vec<(String, String, String)> = on_conn!(self, |conn| {
            let query = query_as(sql::LIST_TERRITORIES).bind(after).bind(limit);
            query.fetch_all(conn).await?
        });
        let mut nodes: BTreeMap<String, (String, Vec<UnitReference>)> = BTreeMap::new();
        for (name, unit, listed) in rows {
            let node = nodes.entry(name).or_insert((unit, Vec::new()));
            node.1.push(read_unit(&listed)?);
        }
        let read = |(name, (unit, listed)): (_, (String, _))| {
            Ok(NodeTerritory {
                name,
                unit: read_unit(&unit)?,
                territory: Territory::new(listed),
            })
        };
        nodes.into_iter().map(read).collect()
    }
}

fn read_act(text: &str) -> Result<UnitAct, StoreError> {
    UnitAct::parse(text).map_err(|_| StoreError::Corrupt {
        table: "unit_act",
        column: "act_text",
    })
}

fn read_task((golden, kind, unit, opened_at): TaskTuple) -> Result<PlacementTask, StoreError> {
    Ok(PlacementTask {
        golden_id: GoldenId::new(golden),
        kind: read_kind("placement_task", kind)?,
        unit: read_unit(&unit)?,
        opened_at: Timestamp::from_micros(opened_at),
    })
}

fn read_kind(table: &'static str, kind: i16) -> Result<RecordKind, StoreError> {
    RecordKind::from_code(kind).ok_or(StoreError::Corrupt {
        table,
        column: "kind",
    })
}
