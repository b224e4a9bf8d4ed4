//! Stewards at work: what they ask of a hub with two communes, and what they see.

use childsync::domain::draft::{CarerDraft, ChildDraft, DateDraft};
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::review_service_client::ReviewServiceClient;
use tonic::transport::Channel;

use super::database::Engine;
use super::hub::TestHub;
use super::records::{change, child, id, unit};

pub(crate) type Client = ReviewServiceClient<Channel>;

pub(crate) fn stewards(hub: &TestHub) -> Client {
    Client::new(hub.operator_line())
}

pub(crate) fn reference(node: &str, record: u128) -> v1::RecordReference {
    v1::RecordReference {
        node: node.into(),
        record_id: id(record).to_string(),
    }
}

pub(crate) fn mother(name: &str) -> Vec<CarerDraft> {
    vec![CarerDraft {
        relation_code: "02".into(),
        name: name.into(),
        ..CarerDraft::default()
    }]
}

/// A child of the other commune.
pub(crate) fn elsewhere(draft: ChildDraft) -> ChildDraft {
    ChildDraft {
        commune: Some(unit("30745")),
        ..draft
    }
}

/// A hub with two communes.
pub(crate) async fn two_communes(engine: Engine) -> TestHub {
    let hub = TestHub::province(engine).await;
    hub.register("other", "GSO_PRE2025:30745").await;
    hub
}

/// Two records of which nobody can say without asking: one name and one mother, and birth dates too near
/// for two children of hers and too far apart for a typing error.
pub(crate) async fn push_doubtful_pair(hub: &TestHub) {
    let one = ChildDraft {
        full_name: "Nguyễn Thử Kiểm".into(),
        carers: mother("Trần Thị Dụ"),
        ..child()
    };
    let other = elsewhere(ChildDraft {
        birth_date: Some(DateDraft::day(2018, 7, 28)),
        ..one.clone()
    });
    hub.push(vec![change(1, 1, one)]).await;
    hub.push_as("other", vec![change(2, 1, other)]).await;
    hub.settled().await;
}

pub(crate) async fn golden_of(hub: &TestHub, node: &str, record: u128) -> String {
    let wanted = id(record).to_string();
    let events = hub.feed(node).await;
    let event = events.into_iter().find(|event| event.record_id == wanted);
    event.expect("told").golden_id
}

pub(crate) async fn are_together(hub: &TestHub, one: (&str, u128), other: (&str, u128)) -> bool {
    golden_of(hub, one.0, one.1).await == golden_of(hub, other.0, other.1).await
}

/// Decides about the two records of [`ONE`] and [`OTHER`], and gives the number of the decision.
pub(crate) async fn decide(hub: &TestHub, verdict: v1::Verdict) -> u64 {
    let request = v1::DecideRequest {
        one: Some(reference("commune", 1)),
        other: Some(reference("other", 2)),
        verdict: verdict.into(),
    };
    let answer = stewards(hub).decide(request).await;
    answer.expect("decided").into_inner().decision
}

pub(crate) async fn open_reviews(hub: &TestHub) -> Vec<v1::Review> {
    let request = v1::ListReviewsRequest::default();
    let answer = stewards(hub).list_reviews(request).await;
    answer.expect("listed").into_inner().reviews
}

pub(crate) const ONE: (&str, u128) = ("commune", 1);
pub(crate) const OTHER: (&str, u128) = ("other", 2);

/// Takes a decision back.
pub(crate) async fn undo(hub: &TestHub, decision: u64) {
    let request = v1::UndoDecisionRequest { decision };
    stewards(hub).undo_decision(request).await.expect("undone");
}

/// Takes [`OTHER`] out of its golden record, and gives the number of the decision.
pub(crate) async fn unlink(hub: &TestHub) -> u64 {
    let request = v1::SplitRequest {
        records: vec![reference(OTHER.0, OTHER.1)],
    };
    let answer = stewards(hub).split(request).await;
    answer.expect("split").into_inner().decisions[0]
}

/// A golden record and its past.
pub(crate) async fn story(hub: &TestHub, golden_id: &str) -> v1::GetGoldenRecordResponse {
    let golden_id = golden_id.to_owned();
    let request = v1::GetGoldenRecordRequest { golden_id };
    let answer = stewards(hub).get_golden_record(request).await;
    answer.expect("nothing is deleted").into_inner()
}

/// What speaks for and against two records of one node being one child.
pub(crate) async fn explain(
    hub: &TestHub,
    node: &str,
    records: [&str; 2],
) -> v1::ExplainPairResponse {
    let [one, other] = records.map(|record_id| {
        Some(v1::RecordReference {
            node: node.into(),
            record_id: record_id.into(),
        })
    });
    let request = v1::ExplainPairRequest { one, other };
    let answer = stewards(hub).explain_pair(request).await;
    answer.expect("explained").into_inner()
}
