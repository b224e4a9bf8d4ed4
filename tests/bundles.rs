//! Records that are carried by hand: by the rules of a line, once, and never against what came since.

use childsync::domain::draft::ChildDraft;
use childsync::domain::standing::{HubAnswer, Standing};
use childsync::grpc::bundle_file::{BundleLetter, ReceiptLetter};
use childsync::grpc::convert::write_child;
use serde_json::json;

use crate::support::agent::{AgentOptions, TestAgent, queued};
use crate::support::bundle::{export, import, take, unreachable, without_line};
use crate::support::database::Engine;
use crate::support::hub::TestHub;
use crate::support::records::{
    change, child, id, numbered_child, raw_change, report, report_change,
};
use crate::support::{eventually, on_both_engines};

on_both_engines! {
    what_is_carried_is_taken_by_the_rules_of_a_line_and_leaves_the_queue_by_its_receipt,
    the_same_bundle_again_changes_nothing_and_gives_the_same_receipt,
    a_receipt_leaves_what_came_since_in_the_queue_and_old_bundles_bring_nothing_back,
    a_line_and_a_bundle_at_once_are_harmless,
    what_the_hub_held_of_earlier_days_is_passed_by_a_higher_version,
    two_imports_of_one_bundle_at_once_are_one,
}

fn nameless(number: u32) -> ChildDraft {
    ChildDraft {
        full_name: String::new(),
        ..numbered_child(number)
    }
}

async fn what_is_carried_is_taken_by_the_rules_of_a_line_and_leaves_the_queue_by_its_receipt(
    engine: Engine,
) {
    let hub = TestHub::province(engine).await;
    let agent = without_line(&hub).await;
    let changes = vec![
        change(1, 1, numbered_child(1)),
        change(2, 1, nameless(2)),
        report_change(3, 1, report()),
    ];
    agent.pushing().send(changes).await.expect("kept");

    let bundle = export(&agent).await;
    let letter = BundleLetter::read(&bundle).expect("a bundle");
    assert_eq!(letter.header.node, "commune");
    assert_eq!(letter.header.hub, "province");
    let counted = (letter.header.routine_records, letter.header.urgent_records);
    assert_eq!(counted, (2, 1));
    for secret in ["Danh", "091318000001", &id(1).to_string()] {
        let found = bundle
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "{secret} stands in the bundle");
    }
    assert_eq!(agent.queued().await, 3, "nothing leaves before the receipt");
    let (_, page) = agent.get("/").await;
    assert!(page.contains("chưa có biên nhận"), "{page}");

    let receipt = import(&hub, &bundle).await.expect("a receipt");
    let header = ReceiptLetter::read(&receipt).expect("a receipt").header;
    assert_eq!(
        (header.taken, header.quarantined, header.rejected),
        (2, 1, 0)
    );
    hub.settled().await;
    let status = hub.status().await;
    assert_eq!((status.case_reports, status.quarantined), (1, 1));
    let node = hub.node_status("commune").await;
    assert_eq!((node.received, node.accepted), (3, 2));
    assert_eq!(agent.queued().await, 3);

    let (status, taken) = take(&agent, &receipt).await;
    assert_eq!(status, 200, "{taken}");
    assert_eq!(
        (&taken["taken"], &taken["to_correct"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(agent.queued().await, 0);
    agent.stands(1, Standing::AtHub).await;
    agent.stands(2, Standing::ToCorrect).await;
    let broken = agent.record(2).await.expect("known").answered;
    let broken = broken.expect("answered");
    assert_eq!(broken.answer, HubAnswer::Quarantined);
    assert_eq!(broken.rules, "child.full_name REQUIRED");

    let (status, again) = take(&agent, &receipt).await;
    assert_eq!((status, &again["repeated"]), (200, &json!(true)), "{again}");
    let (status, _, body) = agent.post("/v1/bundles", &[]).await;
    let body = String::from_utf8(body).expect("text");
    assert!(status == 409 && body.contains("NOTHING_WAITS"), "{body}");
    let (_, page) = agent.get("/").await;
    assert!(page.contains("đã có biên nhận"), "{page}");
    let made = agent.get_json("/v1/bundles").await;
    assert!(made["bundles"][0]["receipted_at"].is_string(), "{made}");
    agent.stop().await;
    hub.stop().await;
}

async fn the_same_bundle_again_changes_nothing_and_gives_the_same_receipt(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let agent = without_line(&hub).await;
    let changes = vec![change(1, 1, numbered_child(1)), change(2, 1, nameless(2))];
    agent.pushing().send(changes).await.expect("kept");
    let bundle = export(&agent).await;
    let first = import(&hub, &bundle).await.expect("a receipt");
    let before = hub.node_status("commune").await;

    let second = import(&hub, &bundle).await.expect("a receipt");

    assert!(first == second, "the receipts differ");
    let after = hub.node_status("commune").await;
    assert_eq!(before.received, after.received);
    assert_eq!(hub.status().await.quarantined, 1);
    // Another bundle of the same records is another one, and the hub has them.
    let other = export(&agent).await;
    let third = import(&hub, &other).await.expect("a receipt");
    assert!(take(&agent, &third).await.0 == 200);
    assert_eq!(agent.queued().await, 0);
    let (status, late) = take(&agent, &first).await;
    assert_eq!(
        (status, &late["answered_before"]),
        (200, &json!(2)),
        "{late}"
    );
    agent.stop().await;
    hub.stop().await;
}

async fn a_receipt_leaves_what_came_since_in_the_queue_and_old_bundles_bring_nothing_back(
    engine: Engine,
) {
    let hub = TestHub::province(engine).await;
    let agent = without_line(&hub).await;
    let named = |name: &str| ChildDraft {
        full_name: name.into(),
        ..numbered_child(1)
    };
    let first = vec![change(1, 1, named("Danh Thị Mẫu"))];
    agent.pushing().send(first).await.expect("kept");
    let old = export(&agent).await;
    let second = vec![change(1, 2, named("Danh Thị Mẫu Mới"))];
    agent.pushing().send(second).await.expect("kept");
    let new = export(&agent).await;

    // The newer bundle comes first; the older one is history by then.
    let new_receipt = import(&hub, &new).await.expect("a receipt");
    let old_receipt = import(&hub, &old).await.expect("a receipt");
    let (_, taken) = take(&agent, &old_receipt).await;
    assert_eq!((&taken["waiting"], &taken["taken"]), (&json!(1), &json!(0)));
    assert_eq!(agent.queued().await, 1, "the newer version waits on");
    agent.stands(1, Standing::Kept).await;
    let (_, taken) = take(&agent, &new_receipt).await;
    assert_eq!(taken["taken"], json!(1), "{taken}");
    assert_eq!(agent.queued().await, 0);
    hub.settled().await;
    let event = hub.feed("commune").await.pop().expect("an event");
    assert_eq!(event.version, 2);
    agent.stop().await;
    hub.stop().await;
}

async fn a_line_and_a_bundle_at_once_are_harmless(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let agent = without_line(&hub).await;
    let changes = vec![change(1, 1, numbered_child(1)), change(2, 1, child())];
    agent.pushing().send(changes).await.expect("kept");
    let bundle = export(&agent).await;
    let receipt = import(&hub, &bundle).await.expect("a receipt");
    let (pki, folder) = (
        std::sync::Arc::clone(&agent.pki),
        std::sync::Arc::clone(&agent.folder),
    );
    agent.stop().await;

    // The line comes back before the receipt does.
    let options = AgentOptions::before(&hub.url);
    let clock = std::sync::Arc::new(childsync::domain::clock::SystemClock);
    let agent = TestAgent::start_in(&pki, folder, options, clock).await;
    agent.stands(1, Standing::AtTop).await;
    agent.stands(2, Standing::AtTop).await;
    let (status, taken) = take(&agent, &receipt).await;

    assert_eq!(
        (status, &taken["answered_before"]),
        (200, &json!(2)),
        "{taken}"
    );
    agent.stands(1, Standing::AtTop).await;
    let node = hub.node_status("commune").await;
    assert_eq!((node.accepted, node.unchanged), (2, 2));
    agent.stop().await;
    hub.stop().await;
}

async fn what_the_hub_held_of_earlier_days_is_passed_by_a_higher_version(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![change(1, 5, numbered_child(7))]).await;
    let agent = without_line(&hub).await;
    // The agent gives the version, and cannot know that the hub holds the fifth.
    keep_without_version(&agent).await;
    assert_eq!(agent.record(1).await.expect("kept").version.as_u64(), 1);

    let receipt = import(&hub, &export(&agent).await)
        .await
        .expect("a receipt");
    let (_, taken) = take(&agent, &receipt).await;
    assert_eq!(
        (&taken["waiting"], &taken["taken"]),
        (&json!(1), &json!(0)),
        "{taken}"
    );
    assert_eq!(agent.record(1).await.expect("kept").version.as_u64(), 6);
    let receipt = import(&hub, &export(&agent).await)
        .await
        .expect("a receipt");
    let (_, taken) = take(&agent, &receipt).await;
    assert_eq!(taken["taken"], json!(1), "{taken}");
    hub.settled().await;
    assert_eq!(
        hub.feed("commune").await.pop().expect("an event").version,
        6
    );
    agent.stop().await;
    hub.stop().await;
}

/// Keeps record 1 as a program does that knows of no versions.
async fn keep_without_version(agent: &TestAgent) {
    let record = json!({ "record": {
        "commune": { "scheme": "ADMIN_SCHEME_GSO_PRE2025", "code": "30742" },
        "status": "RECORD_STATUS_ACTIVE",
        "full_name": "Danh Thị Mẫu",
        "birth_date": { "year": 2018, "month": 4, "day": 2, "precision": "DATE_PRECISION_DAY" },
        "sex": "SEX_FEMALE",
        "ethnicity": { "list_version": "1979", "code": "05" },
        "personal_number_absence": "pending",
    } });
    let (status, body) = agent
        .put_json(&format!("/v1/records/child/{}", id(1)), &record)
        .await;
    assert_eq!(status, 200, "{body}");
}

async fn two_imports_of_one_bundle_at_once_are_one(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let agent = without_line(&hub).await;
    agent
        .pushing()
        .send(vec![change(1, 1, numbered_child(1))])
        .await
        .expect("kept");
    let bundle = export(&agent).await;

    let (one, two) = tokio::join!(import(&hub, &bundle), import(&hub, &bundle));

    assert!(
        one.expect("a receipt") == two.expect("a receipt"),
        "the receipts differ"
    );
    assert_eq!(hub.node_status("commune").await.received, 1);
    agent.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_into_a_bundle_goes_into_the_next_one() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let agent = without_line(&hub).await;
    // A field that this program does not know makes each record large; it is kept as it is.
    let mut large = write_child(child());
    prost::encoding::encode_key(900, prost::encoding::WireType::LengthDelimited, &mut large);
    prost::encoding::encode_varint(60_000, &mut large);
    large.resize(large.len() + 60_000, 7);
    let records: u64 = 560;
    let changes = (1..=u128::from(records)).map(|number| raw_change(number, 1, large.clone()));
    agent.pushing().send(changes.collect()).await.expect("kept");

    let (status, head, first) = agent.post("/v1/bundles", &[]).await;
    assert_eq!(status, 200, "{head}");
    let next = head
        .lines()
        .find_map(|line| line.strip_prefix("childsync-next-after: "));
    let path = format!("/v1/bundles?after={}", next.expect("there is more"));
    let (status, head, second) = agent.post(&path, &[]).await;
    assert_eq!(status, 200, "{head}");
    assert!(!head.contains("childsync-next-after"), "{head}");

    for bundle in [&first, &second] {
        let receipt = import(&hub, bundle).await.expect("a receipt");
        assert_eq!(take(&agent, &receipt).await.0, 200);
    }
    assert_eq!(queued(agent.folder.path()).await, 0);
    assert_eq!(hub.node_status("commune").await.accepted, records);
    agent.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_fetches_the_card_while_there_is_a_line() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let alone = unreachable(&hub.pki).await;
    let (status, _, body) = alone.post("/v1/bundles", &[]).await;
    let body = String::from_utf8(body).expect("text");
    assert!(status == 409 && body.contains("HUB_CARD_MISSING"), "{body}");
    alone.stop().await;

    let agent = TestAgent::before(&hub).await;
    eventually("the agent has the card", || async {
        let (_, _, body) = agent.post("/v1/bundles", &[]).await;
        String::from_utf8_lossy(&body).contains("NOTHING_WAITS")
    })
    .await;
    agent.stop().await;
    hub.stop().await;
}
