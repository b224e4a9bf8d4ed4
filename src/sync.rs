//! The use cases: ingest, reconcile, forward, feed, status.
