//! The use cases: ingest, bundles, reconcile, forward, compare, feed, custody, jobs, nodes and status.
//!
//! Each use case is one transaction, with no network inside it. What needs the wire comes in as a
//! trait: [`codec::RecordCodec`] reads records, [`forward::Upstream`] takes golden records,
//! [`upstream_follower::UpstreamFeed`] tells what became of them.

pub mod backoff;
pub mod batches;
pub mod bulk;
pub mod bundle;
pub mod codec;
pub mod comparison;
pub mod custody;
pub mod feed;
pub mod forward;
pub mod forwarded;
pub mod ingest;
pub mod jobs;
pub mod leadership;
pub mod models;
pub mod nodes;
pub mod reconcile;
pub mod review;
pub mod sealing;
pub mod signals;
pub mod status;
pub mod units;
pub mod upload;
pub mod upstream_follower;
