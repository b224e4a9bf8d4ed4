//! What a node may rely on: outcomes, order, territory, the feed and status.

use childsync::domain::draft::{ChildDraft, CodeDraft, DateDraft};
use childsync::grpc::convert::write_child;
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::feed_service_client::FeedServiceClient;
use childsync::grpc::proto::v1::ingest_service_client::IngestServiceClient;
use childsync::grpc::proto::v1::{FeedState, Outcome};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::support::database::Engine;
use crate::support::hub::TestHub;
use crate::support::on_both_engines;
use crate::support::records::{
    change, child, id, numbered_child, raw_change, report, report_change, tombstone, unit,
};

on_both_engines![
    a_new_record_is_accepted_and_becomes_a_golden_record,
    a_replay_is_answered_unchanged,
    a_version_with_other_content_is_refused,
    an_older_version_is_kept_as_history,
    a_tombstone_withdraws_and_a_newer_version_brings_back,
    a_bad_record_is_quarantined_and_the_good_beside_it_are_kept,
    a_corrected_record_leaves_quarantine,
    a_record_outside_the_territory_is_refused,
    two_communes_with_one_child_share_a_golden_record,
    text_is_normalised_and_the_same_text_is_the_same_content,
    a_case_report_is_taken_in_the_urgent_lane,
    the_feed_goes_on_from_its_cursor,
    a_waiting_feed_tells_what_happens_later,
    requests_of_one_stream_are_acknowledged_in_order,
    status_equals_a_recount,
];

fn outcomes(outcomes: &[v1::RecordOutcome]) -> Vec<Outcome> {
    outcomes.iter().map(v1::RecordOutcome::outcome).collect()
}

fn reasons(outcomes: &[v1::RecordOutcome]) -> Vec<&str> {
    outcomes
        .iter()
        .map(|outcome| outcome.reason.as_str())
        .collect()
}

async fn a_new_record_is_accepted_and_becomes_a_golden_record(engine: Engine) {
    let hub = TestHub::province(engine).await;

    let answer = hub.push(vec![change(1, 1, child())]).await;

    assert_eq!(outcomes(&answer), [Outcome::Accepted]);
    hub.settled().await;
    let feed = hub.feed("commune").await;
    assert_eq!(feed.len(), 1);
    assert_eq!(feed[0].record_id, id(1).to_string());
    assert_eq!(feed[0].state(), FeedState::Reconciled);
    assert_eq!(hub.status().await.golden_records, 1);
    hub.stop().await;
}

async fn a_replay_is_answered_unchanged(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![change(1, 1, child())]).await;

    let answer = hub
        .push(vec![change(1, 1, child()), change(1, 1, child())])
        .await;

    assert_eq!(outcomes(&answer), [Outcome::Unchanged, Outcome::Unchanged]);
    assert_eq!(hub.node_status("commune").await.accepted, 1);
    hub.stop().await;
}

async fn a_version_with_other_content_is_refused(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![change(1, 1, child())]).await;

    let other = ChildDraft {
        full_name: "Danh Văn Mẫu".into(),
        ..child()
    };
    let answer = hub.push(vec![change(1, 1, other)]).await;

    assert_eq!(outcomes(&answer), [Outcome::Rejected]);
    assert_eq!(reasons(&answer), ["VERSION_REUSED"]);
    hub.stop().await;
}

async fn an_older_version_is_kept_as_history(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![change(1, 5, child())]).await;

    let older = ChildDraft {
        full_name: "Danh Văn Mẫu".into(),
        ..child()
    };
    let answer = hub.push(vec![change(1, 4, older)]).await;

    assert_eq!(outcomes(&answer), [Outcome::Superseded]);
    hub.settled().await;
    assert_eq!(hub.feed("commune").await[0].version, 5);
    assert_eq!(hub.node_status("commune").await.accepted, 2);
    hub.stop().await;
}

async fn a_tombstone_withdraws_and_a_newer_version_brings_back(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![change(1, 1, child())]).await;

    let answer = hub.push(vec![tombstone(1, 2), tombstone(1, 2)]).await;

    assert_eq!(outcomes(&answer), [Outcome::Accepted, Outcome::Unchanged]);
    hub.settled().await;
    assert_eq!(hub.feed("commune").await[0].state(), FeedState::Withdrawn);
    assert_eq!(hub.status().await.golden_records, 0);

    hub.push(vec![change(1, 3, child())]).await;
    hub.settled().await;
    assert_eq!(hub.status().await.golden_records, 1);
    hub.stop().await;
}

async fn a_bad_record_is_quarantined_and_the_good_beside_it_are_kept(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let bad = ChildDraft {
        birth_date: Some(DateDraft::day(2199, 1, 1)),
        ethnicity: Some(CodeDraft {
            list_version: "1979".into(),
            code: "99".into(),
        }),
        ..child()
    };

    let answer = hub.push(vec![
        change(1, 1, child()),
        change(2, 1, bad),
        change(3, 1, child()),
    ]);
    let answer = answer.await;

    let (accepted, quarantined) = (Outcome::Accepted, Outcome::Quarantined);
    assert_eq!(outcomes(&answer), [accepted, quarantined, accepted]);
    let found: Vec<_> = answer[1]
        .violations
        .iter()
        .map(|violation| (violation.field.as_str(), violation.rule.as_str()))
        .collect();
    assert!(
        found.contains(&("child.birth_date", "DATE_IN_FUTURE")),
        "{found:?}"
    );
    assert!(
        found.contains(&("child.ethnicity", "UNKNOWN_CODE")),
        "{found:?}"
    );
    hub.settled().await;
    let status = hub.status().await;
    assert_eq!((status.golden_records, status.quarantined), (2, 1));
    let feed = hub.feed("commune").await;
    let told = feed
        .iter()
        .find(|event| event.record_id == id(2).to_string())
        .expect("told");
    assert_eq!(told.state(), FeedState::Quarantined);
    assert!(
        told.violated_rules
            .contains(&"child.birth_date DATE_IN_FUTURE".to_owned())
    );
    hub.stop().await;
}

async fn a_corrected_record_leaves_quarantine(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let bad = ChildDraft {
        full_name: String::new(),
        ..child()
    };
    hub.push(vec![change(1, 1, bad)]).await;

    let answer = hub.push(vec![change(1, 1, child())]).await;

    assert_eq!(outcomes(&answer), [Outcome::Accepted]);
    hub.settled().await;
    let status = hub.status().await;
    assert_eq!((status.golden_records, status.quarantined), (1, 0));
    hub.stop().await;
}

async fn a_record_outside_the_territory_is_refused(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let elsewhere = ChildDraft {
        commune: Some(unit("30280")),
        ..child()
    };

    // What breaks a rule besides must not get into quarantine either.
    let broken = ChildDraft {
        full_name: String::new(),
        ..elsewhere.clone()
    };
    let changes = vec![
        change(1, 1, elsewhere),
        change(2, 1, child()),
        change(3, 1, broken),
    ];

    let answer = hub.push(changes).await;

    assert_eq!(
        reasons(&answer),
        ["OUTSIDE_TERRITORY", "", "OUTSIDE_TERRITORY"]
    );
    hub.stop().await;
}

async fn two_communes_with_one_child_share_a_golden_record(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.register("other", "GSO_PRE2025:30745").await;
    hub.push(vec![
        change(1, 1, numbered_child(7)),
        change(2, 1, numbered_child(8)),
    ])
    .await;
    let moved = ChildDraft {
        commune: Some(unit("30745")),
        ..numbered_child(7)
    };

    hub.push_as("other", vec![change(9, 1, moved)]).await;

    hub.settled().await;
    let status = hub.status().await;
    assert_eq!(
        (
            status.source_records,
            status.golden_records,
            status.duplicates
        ),
        (3, 2, 1)
    );
    let (ours, theirs) = (hub.feed("commune").await, hub.feed("other").await);
    let ours = ours
        .iter()
        .find(|event| event.record_id == id(1).to_string())
        .expect("told");
    assert_eq!((ours.state(), ours.linked_records), (FeedState::Linked, 2));
    assert_eq!(ours.golden_id, theirs[0].golden_id);
    hub.stop().await;
}

async fn text_is_normalised_and_the_same_text_is_the_same_content(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let composed = ChildDraft {
        full_name: "Nguyễn Thị Mẫu".into(),
        ..child()
    };
    // The same name decomposed, with the marks in the wrong order.
    let decomposed = "Nguye\u{303}\u{302}n Thi\u{323} Ma\u{302}\u{303}u";
    let decomposed = ChildDraft {
        full_name: decomposed.into(),
        ..child()
    };
    hub.push(vec![change(1, 1, composed)]).await;

    let answer = hub.push(vec![change(1, 1, decomposed)]).await;

    assert_eq!(outcomes(&answer), [Outcome::Unchanged]);
    hub.stop().await;
}

async fn a_case_report_is_taken_in_the_urgent_lane(engine: Engine) {
    let hub = TestHub::province(engine).await;

    let answer = hub.push(vec![report_change(1, 1, report())]).await;

    assert_eq!(outcomes(&answer), [Outcome::Accepted]);
    hub.settled().await;
    let status = hub.status().await;
    assert_eq!((status.case_reports, status.golden_records), (1, 0));
    let urgent = status
        .reconciler
        .iter()
        .find(|lane| lane.lane() == v1::Lane::Urgent);
    assert_eq!(urgent.expect("a lane").position, 1);
    hub.stop().await;
}

async fn the_feed_goes_on_from_its_cursor(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.push(vec![change(1, 1, child())]).await;
    hub.settled().await;
    let mut client = FeedServiceClient::new(hub.node_line("commune"));
    let request = v1::FollowRequest {
        cursor: 0,
        wait: false,
    };
    let mut pages = client.follow(request).await.expect("a feed").into_inner();
    let cursor = pages.message().await.expect("a page").expect("one").cursor;
    hub.push(vec![change(2, 1, child())]).await;
    hub.settled().await;

    let request = v1::FollowRequest {
        cursor,
        wait: false,
    };
    let mut pages = client.follow(request).await.expect("a feed").into_inner();

    let page = pages.message().await.expect("a page").expect("one");
    let told: Vec<_> = page
        .events
        .iter()
        .map(|event| event.record_id.clone())
        .collect();
    assert_eq!(told, [id(2).to_string()]);
    assert!(pages.message().await.expect("the end").is_none());
    hub.stop().await;
}

async fn a_waiting_feed_tells_what_happens_later(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let mut client = FeedServiceClient::new(hub.node_line("commune"));
    let request = v1::FollowRequest {
        cursor: 0,
        wait: true,
    };
    let mut pages = client.follow(request).await.expect("a feed").into_inner();

    hub.push(vec![change(1, 1, child())]).await;

    let page = pages.message().await.expect("a page").expect("one");
    assert_eq!(page.events[0].record_id, id(1).to_string());
    hub.stop().await;
}

/// Pushes requests without waiting between them and gives all responses but the first.
async fn push_at_once(line: Channel, requests: Vec<v1::PushRequest>) -> Vec<v1::PushResponse> {
    let (sender, stream) = tokio::sync::mpsc::channel(requests.len());
    for request in requests {
        sender.send(request).await.expect("room");
    }
    drop(sender);
    let mut client = IngestServiceClient::new(line);
    let responses = client
        .push(ReceiverStream::new(stream))
        .await
        .expect("a stream");
    let mut responses = responses.into_inner();
    let hello = responses.message().await.expect("a response").expect("one");
    assert_eq!(hello.acknowledged_sequence, 0);
    assert!((1..=64).contains(&hello.window_requests));
    let mut read = Vec::new();
    while let Some(response) = responses.message().await.expect("a response") {
        read.push(response);
    }
    read
}

async fn requests_of_one_stream_are_acknowledged_in_order(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let request = |sequence: u64| {
        let changes = (0..20).map(|at| change(u128::from(sequence) * 100 + at, 1, child()));
        v1::PushRequest {
            sequence: sequence * 3,
            changes: changes.collect(),
        }
    };

    let responses = push_at_once(hub.node_line("commune"), (1..=30).map(request).collect()).await;

    let acknowledged: Vec<u64> = responses
        .iter()
        .map(|response| response.acknowledged_sequence)
        .collect();
    assert_eq!(
        acknowledged,
        (1..=30).map(|sequence| sequence * 3).collect::<Vec<_>>()
    );
    assert!(responses.iter().all(|response| response.accepted == 20));
    hub.stop().await;
}

async fn status_equals_a_recount(engine: Engine) {
    let hub = TestHub::province(engine).await;
    hub.register("other", "GSO_PRE2025:30745").await;
    let bad = ChildDraft {
        full_name: String::new(),
        ..child()
    };
    let mut changes: Vec<_> = (1..=30)
        .map(|at| change(at.into(), 1, numbered_child(at)))
        .collect();
    changes.extend([tombstone(3, 2), change(4, 2, child()), change(40, 1, bad)]);
    changes.extend([report_change(1, 1, report()), raw_change(41, 1, vec![0xff])]);
    hub.push(changes.clone()).await;
    hub.push(changes).await;
    let moved = ChildDraft {
        commune: Some(unit("30745")),
        ..numbered_child(7)
    };
    hub.push_as("other", vec![change(9, 1, moved)]).await;
    hub.settled().await;

    let status = hub.status().await;
    let (ours, theirs) = (
        hub.node_status("commune").await,
        hub.node_status("other").await,
    );

    let feeds = [hub.feed("commune").await, hub.feed("other").await].concat();
    let live =
        |event: &&v1::FeedEvent| matches!(event.state(), FeedState::Reconciled | FeedState::Linked);
    let children = || feeds.iter().filter(live).filter(|event| event.kind == 1);
    let golden: std::collections::HashSet<_> = children().map(|event| &event.golden_id).collect();
    assert_eq!(
        status.source_records,
        u64::try_from(children().count()).expect("small")
    );
    assert_eq!(
        status.golden_records,
        u64::try_from(golden.len()).expect("small")
    );
    assert_eq!((status.quarantined, status.case_reports), (1, 1));
    assert_eq!(
        ours.source_records + theirs.source_records,
        status.source_records
    );
    // 30 children, a tombstone, a second version and a report; the first sending and its replay.
    assert_eq!((ours.received, ours.accepted, ours.unchanged), (70, 33, 33));
    assert_eq!((ours.rejected, ours.quarantined, ours.waiting), (2, 1, 0));
    assert_eq!(status.log_head, ours.accepted + theirs.accepted);
    hub.stop().await;
}

#[tokio::test]
async fn what_a_newer_program_adds_to_a_record_survives() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let mut content = write_child(child());
    // Field 1000, which this program does not know.
    content.extend_from_slice(&[0xc2, 0x3e, 0x05, b'n', b'e', b'w', b'e', b'r']);

    hub.push(vec![raw_change(1, 1, content.clone())]).await;
    let answer = hub
        .push(vec![raw_change(1, 1, content), change(1, 1, child())])
        .await;

    assert_eq!(outcomes(&answer), [Outcome::Unchanged, Outcome::Rejected]);
    hub.stop().await;
}
