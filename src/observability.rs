//! Logs and metrics, without personal data.

pub mod logging;
pub mod metrics;
pub mod metrics_port;
