//! The register of downstream nodes.

use sqlx::{query, query_as, query_scalar};

use super::{StoreError, Transaction, on_conn, sql};
use crate::domain::clock::Timestamp;
use crate::domain::node::{NodeId, NodeName};
use crate::domain::territory::Territory;
use crate::domain::unit::UnitReference;

/// A registered node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRow {
    /// The hub's own number of the node.
    pub node_id: NodeId,
    /// The unit it belongs to.
    pub unit: UnitReference,
    /// What it may write.
    pub territory: Territory,
}

/// What registering a node came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// The node is new.
    Created(NodeId),
    /// The node was there with the same unit and territory.
    Present(NodeId),
    /// The name is taken by a node with another unit or territory; nothing was changed.
    Different,
}

impl Transaction {
    /// Adds a node; on repeat it changes nothing and says so.
    pub async fn register_node(
        &mut self,
        name: &NodeName,
        unit: &UnitReference,
        territory: &Territory,
        now: Timestamp,
    ) -> Result<Registration, StoreError> {
        let last = self.lock_counter("node").await?;
        if let Some(held) = self.find_node(name).await? {
            let same = held.unit == *unit && held.territory == *territory;
            return Ok(if same {
                Registration::Present(held.node_id)
            } else {
                Registration::Different
            });
        }
        let number = last + 1;
        self.set_counter("node", number).await?;
        on_conn!(self, |conn| {
            query(sql::INSERT_NODE)
                .bind(number)
                .bind(name.as_str().to_owned())
                .bind(unit.to_string())
                .bind(now.as_micros())
                .execute(&mut *conn)
                .await?;
            query(sql::INSERT_TALLY)
                .bind(number)
                .execute(&mut *conn)
                .await?;
            for listed in territory.units() {
                query(sql::INSERT_TERRITORY)
                    .bind(number)
                    .bind(listed.to_string())
                    .execute(&mut *conn)
                    .await?;
            }
        });
        Ok(Registration::Created(NodeId::new(number)))
    }

    /// The node of this name, or `None`.
    pub async fn find_node(&mut self, name: &NodeName) -> Result<Option<NodeRow>, StoreError> {
        let name = name.as_str().to_owned();
        let found: Option<(i64, String)> = on_conn!(self, |conn| {
            query_as(sql::FIND_NODE)
                .bind(name)
                .fetch_optional(conn)
                .await?
        });
        let Some((number, unit)) = found else {
            return Ok(None);
        };
        let node_id = NodeId::new(number);
        Ok(Some(NodeRow {
            node_id,
            unit: read_unit(&unit)?,
            territory: self.territory_of(node_id).await?,
        }))
    }

    /// What a node may write.
    pub async fn territory_of(&mut self, node: NodeId) -> Result<Territory, StoreError> {
        let listed: Vec<String> = on_conn!(self, |conn| {
            query_scalar(sql::READ_TERRITORY)
                .bind(node.get())
                .fetch_all(conn)
                .await?
        });
        let listed = listed
            .iter()
            .map(|unit| read_unit(unit))
            .collect::<Result<_, _>>()?;
        Ok(Territory::new(listed))
    }
}

pub(super) fn read_unit(text: &str) -> Result<UnitReference, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt {
        table: "node",
        column: "unit",
    })
}
