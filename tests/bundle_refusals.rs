//! Bundles and receipts that are not to be believed: each is refused with what to do and changes nothing.

use std::sync::Arc;

use childsync::domain::clock::{Clock, SystemClock, Timestamp};
use childsync::domain::standing::Standing;
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::RecordChange;
use childsync::grpc::proto::v1::bundle_service_client::BundleServiceClient;
use childsync::security::directory::IdentityDirectory;
use childsync::security::identity::Identity;
use serde_json::json;
use tonic::Status;
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::support::agent::TestAgent;
use crate::support::bundle::{
    Forger, card, export, import, import_over, take, unreachable, without_line,
};
use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub};
use crate::support::on_both_engines;
use crate::support::pki::Pki;
use crate::support::records::{change, id, numbered_child};

on_both_engines! {
    a_bundle_that_was_changed_or_cut_is_refused_and_changes_nothing,
    a_bundle_is_taken_in_by_its_own_hub_from_its_own_node_only,
    records_outside_of_the_territory_are_refused_one_by_one,
    a_bundle_id_stands_for_one_bundle,
    nobody_writes_in_the_name_of_another_node,
    a_bundle_of_a_certificate_that_has_run_out_is_refused,
}

fn reason(refused: Result<Vec<u8>, Status>) -> String {
    let status = refused.expect_err("refused");
    let details = status.get_error_details();
    details.error_info().expect("a reason").reason.clone()
}

fn numbered(number: u32) -> Vec<RecordChange> {
    vec![change(number.into(), 1, numbered_child(number))]
}

async fn agent_with_a_record(hub: &TestHub) -> TestAgent {
    let agent = without_line(hub).await;
    let changes = vec![change(1, 1, numbered_child(1))];
    agent.pushing().send(changes).await.expect("kept");
    agent
}

async fn a_bundle_that_was_changed_or_cut_is_refused_and_changes_nothing(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let agent = agent_with_a_record(&hub).await;
    let bundle = export(&agent).await;

    for at in (0..bundle.len()).step_by(bundle.len() / 25) {
        let mut changed = bundle.clone();
        changed[at] ^= 1;
        let reason = reason(import(&hub, &changed).await);
        assert!(
            ["NOT_A_BUNDLE", "BUNDLE_DAMAGED", "BUNDLE_TOO_LARGE"].contains(&reason.as_str()),
            "byte {at}: {reason}"
        );
        let reason = self::reason(import(&hub, &bundle[..at]).await);
        assert!(
            ["NOT_A_BUNDLE", "BUNDLE_DAMAGED"].contains(&reason.as_str()),
            "cut at {at}: {reason}"
        );
    }
    let longer = [bundle.as_slice(), b"x"].concat();
    assert_eq!(reason(import(&hub, &longer).await), "BUNDLE_DAMAGED");
    assert_eq!(reason(import(&hub, b"a text").await), "NOT_A_BUNDLE");
    assert_eq!(hub.node_status("commune").await.received, 0);
    import(&hub, &bundle).await.expect("the true one is taken");
    agent.stop().await;
    hub.stop().await;
}

async fn a_bundle_is_taken_in_by_its_own_hub_from_its_own_node_only(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let agent = agent_with_a_record(&hub).await;
    let bundle = export(&agent).await;
    let start = |pki: Arc<Pki>, name| async move {
        let database = Arc::new(Database::new(engine).await);
        let options = HubOptions {
            name,
            ..HubOptions::province()
        };
        TestHub::start(pki, database, options).await
    };

    let unregistered = start(Arc::clone(&hub.pki), "province").await;
    assert_eq!(
        reason(import(&unregistered, &bundle).await),
        "NODE_NOT_REGISTERED"
    );
    let district = start(Arc::clone(&hub.pki), "district").await;
    district.register("commune", "GSO_PRE2025:30742").await;
    assert_eq!(
        reason(import(&district, &bundle).await),
        "BUNDLE_OF_OTHER_HUB"
    );
    let elsewhere = start(Arc::new(Pki::new()), "province").await;
    elsewhere.register("commune", "GSO_PRE2025:30742").await;
    assert_eq!(reason(import(&elsewhere, &bundle).await), "BUNDLE_FOREIGN");
    // A node may not bring its own bundle in, and a stranger gets no card.
    let by_node = import_over(hub.node_line("commune"), &bundle).await;
    assert_eq!(reason(by_node), "OPERATOR_REQUIRED");
    assert_eq!(
        reason(card(hub.node_line("stranger")).await),
        "NODE_NOT_REGISTERED"
    );
    let receipt = import(&hub, &bundle).await.expect("the right one takes it");
    assert_eq!(reason(import(&hub, &receipt).await), "NOT_A_BUNDLE");

    for hub in [unregistered, district, elsewhere, hub] {
        hub.stop().await;
    }
    agent.stop().await;
}

async fn records_outside_of_the_territory_are_refused_one_by_one(engine: Engine) {
    let database = Arc::new(Database::new(engine).await);
    let hub = TestHub::start(Arc::new(Pki::new()), database, HubOptions::province()).await;
    hub.register("commune", "GSO_PRE2025:30745").await;
    let agent = agent_with_a_record(&hub).await;

    let receipt = import(&hub, &export(&agent).await)
        .await
        .expect("a receipt");
    let (status, taken) = take(&agent, &receipt).await;

    assert_eq!((status, &taken["to_correct"]), (200, &json!(1)), "{taken}");
    agent.stands(1, Standing::ToCorrect).await;
    let answered = agent.record(1).await.expect("known").answered;
    assert_eq!(answered.expect("answered").reason, "OUTSIDE_TERRITORY");
    assert_eq!(hub.node_status("commune").await.accepted, 0);
    agent.stop().await;
    hub.stop().await;
}

async fn a_bundle_id_stands_for_one_bundle(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let forger = Forger::before(hub.operator_line(), &hub.pki).await;
    let (own, bundle) = (hub.pki.directory("commune"), Uuid::now_v7());

    let first = import(&hub, &forger.bundle(bundle, "commune", &own, numbered(1))).await;
    first.expect("a receipt");
    let second = import(&hub, &forger.bundle(bundle, "commune", &own, numbered(2))).await;

    assert_eq!(reason(second), "BUNDLE_ID_REUSED");
    assert_eq!(hub.node_status("commune").await.received, 1);
    let third = forger.bundle(Uuid::now_v7(), "commune", &own, numbered(3));
    import(&hub, &third).await.expect("a receipt");
    let mut client = BundleServiceClient::new(hub.operator_line());
    let mut ask = async |page_token: String| {
        let page_size = 1;
        let request = v1::ListBundlesRequest {
            page_size,
            page_token,
        };
        client
            .list_bundles(request)
            .await
            .map(tonic::Response::into_inner)
    };
    let newest = ask(String::new()).await.expect("a page");
    let older = ask(newest.next_page_token).await.expect("a page");
    assert_eq!(older.bundles[0].bundle_id, bundle.to_string());
    assert_eq!(older.bundles[0].imported_by, "an");
    let invalid = ask("x".to_owned()).await.map(|_| Vec::new());
    assert_eq!(reason(invalid), "PAGE_TOKEN_INVALID");
    hub.stop().await;
}

async fn nobody_writes_in_the_name_of_another_node(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.register("neighbour", "GSO_PRE2025:30745").await;
    let forger = Forger::before(hub.operator_line(), &hub.pki).await;
    let (commune, neighbour) = (hub.pki.directory("commune"), hub.pki.directory("neighbour"));
    let operator = IdentityDirectory::read(&hub.pki.operator("an")).expect("an identity");
    let borrowed = IdentityDirectory {
        chain: commune.chain.clone(),
        key: neighbour.key.clone_key(),
        authorities: commune.authorities.clone(),
        identity: commune.identity.clone(),
        signer: None,
    };

    for (identity, expected) in [
        // Its own certificate under another's name; an operator's; the other's certificate without its key.
        (&neighbour, "BUNDLE_FOREIGN"),
        (&operator, "BUNDLE_FOREIGN"),
        (&borrowed, "BUNDLE_DAMAGED"),
    ] {
        let bundle = forger.bundle(Uuid::now_v7(), "commune", identity, numbered(1));
        assert_eq!(reason(import(&hub, &bundle).await), expected);
    }
    assert_eq!(hub.node_status("commune").await.received, 0);
    hub.stop().await;
}

async fn a_bundle_of_a_certificate_that_has_run_out_is_refused(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let days_ago =
        |days: i64| Timestamp::from_micros(SystemClock.now().as_micros() - days * 86_400_000_000);
    let out = hub.pki.path().join("late");
    let name: Identity = "childsync://node/late".parse().expect("a name");
    hub.pki.issue(name, 1, days_ago(3), &out);
    hub.register("late", "GSO_PRE2025:30742").await;
    let forger = Forger::before(hub.operator_line(), &hub.pki).await;
    let late = IdentityDirectory::read(&out).expect("an identity");

    let bundle = forger.bundle(Uuid::now_v7(), "late", &late, numbered(1));

    assert_eq!(reason(import(&hub, &bundle).await), "CERTIFICATE_EXPIRED");
    assert_eq!(hub.node_status("late").await.received, 0);
    hub.stop().await;
}

async fn refused(agent: &TestAgent, receipt: &[u8]) -> String {
    let (status, answer) = take(agent, receipt).await;
    assert_eq!(
        (status, &answer["reason"]),
        (422, &json!("RECEIPT_REFUSED")),
        "{answer}"
    );
    answer["message"].as_str().expect("text").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_that_is_damaged_or_of_somebody_else_takes_nothing_from_the_queue() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let agent = agent_with_a_record(&hub).await;
    let bundle = export(&agent).await;
    let receipt = import(&hub, &bundle).await.expect("a receipt");

    for at in (0..receipt.len()).step_by(receipt.len() / 25) {
        let mut changed = receipt.clone();
        changed[at] ^= 1;
        refused(&agent, &changed).await;
        refused(&agent, &receipt[..at]).await;
    }
    assert!(refused(&agent, &bundle).await.contains("is a bundle"));
    // Another machine of the same commune did not write this bundle.
    let other = unreachable(&hub.pki).await;
    assert!(refused(&other, &receipt).await.contains("did not write"));
    // A hub of another CA, and another hub of the same one that has the bundle's own name for it.
    let stranger = TestHub::province(Engine::Sqlite).await;
    let theirs = agent_with_a_record(&stranger).await;
    let foreign = import(&stranger, &export(&theirs).await)
        .await
        .expect("a receipt");
    assert!(refused(&agent, &foreign).await.contains("not trusted here"));
    assert_eq!(agent.queued().await, 1);
    agent.stands(1, Standing::Kept).await;
    assert_eq!(take(&agent, &receipt).await.0, 200, "the true one is taken");
    assert_eq!(agent.queued().await, 0);
    for agent in [agent, other, theirs] {
        agent.stop().await;
    }
    stranger.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_of_somebody_else_is_not_sealed_to() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let stranger = TestHub::province(Engine::Sqlite).await;
    let foreign = card(stranger.operator_line()).await.expect("a card");
    let file = hub.pki.node("commune").join("hub.card");
    std::fs::write(&file, foreign).expect("written");
    let agent = unreachable(&hub.pki).await;
    let changes = vec![change(1, 1, numbered_child(1))];
    agent.pushing().send(changes).await.expect("kept");

    let (status, _, body) = agent.post("/v1/bundles", &[]).await;

    let body = String::from_utf8(body).expect("text");
    assert!(status == 409 && body.contains("HUB_CARD_MISSING"), "{body}");
    assert!(!body.contains(&id(1).to_string()));
    agent.stop().await;
    stranger.stop().await;
    hub.stop().await;
}

#[test]
fn no_bytes_make_the_readers_fail_otherwise_than_by_an_error() {
    use childsync::grpc::bundle_file::{BundleLetter, ReceiptLetter};
    use proptest::prelude::*;

    let marks = prop_oneof![
        Just(b"CSYBNDL\x01".to_vec()),
        Just(b"CSYRCPT\x01".to_vec()),
        proptest::collection::vec(any::<u8>(), 8),
    ];
    let header = proptest::collection::vec(any::<u8>(), 0..300);
    let rest = proptest::collection::vec(any::<u8>(), 0..100);
    proptest!(|(mark in marks, header in header, rest in rest)| {
        let length = u32::try_from(header.len()).expect("a small number").to_be_bytes();
        let bytes = [mark.as_slice(), &length, &header, &rest].concat();
        prop_assert!(BundleLetter::read(&bytes).is_err());
        prop_assert!(ReceiptLetter::read(&bytes).is_err());
    });
}
