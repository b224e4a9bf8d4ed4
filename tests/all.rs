//! Every test that needs more than one room, as one binary: linking it once is what takes the time.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

mod support;

mod access;
mod agent;
mod agent_bulk;
mod agent_drop;
mod agent_faults;
mod agent_http;
mod agent_terminal;
mod agent_tiers;
mod attacks;
mod batch_faults;
mod batch_verbs;
mod batches;
mod bundle_faults;
mod bundle_refusals;
mod bundle_verbs;
mod bundles;
mod certificates;
mod clients;
mod compare_verb;
mod comparison;
mod comparison_refusals;
mod contract;
mod convergence;
mod corpus;
mod corrections;
mod custody;
mod evil_upstream;
mod faults;
mod feed_down;
mod feed_down_faults;
mod files;
mod import;
mod job_service;
mod jobs;
mod linkage;
mod live_identity;
mod policy;
mod privacy;
mod refusals;
mod relations;
mod relink;
mod relink_service;
mod relink_verbs;
mod reviews;
mod statistics;
mod store_conformance;
mod terminal;
mod tidy;
mod tier_words;
mod transactions;
mod tree;
mod unit_faults;
mod unit_verbs;
mod units;
mod upload_faults;
mod upload_limits;
mod upload_reports;
mod upload_verb;
mod uploads;
mod upstream;
mod upstream_directory;
mod upstream_rest;
