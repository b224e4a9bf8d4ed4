//! `childsync` takes child records in from downstream nodes, reconciles them and forwards them upward
//! until the national system holds the same children, once each.
//!
//! The modules stand in reading order; `ARCHITECTURE.md` has the map and the reasons.

pub mod agent;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod grpc;
pub mod linkage;
pub mod observability;
pub mod security;
pub mod store;
pub mod sync;
