//! The only room that names tonic and prost: the contract on the wire.
//!
//! Protobuf types end in [`convert`]; gRPC codes are chosen in [`status`] alone.

pub mod agent_server;
pub mod batch_file;
pub mod batch_service;
pub mod bundle_directory;
pub mod bundle_file;
pub mod bundle_service;
pub mod canonical;
pub mod card_client;
pub mod compare_client;
mod compare_messages;
pub mod compare_service;
pub mod connector;
pub mod convert;
pub mod custody_service;
pub mod feed;
pub mod feed_client;
pub mod forwarded;
pub mod hub;
pub mod hub_upstream;
pub mod ingest;
pub mod job_service;
pub mod json;
pub mod linkage_service;
pub mod listener;
pub mod nodes;
pub mod proto;
pub mod push_client;
pub mod rest_client;
pub mod review_service;
pub mod server;
pub mod status;
pub mod status_service;
mod tier_word;
pub mod unit_service;
pub mod upload_client;
pub mod uploads;
mod wire;

use crate::domain::unit::UnitReference;

/// A unit as the contract writes it.
pub fn unit_message(unit: UnitReference) -> proto::record::UnitReference {
    convert::write_unit(unit)
}

/// A unit of the contract as text, `SCHEME:CODE`.
pub fn unit_text(unit: &proto::record::UnitReference) -> String {
    let scheme = convert::scheme(unit.scheme).map_or("UNKNOWN", |scheme| scheme.as_str());
    format!("{scheme}:{}", unit.code)
}
