//! The way upstream: the adapter that the configuration asks for, and a forwarder for each lane.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::App;
use crate::config::{HubConfig, UpstreamKind, UpstreamSection};
use crate::domain::record::Lane;
use crate::grpc::batch_file::LiveEvidence;
use crate::grpc::bundle_directory::BundleDirectory;
use crate::grpc::bundle_file::read_card;
use crate::grpc::compare_client::{CompareClient, ComparisonRequestsClient};
use crate::grpc::connector;
use crate::grpc::feed_client::UpstreamFeedClient;
use crate::grpc::forwarded::PolicyForm;
use crate::grpc::hub_upstream::HubUpstream;
use crate::grpc::rest_client::RestClient;
use crate::security::directory::read_private;
use crate::security::pseudonym::PseudonymKey;
use crate::security::seal::KEY_BYTES;
use crate::store::LeaseName;
use crate::sync::comparison::hub::HubEnd;
use crate::sync::comparison::runner::{ComparisonRunner, follow_requests};
use crate::sync::forward::{Forwarder, Gate, Upstream};
use crate::sync::forwarded::{Forms, ForwardedForm};
use crate::sync::upstream_follower::UpstreamFollower;

impl App {
    pub(super) fn start_forwarders(
        &self,
        background: &mut JoinSet<()>,
        workers: &CancellationToken,
    ) -> anyhow::Result<()> {
        let (Some(upstream), Some(form)) = (&self.config.upstream, &self.forms) else {
            return Ok(());
        };
        let evidence = LiveEvidence {
            hub: self.hub.name.clone(),
            identity: Arc::clone(&self.upstream_identity),
        };
        for lane in Lane::ALL {
            match upstream.kind {
                UpstreamKind::Hub => {
                    let clock = Arc::clone(&self.hub.clock);
                    let identity = Arc::clone(&self.upstream_identity);
                    let hub = HubUpstream::new(&upstream.url, identity, upstream.patience(), clock);
                    let hub = hub.context("upstream.url")?;
                    let hub = hub.with_cap(upstream.bytes_per_second(lane));
                    let forwarder = self.forwarder(lane, form, hub, evidence.clone());
                    background.spawn(forwarder.run(workers.clone()));
                }
                UpstreamKind::Rest => {
                    let platform = self.line_to_platform(upstream)?;
                    background.spawn(
                        self.forwarder(lane, form, platform, evidence.clone())
                            .run(workers.clone()),
                    );
                }
                UpstreamKind::Directory => {
                    let folder = self.bundle_directory(upstream)?;
                    background.spawn(
                        self.forwarder(lane, form, folder, evidence.clone())
                            .run(workers.clone()),
                    );
                }
            }
        }
        Ok(())
    }

    fn forwarder<U: Upstream>(
        &self,
        lane: Lane,
        form: &Arc<dyn ForwardedForm>,
        upstream: U,
        evidence: LiveEvidence,
    ) -> Forwarder<U> {
        Forwarder {
            store: self.hub.store.clone(),
            key: Arc::clone(&self.hub.key),
            form: Arc::clone(form),
            clock: Arc::clone(&self.hub.clock),
            signals: Arc::clone(&self.hub.signals),
            metrics: Arc::clone(&self.metrics),
            leadership: self.leadership(LeaseName::Forwarder),
            lane,
            gate: match (lane, &self.config.jobs.forward) {
                (Lane::Routine, Some(_)) => Gate::Scheduled,
                (Lane::Routine, None) | (Lane::Urgent, _) => Gate::Open,
            },
            upstream,
            manifests: Arc::new(evidence),
            fresh_id: Uuid::now_v7,
            batch_records: self.config.tuning.batch_records_max,
            chance: rand::random,
        }
    }

    /// What a hub above says of golden records goes down to the nodes that sent them.
    pub(super) fn start_upstream_follower(
        &self,
        background: &mut JoinSet<()>,
        workers: &CancellationToken,
    ) -> anyhow::Result<()> {
        let Some(upstream) = &self.config.upstream else {
            return Ok(());
        };
        match upstream.kind {
            UpstreamKind::Hub => {
                let identity = Arc::clone(&self.upstream_identity);
                let line = connector::line(&upstream.url, identity).context("upstream.url")?;
                let follower = UpstreamFollower {
                    store: self.hub.store.clone(),
                    signals: Arc::clone(&self.hub.signals),
                    leadership: self.leadership(LeaseName::UpstreamFollower),
                    feed: UpstreamFeedClient::new(line),
                    chance: rand::random,
                };
                background.spawn(follower.run(workers.clone()));
            }
            // Neither has a feed.
            UpstreamKind::Rest | UpstreamKind::Directory => {}
        }
        Ok(())
    }

    /// Compares with the hub above, where an operator of this hub or of that one asks for it.
    pub(super) fn start_comparisons(
        &self,
        background: &mut JoinSet<()>,
        workers: &CancellationToken,
    ) -> anyhow::Result<()> {
        let Some(upstream) = &self.config.upstream else {
            return Ok(());
        };
        match upstream.kind {
            UpstreamKind::Hub => {
                let line = || {
                    let identity = Arc::clone(&self.upstream_identity);
                    connector::line(&upstream.url, identity).context("upstream.url")
                };
                let runner = ComparisonRunner {
                    comparisons: self.hub.comparisons(),
                    own: HubEnd {
                        store: self.hub.store.clone(),
                        signals: Arc::clone(&self.hub.signals),
                    },
                    leadership: self.leadership(LeaseName::Forwarder),
                    upstream: CompareClient::new(line()?),
                    chance: rand::random,
                };
                background.spawn(runner.run(workers.clone()));
                background.spawn(follow_requests(
                    ComparisonRequestsClient::new(line()?),
                    self.hub.comparisons(),
                    rand::random,
                    workers.clone(),
                ));
            }
            // Neither answers comparisons.
            UpstreamKind::Rest | UpstreamKind::Directory => {}
        }
        Ok(())
    }

    /// A line to a platform that speaks HTTP; each lane has one of its own.
    fn line_to_platform(&self, upstream: &UpstreamSection) -> anyhow::Result<RestClient> {
        let token = upstream.token_file.as_deref().map(read_token).transpose();
        let token = token.context("upstream.token_file")?;
        let identity = Arc::clone(&self.upstream_identity);
        RestClient::new(&upstream.url, identity, token.as_deref()).context("upstream.url")
    }

    /// The folder into which bundles for the hub above go.
    fn bundle_directory(&self, upstream: &UpstreamSection) -> anyhow::Result<BundleDirectory> {
        let (Some(folder), Some(card)) = (&upstream.folder, &upstream.card) else {
            anyhow::bail!("upstream.folder and upstream.card are needed");
        };
        let identity = Arc::clone(&self.upstream_identity);
        let letter = std::fs::read(card).context("upstream.card")?;
        let url: http::Uri = upstream.url.parse().context("upstream.url")?;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let (current, now) = (identity.current(), self.hub.clock.now());
        let card = read_card(&letter, &current.authorities, host, now);
        let card = card.map_err(|error| anyhow::anyhow!("upstream.card: the card {error}"))?;
        Ok(BundleDirectory {
            folder: folder.clone(),
            node: self.hub.name.clone(),
            identity,
            card,
            clock: Arc::clone(&self.hub.clock),
            fresh_id: Uuid::now_v7,
        })
    }
}

/// The bearer token of a file that only its owner may read.
fn read_token(path: &Path) -> anyhow::Result<String> {
    let token = String::from_utf8(read_private(path)?).context("is no text")?;
    let token = token.trim();
    anyhow::ensure!(!token.is_empty(), "holds no token: write it on one line");
    Ok(token.to_owned())
}

/// What goes upstream of the records of a hub; `None` for the top of a tree.
pub(super) fn configured_forms(config: &HubConfig) -> anyhow::Result<Forms> {
    let Some(upstream) = &config.upstream else {
        return Ok(None);
    };
    let key = upstream.policy.key_file.as_deref();
    let key = key.map(PseudonymKey::from_file).transpose();
    let key = key.context("upstream.policy.key_file")?;
    let form = PolicyForm::new(upstream.policy.policy()?, key).context("upstream.policy")?;
    let form: Arc<dyn ForwardedForm> = Arc::new(form);
    Ok(Some(form))
}

/// The policy of an upstream as it reads, without the file of its key: to be looked at and not to be applied.
pub fn policy_without_key(upstream: &UpstreamSection) -> anyhow::Result<PolicyForm> {
    let section = &upstream.policy;
    let key = section.key_file.as_ref();
    let key = key.map(|_| PseudonymKey::new([0; KEY_BYTES]));
    PolicyForm::new(section.policy()?, key).context("upstream.policy")
}
