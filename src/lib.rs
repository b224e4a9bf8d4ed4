//! `childsync` takes child records in from downstream nodes, reconciles them and forwards them upward
//! until the national system holds the same children, once each.
//!
//! The modules stand in reading order; `ARCHITECTURE.md` has the map and the reasons.

pub mod domain;
pub mod linkage;
// pub mod store;
// pub mod security;
// pub mod sync;
// pub mod grpc;
// pub mod agent;
// pub mod observability;
// pub mod config;
// pub mod app;
// pub mod cli;
