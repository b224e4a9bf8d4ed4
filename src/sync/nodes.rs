//! The register of downstream nodes.

use crate::domain::clock::Timestamp;
use crate::domain::node::NodeName;
use crate::domain::territory::Territory;
use crate::domain::unit::UnitReference;
use crate::store::{NodeRow, Registration, Store, StoreError};

/// The registered node of this name, or `None`.
pub async fn find(store: &Store, name: &NodeName) -> Result<Option<NodeRow>, StoreError> {
    store.read().await?.find_node(name).await
}

/// Adds a node; on repeat it changes nothing and says so.
pub async fn register(
    store: &Store,
    name: &NodeName,
    unit: &UnitReference,
    territory: &Territory,
    now: Timestamp,
) -> Result<Registration, StoreError> {
    let mut transaction = store.write().await?;
    let registration = transaction
        .register_node(name, unit, territory, now)
        .await?;
    transaction.commit().await?;
    Ok(registration)
}
