//! The register of downstream nodes.

use crate::domain::clock::Timestamp;
use crate::domain::node::NodeName;
use crate::domain::territory::Territory;
use crate::domain::unit::UnitReference;
use crate::store::{NodeRow, Registration, Store, StoreError};
use crate::sync::units::KnownUnits;

/// The registered node of this name, or `None`; reads besides which acts about units hold.
pub async fn find(
    store: &Store,
    units: &KnownUnits,
    name: &NodeName,
) -> Result<Option<NodeRow>, StoreError> {
    let mut reading = store.read().await?;
    units.newest(&mut reading).await?;
    reading.find_node(name).await
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
