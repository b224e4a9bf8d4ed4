//! `NodeService`: the register of nodes, for operators.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::convert::read_unit;
use super::hub::Hub;
use super::proto::v1;
use super::proto::v1::node_service_server::NodeService;
use super::status::{already_exists, field};
use crate::domain::node::NodeName;
use crate::domain::territory::Territory;
use crate::store::Registration;
use crate::sync::nodes::register;

/// Units of one territory at most.
const TERRITORY_UNITS_MAX: usize = 500;

/// The service of one hub.
pub struct Nodes {
    /// What all services share.
    pub hub: Arc<Hub>,
}

#[tonic::async_trait]
impl NodeService for Nodes {
    async fn register_node(
        &self,
        request: Request<v1::RegisterNodeRequest>,
    ) -> Result<Response<v1::RegisterNodeResponse>, Status> {
        self.hub.operator(&request)?;
        let request = request.into_inner();
        let name: NodeName = request
            .name
            .parse()
            .map_err(|error| field("name", "NAME_INVALID", &error))?;
        let unknown = || "is not a unit of its scheme: check scheme and code";
        let unit = request
            .unit
            .as_ref()
            .and_then(read_unit)
            .ok_or_else(|| field("unit", "UNIT_UNKNOWN", &unknown()))?;
        if request.territory.len() > TERRITORY_UNITS_MAX {
            return Err(field(
                "territory",
                "TOO_MANY_UNITS",
                &"has more units than allowed",
            ));
        }
        let mut units = Vec::new();
        for listed in &request.territory {
            let listed = read_unit(listed);
            units.push(listed.ok_or_else(|| field("territory", "UNIT_UNKNOWN", &unknown()))?);
        }
        if units.is_empty() {
            units.push(unit);
        }
        let territory = Territory::new(units);
        let now = self.hub.clock.now();
        let registration = register(&self.hub.store, &name, &unit, &territory, now).await?;
        match registration {
            Registration::Created(_) => {
                tracing::info!(node.name = %name, node.unit = %unit, "Node registered");
                Ok(Response::new(v1::RegisterNodeResponse { created: true }))
            }
            Registration::Present(_) => {
                Ok(Response::new(v1::RegisterNodeResponse { created: false }))
            }
            Registration::Different => Err(already_exists(
                "NODE_NAME_TAKEN",
                "a node of this name is registered with another unit or territory",
            )),
        }
    }
}
