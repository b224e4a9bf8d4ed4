//! `childsync` takes child records in from downstream nodes, reconciles them and forwards them upward
//! until the national system holds the same children, once each.
//!
//! `ARCHITECTURE.md` has the map, in reading order, and the reasons.

pub mod agent;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod grpc;
pub mod jobs;
pub mod linkage;
pub mod observability;
pub mod security;
pub mod store;
pub mod sync;
