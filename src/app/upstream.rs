//! The way upstream: the adapter that the configuration asks for, and a forwarder for each lane.

use std::sync::Arc;

use anyhow::Context;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::App;
use crate::config::{UpstreamKind, UpstreamSection};
use crate::domain::record::Lane;
use crate::grpc::connector;
use crate::grpc::push_client::PushClient;
use crate::security::directory::IdentityDirectory;
use crate::store::LeaseName;
use crate::sync::forward::{Forwarder, Upstream};

impl App {
    pub(super) fn start_forwarders(
        &self,
        background: &mut JoinSet<()>,
        workers: &CancellationToken,
    ) -> anyhow::Result<()> {
        let Some(upstream) = &self.config.upstream else {
            return Ok(());
        };
        for lane in Lane::ALL {
            match upstream.kind {
                UpstreamKind::Hub => {
                    let hub = self.line_to_hub(upstream)?;
                    background.spawn(self.forwarder(lane, hub).run(workers.clone()));
                }
            }
        }
        Ok(())
    }

    fn forwarder<U: Upstream>(&self, lane: Lane, upstream: U) -> Forwarder<U> {
        Forwarder {
            store: self.hub.store.clone(),
            key: Arc::clone(&self.hub.key),
            clock: Arc::clone(&self.hub.clock),
            signals: Arc::clone(&self.hub.signals),
            metrics: Arc::clone(&self.metrics),
            leadership: self.leadership(LeaseName::Forwarder),
            lane,
            upstream,
            batch_records: self.config.tuning.batch_records_max,
            chance: rand::random,
        }
    }

    /// A line to an upstream hub; each lane has one of its own.
    fn line_to_hub(&self, upstream: &UpstreamSection) -> anyhow::Result<PushClient> {
        let own;
        let directory = match &upstream.directory {
            Some(folder) => {
                own = IdentityDirectory::read(folder).context("upstream.directory")?;
                &own
            }
            None => self.directory.as_ref(),
        };
        let line = connector::line(&upstream.url, directory).context("upstream.url")?;
        Ok(PushClient::new(line))
    }
}
