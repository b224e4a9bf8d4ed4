//! Figures for operators: a count of the tables, or a counter that is written with what it counts.

use sqlx::{query_as, query_scalar};
use uuid::Uuid;

use super::nodes::read_unit;
use super::submissions::read_hash;
use super::{StoreError, Transaction, on_conn, sql};
use crate::domain::clock::Timestamp;
use crate::domain::node::NodeId;
use crate::domain::record::{ContentHash, Lane, RecordKind};
use crate::domain::unit::UnitReference;

/// Rows that a digest reads at a time.
const DIGEST_PAGE_ROWS: i64 = 5_000;

/// Counts over the whole hub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HubCounts {
    /// Live source records of children.
    pub source_children: i64,
    /// Live golden records of children.
    pub golden_children: i64,
    /// Live case reports.
    pub case_reports: i64,
    /// Records in quarantine.
    pub quarantined: i64,
    /// Golden records that the upstream refuses.
    pub refused: i64,
}

/// One node's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeCounts {
    /// The node's number.
    pub node_id: NodeId,
    /// Its name.
    pub name: String,
    /// The unit it belongs to.
    pub unit: UnitReference,
    /// Its last contact, if there was one.
    pub last_contact_at: Option<Timestamp>,
    /// Changes received.
    pub received: i64,
    /// Changes appended to the log.
    pub accepted: i64,
    /// Changes that were there already.
    pub unchanged: i64,
    /// Changes refused.
    pub rejected: i64,
    /// Records in quarantine.
    pub quarantined: i64,
    /// Submissions that the reconciler has not reached.
    pub waiting: i64,
    /// Live source records of children.
    pub source_records: i64,
}

type NodeTuple = (i64, String, String, i64, i64, i64, i64, i64, i64, i64, i64);

impl Transaction {
    /// Submissions of a lane after a position.
    pub async fn count_waiting(&mut self, lane: Lane, after: i64) -> Result<i64, StoreError> {
        self.count_after(sql::COUNT_WAITING, lane, after).await
    }

    /// Golden-record changes of a lane after a position.
    pub async fn count_waiting_changes(
        &mut self,
        lane: Lane,
        after: i64,
    ) -> Result<i64, StoreError> {
        self.count_after(sql::COUNT_WAITING_CHANGES, lane, after)
            .await
    }

    async fn count_after(
        &mut self,
        text: &'static str,
        lane: Lane,
        after: i64,
    ) -> Result<i64, StoreError> {
        Ok(on_conn!(self, |conn| {
            query_scalar(text)
                .bind(lane.code())
                .bind(after)
                .fetch_one(conn)
                .await?
        }))
    }

    /// Counts over the whole hub.
    pub async fn hub_counts(&mut self) -> Result<HubCounts, StoreError> {
        Ok(HubCounts {
            source_children: self.read_counter("live_children").await?,
            golden_children: self.read_counter("golden_children").await?,
            case_reports: self.read_counter("case_reports").await?,
            quarantined: self.count(sql::COUNT_QUARANTINED).await?,
            refused: self.count(sql::COUNT_REFUSED).await?,
        })
    }

    async fn count(&mut self, text: &'static str) -> Result<i64, StoreError> {
        Ok(on_conn!(self, |conn| query_scalar(text)
            .fetch_one(conn)
            .await?))
    }

    /// Submissions of a node that the log holds.
    pub async fn count_accepted(&mut self, node: NodeId) -> Result<i64, StoreError> {
        let node = node.get();
        Ok(on_conn!(self, |conn| {
            query_scalar(sql::COUNT_ACCEPTED)
                .bind(node)
                .fetch_one(conn)
                .await?
        }))
    }

    /// A page of nodes after a name, in the order of their names.
    pub async fn list_nodes(
        &mut self,
        after: &str,
        limit: i64,
    ) -> Result<Vec<NodeCounts>, StoreError> {
        let after = after.to_owned();
        let rows: Vec<NodeTuple> = on_conn!(self, |conn| {
            query_as(sql::LIST_NODES)
                .bind(after)
                .bind(limit)
                .fetch_all(conn)
                .await?
        });
        rows.into_iter().map(read_node).collect()
    }

    /// BLAKE3 over identity and content hash of every live golden record, in the order of identity.
    pub async fn digest_golden_records(&mut self) -> Result<[u8; 32], StoreError> {
        let mut digest = blake3::Hasher::new();
        let mut after = Uuid::nil();
        loop {
            let page: Vec<(Uuid, Vec<u8>)> = on_conn!(self, |conn| {
                query_as(sql::SCAN_GOLDEN_HASHES)
                    .bind(after)
                    .bind(DIGEST_PAGE_ROWS)
                    .fetch_all(conn)
                    .await?
            });
            let Some((last, _)) = page.last() else {
                return Ok(*digest.finalize().as_bytes());
            };
            after = *last;
            add_to_digest(&mut digest, page)?;
        }
    }

    /// The same over what this hub holds of one node; equal to the node's own when both hold the same.
    pub async fn digest_source_records(&mut self, node: NodeId) -> Result<[u8; 32], StoreError> {
        let mut pages = Vec::new();
        for kind in [RecordKind::Child, RecordKind::CaseReport] {
            let mut after = Uuid::nil();
            loop {
                let page: Vec<(Uuid, Vec<u8>)> = on_conn!(self, |conn| {
                    query_as(sql::SCAN_SOURCE_HASHES)
                        .bind(node.get())
                        .bind(kind.code())
                        .bind(after)
                        .bind(DIGEST_PAGE_ROWS)
                        .fetch_all(conn)
                        .await?
                });
                let Some((last, _)) = page.last() else {
                    break;
                };
                after = *last;
                pages.extend(page);
            }
        }
        // The two kinds come one after the other; a golden record's place is by identity alone.
        pages.sort_unstable_by_key(|(id, _)| *id);
        let mut digest = blake3::Hasher::new();
        add_to_digest(&mut digest, pages)?;
        Ok(*digest.finalize().as_bytes())
    }
}

fn add_to_digest(
    digest: &mut blake3::Hasher,
    rows: Vec<(Uuid, Vec<u8>)>,
) -> Result<(), StoreError> {
    for (id, hash) in rows {
        let hash: ContentHash = read_hash("golden_record", &hash)?;
        digest.update(id.as_bytes());
        digest.update(hash.as_bytes());
    }
    Ok(())
}

fn read_node(row: NodeTuple) -> Result<NodeCounts, StoreError> {
    let (
        node_id,
        name,
        unit,
        contact,
        received,
        accepted,
        unchanged,
        rejected,
        quarantined,
        waiting,
        source_records,
    ) = row;
    Ok(NodeCounts {
        node_id: NodeId::new(node_id),
        name,
        unit: read_unit(&unit)?,
        last_contact_at: (contact > 0).then(|| Timestamp::from_micros(contact)),
        received,
        accepted,
        unchanged,
        rejected,
        quarantined,
        waiting,
        source_records,
    })
}
