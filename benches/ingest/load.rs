//! The records that are pushed: a labelled population of some communes, encoded beforehand.

use std::collections::BTreeMap;

use anyhow::Context;
use childsync::agent::population::{LabelledRecord, Population, PopulationOptions};
use childsync::domain::clock::{Clock, SystemClock};
use childsync::domain::draft::{CaseReportDraft, UnitDraft};
use childsync::domain::unit::UnitReference;
use childsync::domain::upload::{Effect, Faults, Packing, Period, UploadKind};
use childsync::grpc::convert::{write_case_report, write_child};
use childsync::grpc::proto::v1::record_change::Content;
use childsync::grpc::proto::v1::{Outcome, RecordChange};
use childsync::grpc::push_client::{PushClient, child_change};
use childsync::grpc::upload_client::{
    ATTEMPTS_MAX, OutgoingUpload, UploadClient, UploadPacker, UploadTerms,
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::site::Site;

/// The unit of both hubs: Kiên Giang before July 2025.
pub(crate) const PROVINCE: &str = "GSO_PRE2025:91";
/// Share of the children that are registered a second time.
const REGISTERED_TWICE: f64 = 0.10;

/// Records for each node.
pub(crate) struct Load {
    /// The nodes with their communes.
    pub(crate) nodes: Vec<(String, UnitReference)>,
    /// How many records there are.
    pub(crate) records: u64,
    seed: u64,
    changes: BTreeMap<String, Vec<RecordChange>>,
}

impl Load {
    /// Makes exactly so many records of so many nodes.
    pub(crate) fn make(records: u32, nodes: u32, seed: u64) -> anyhow::Result<Self> {
        let Population {
            communes, records, ..
        } = draw(records, nodes, seed)?;
        let count = u64::try_from(records.len())?;
        let mut changes: BTreeMap<String, Vec<RecordChange>> = BTreeMap::new();
        for record in records {
            let change = child_change(record.record_id, 1, write_child(record.draft));
            changes.entry(record.node).or_default().push(change);
        }
        Ok(Self {
            nodes: communes,
            records: count,
            seed,
            changes,
        })
    }

    /// The first node and its commune.
    pub(crate) fn first_node(&self) -> anyhow::Result<&(String, UnitReference)> {
        self.nodes.first().context("the load has no node")
    }

    /// Other records of the same nodes.
    pub(crate) fn another(&self, records: u32) -> anyhow::Result<Self> {
        let nodes = u32::try_from(self.nodes.len())?;
        Self::make(records, nodes, self.seed + 1)
    }

    /// Single children of the first node, whom nothing links with anybody else.
    pub(crate) fn strangers(&self, records: u32) -> anyhow::Result<Vec<RecordChange>> {
        let unlinked = |record: LabelledRecord| {
            let mut draft = record.draft;
            draft.personal_number = String::new();
            "pending".clone_into(&mut draft.personal_number_absence);
            child_change(record.record_id, 1, write_child(draft))
        };
        let population = draw(records, 1, self.seed + 2)?;
        Ok(population.records.into_iter().map(unlinked).collect())
    }

    /// Urgent reports of the first node.
    pub(crate) fn reports(&self, reports: u32) -> anyhow::Result<Vec<RecordChange>> {
        let (_, unit) = self.first_node()?;
        let draft = CaseReportDraft {
            commune: Some(UnitDraft {
                scheme: unit.scheme.as_str().to_owned(),
                code: unit.code.to_string(),
            }),
            received_at: Some(SystemClock.now()),
            case_kind: "abused".to_owned(),
            source_code: "1".to_owned(),
            ..CaseReportDraft::default()
        };
        let report = |_| RecordChange {
            record_id: Uuid::now_v7().to_string(),
            version: 1,
            content: Some(Content::CaseReport(write_case_report(draft.clone()).into())),
            ..RecordChange::default()
        };
        Ok((0..reports).map(report).collect())
    }

    /// Opens a stream for each node and gives each its records.
    pub(crate) async fn connect(&self, site: &Site, hub: &str) -> anyhow::Result<Vec<Pusher>> {
        let mut pushers = Vec::new();
        for (node, changes) in &self.changes {
            let mut pusher = Pusher::open(site, hub, node).await?;
            pusher.changes.clone_from(changes);
            pushers.push(pusher);
        }
        Ok(pushers)
    }

    /// Opens a line for each node and packs its records into an upload.
    pub(crate) fn uploaders(&self, site: &Site, hub: &str) -> anyhow::Result<Vec<Uploader>> {
        let mut uploaders = Vec::new();
        for (node, unit) in &self.nodes {
            let mut packer = UploadPacker::new(Packing::Zstd)?;
            for change in self.changes.get(node).into_iter().flatten() {
                packer.add(change)?;
            }
            let terms = UploadTerms {
                upload: None,
                kind: UploadKind::Delta,
                unit: *unit,
                period: Period::default(),
                faults: Faults::KeepGood,
                effect: Effect::Take,
            };
            uploaders.push(Uploader {
                client: UploadClient::new(site.line(hub, node)?, ATTEMPTS_MAX),
                upload: packer.finish(&terms)?,
            });
        }
        Ok(uploaders)
    }
}

fn draw(records: u32, communes: u32, seed: u64) -> anyhow::Result<Population> {
    let options = PopulationOptions {
        // As many children as records are enough, whatever is drawn.
        children: records,
        communes,
        province: PROVINCE.parse()?,
        seed,
        registered_twice: REGISTERED_TWICE,
        today: SystemClock.now().date(),
    };
    let mut population = Population::generate(&options);
    population.records.truncate(usize::try_from(records)?);
    Ok(population)
}

/// A node with an open stream and the records that it will push.
pub(crate) struct Pusher {
    client: PushClient,
    pub(crate) changes: Vec<RecordChange>,
}

impl Pusher {
    /// Opens a stream with the certificate of a node.
    pub(crate) async fn open(site: &Site, hub: &str, node: &str) -> anyhow::Result<Self> {
        let mut client = PushClient::new(site.line(hub, node)?);
        client.send(Vec::new()).await?;
        Ok(Self {
            client,
            changes: Vec::new(),
        })
    }

    /// Pushes these and returns when all are acknowledged as new.
    pub(crate) async fn push(&mut self, changes: Vec<RecordChange>) -> anyhow::Result<()> {
        let outcomes = self.client.send(changes).await?;
        let odd = outcomes
            .iter()
            .find(|outcome| outcome.outcome() != Outcome::Accepted);
        anyhow::ensure!(
            odd.is_none(),
            "a record was not accepted: {:?}",
            odd.map(|odd| &odd.reason)
        );
        Ok(())
    }

    async fn push_all(mut self) -> anyhow::Result<()> {
        let changes = std::mem::take(&mut self.changes);
        self.push(changes).await
    }
}

/// A node with the upload of all its records, packed beforehand as a client does while it reads its files.
pub(crate) struct Uploader {
    client: UploadClient,
    upload: OutgoingUpload,
}

impl Uploader {
    async fn send(mut self) -> anyhow::Result<()> {
        let receipt = self.client.send(&self.upload, |_| ()).await?;
        let totals = receipt.totals.unwrap_or_default();
        anyhow::ensure!(
            totals.created == self.upload.manifest.records,
            "a record was not new: {totals:?}"
        );
        Ok(())
    }
}

/// All nodes upload all they have at the same time; returns after the last receipt.
pub(crate) async fn upload_all(uploaders: Vec<Uploader>) -> anyhow::Result<()> {
    let mut uploading: JoinSet<_> = uploaders.into_iter().map(Uploader::send).collect();
    while let Some(done) = uploading.join_next().await {
        done?.context("a node could not upload")?;
    }
    Ok(())
}

/// All nodes push all they have at the same time; returns after the last acknowledgement.
pub(crate) async fn push_all(pushers: Vec<Pusher>) -> anyhow::Result<()> {
    let mut pushing: JoinSet<_> = pushers.into_iter().map(Pusher::push_all).collect();
    while let Some(done) = pushing.join_next().await {
        done?.context("a node could not push")?;
    }
    Ok(())
}
