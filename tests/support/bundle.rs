//! Bundles: an agent without a line, and what is carried between it and a hub.

use std::sync::Arc;

use childsync::domain::clock::{Clock, SystemClock};
use childsync::domain::record::Lane;
use childsync::grpc::bundle_file::{BundleTerms, BundleWriter, HubCard, read_card};
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::bundle_service_client::BundleServiceClient;
use childsync::security::directory::IdentityDirectory;
use childsync::security::hpke::HpkePrivate;
use tonic::Status;
use tonic::transport::Channel;
use uuid::Uuid;

use super::agent::{AgentOptions, TestAgent};
use super::hub::{TestHub, free_port};
use super::pki::Pki;

/// Asks a hub for its card and leaves it beside the commune's certificate, as an operator does.
pub(crate) async fn leave_card(hub: &TestHub) {
    let card = card(hub.operator_line()).await.expect("a card");
    std::fs::write(hub.pki.node("commune").join("hub.card"), card).expect("written");
}

pub(crate) async fn card(line: Channel) -> Result<Vec<u8>, Status> {
    let mut client = BundleServiceClient::new(line);
    let answer = client.get_hub_card(v1::GetHubCardRequest {}).await;
    answer.map(|answer| answer.into_inner().card)
}

/// An agent of the commune that never has a line and got the hub's card by hand.
pub(crate) async fn without_line(hub: &TestHub) -> TestAgent {
    leave_card(hub).await;
    unreachable(&hub.pki).await
}

/// An agent of the commune without a line and, unless somebody left it, without a card.
pub(crate) async fn unreachable(pki: &Arc<Pki>) -> TestAgent {
    let url = format!("https://127.0.0.1:{}", free_port());
    TestAgent::start(pki, AgentOptions::before(&url)).await
}

/// Writes what waits at an agent as a bundle.
pub(crate) async fn export(agent: &TestAgent) -> Vec<u8> {
    let (status, head, bytes) = agent.post("/v1/bundles", &[]).await;
    assert_eq!(status, 200, "{head}{}", String::from_utf8_lossy(&bytes));
    bytes
}

/// Brings a bundle to a hub as its operator and gives the receipt.
pub(crate) async fn import(hub: &TestHub, bundle: &[u8]) -> Result<Vec<u8>, Status> {
    import_over(hub.operator_line(), bundle).await
}

pub(crate) async fn import_over(line: Channel, bundle: &[u8]) -> Result<Vec<u8>, Status> {
    let pieces: Vec<_> = bundle
        .chunks(100_000)
        .map(|piece| v1::ImportBundleRequest {
            content: piece.to_vec().into(),
        })
        .collect();
    let mut client = BundleServiceClient::new(line);
    let answers = client.import_bundle(tokio_stream::iter(pieces)).await?;
    let (mut answers, mut receipt) = (answers.into_inner(), Vec::new());
    while let Some(piece) = answers.message().await? {
        receipt.extend_from_slice(&piece.receipt);
    }
    Ok(receipt)
}

/// Hands a receipt to an agent and gives status and answer.
pub(crate) async fn take(agent: &TestAgent, receipt: &[u8]) -> (u16, serde_json::Value) {
    let (status, _, body) = agent.post("/v1/bundles/receipt", receipt).await;
    (status, serde_json::from_slice(&body).expect("JSON"))
}

/// What somebody needs to make bundles up.
pub(crate) struct Forger {
    card: HubCard,
}

impl Forger {
    pub(crate) async fn before(operator: Channel, pki: &Pki) -> Self {
        let card = card(operator).await.expect("a card");
        let authorities = pki.directory("commune").authorities;
        let now = SystemClock.now();
        let card = read_card(&card, &authorities, "127.0.0.1", now).expect("a card");
        Self { card }
    }

    /// A bundle of some children in the name of a node, signed with an identity.
    pub(crate) fn bundle(
        &self,
        bundle: Uuid,
        name: &str,
        identity: &IdentityDirectory,
        changes: Vec<v1::RecordChange>,
    ) -> Vec<u8> {
        let mut writer = BundleWriter::new().expect("a writer");
        for (state, change) in (1..).zip(changes) {
            assert!(writer.add(Lane::Routine, state, change).expect("added"));
        }
        let terms = BundleTerms {
            bundle,
            node: &name.parse().expect("a name"),
            identity,
            card: &self.card,
            reply: HpkePrivate::generate()
                .and_then(|key| key.public())
                .expect("a key"),
            made_at: SystemClock.now(),
        };
        writer.finish(&terms).expect("written")
    }
}
