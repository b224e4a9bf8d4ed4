//! Acts about units, and what a hub says of them.

use childsync::domain::unit_act::UnitAct;
use childsync::grpc::convert::read_child;
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::unit_service_client::UnitServiceClient;
use childsync::grpc::unit_message;
use tonic::transport::Channel;

use super::eventually;
use super::hub::TestHub;
use super::stewards::story;

/// Kiên Giang as the reform left it: two communes of the tests became one, a third was renamed, their
/// province went into another, and their district is gone.
pub(crate) const REFORM: &str = r#"
id = "reform"
title = "Kiên Giang goes into An Giang"
effective_from = 2025-07-01
changes = [
  { from = "GSO_PRE2025:91", relation = "merged", to = ["GSO_2025:91"] },
  { from = "GSO_PRE2025:899", relation = "abolished", to = ["GSO_2025:91"] },
  { from = "GSO_PRE2025:30742", relation = "merged", to = ["GSO_2025:30742"] },
  { from = "GSO_PRE2025:30745", relation = "merged", to = ["GSO_2025:30742"] },
  { from = "GSO_PRE2025:30901", relation = "renamed", to = ["GSO_2025:30886"] },
]
"#;

/// One of the two communes is split instead.
pub(crate) const SPLIT: &str = r#"
id = "split"
title = "A commune is split"
effective_from = 2025-07-01
changes = [
  { from = "GSO_PRE2025:30742", relation = "split", to = ["GSO_2025:30742", "GSO_2025:30760"], villages = { "GSO_2025:30760" = ["Ấp Đông"] } },
]
"#;

pub(crate) fn act(text: &str) -> UnitAct {
    UnitAct::parse(text).expect("an act")
}

pub(crate) type Client = UnitServiceClient<Channel>;

pub(crate) fn units(hub: &TestHub) -> Client {
    Client::new(hub.operator_line())
}

pub(crate) async fn apply(mut client: Client, text: &str) -> v1::ApplyUnitActResponse {
    let request = v1::ApplyUnitActRequest {
        text: text.to_owned(),
        dry_run: false,
    };
    let answer = client.apply_unit_act(request).await;
    answer.expect("kept").into_inner()
}

pub(crate) async fn unit_status(mut client: Client) -> v1::GetUnitStatusResponse {
    let answer = client.get_unit_status(v1::GetUnitStatusRequest {}).await;
    answer.expect("a status").into_inner()
}

/// Waits until so many acts hold and every record was looked at under them.
pub(crate) async fn moved(hub: &TestHub, acts: u32) {
    eventually("every record was looked at", || async {
        let status = unit_status(units(hub)).await;
        status.acts == acts && status.finished_at.is_some()
    })
    .await;
}

pub(crate) async fn tasks(hub: &TestHub) -> Vec<v1::PlacementTask> {
    let request = v1::ListPlacementTasksRequest::default();
    let answer = units(hub).list_placement_tasks(request).await;
    answer.expect("tasks").into_inner().tasks
}

pub(crate) async fn place(hub: &TestHub, golden_ids: &[String], unit: &str) {
    let request = v1::PlaceRecordsRequest {
        golden_ids: golden_ids.to_vec(),
        unit: Some(unit_message(unit.parse().expect("a unit"))),
    };
    units(hub).place_records(request).await.expect("placed");
}

/// The unit of a golden record's newest version, and which act moved it there.
pub(crate) async fn unit_of(hub: &TestHub, golden_id: &str) -> (String, String) {
    let versions = story(hub, golden_id).await.versions;
    let newest = versions.first().expect("a version");
    let child = read_child(&newest.child).expect("a child");
    let commune = child.commune.expect("a commune");
    (
        format!("{}:{}", commune.scheme, commune.code),
        newest.unit_move.clone(),
    )
}

pub(crate) fn unit_text(unit: Option<&childsync::grpc::proto::record::UnitReference>) -> String {
    unit.map(childsync::grpc::unit_text).unwrap_or_default()
}
