//! Bad input on the wire, and callers without the right.

use childsync::domain::draft::ChildDraft;
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::feed_service_client::FeedServiceClient;
use childsync::grpc::proto::v1::ingest_service_client::IngestServiceClient;
use childsync::grpc::proto::v1::node_service_client::NodeServiceClient;
use childsync::grpc::proto::v1::status_service_client::StatusServiceClient;
use childsync::grpc::unit_message;
use prost::Message;
use tokio_stream::StreamExt;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::hub::TestHub;
use crate::support::raw::RawCodec;
use crate::support::records::{change, child, id, raw_change, report, report_change, succeeded};

/// Sends one message of any bytes as a `PushRequest` and gives the status that ends the stream.
async fn push_bytes(line: Channel, bytes: Vec<u8>, zip: Option<CompressionEncoding>) -> Status {
    let mut client = tonic::client::Grpc::new(line).max_encoding_message_size(usize::MAX);
    if let Some(zip) = zip {
        client = client.send_compressed(zip);
    }
    client.ready().await.expect("a line");
    let path = http::uri::PathAndQuery::from_static("/childsync.v1.IngestService/Push");
    let requests = tokio_stream::iter([bytes]);
    match client
        .streaming(Request::new(requests), path, RawCodec)
        .await
    {
        Err(status) => status,
        Ok(responses) => end_of(responses.into_inner()).await,
    }
}

#[tokio::test]
async fn a_call_that_cannot_be_decoded_is_the_callers_fault_too() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let mut client = tonic::client::Grpc::new(hub.node_line("commune"));
    client.ready().await.expect("a line");
    let path = http::uri::PathAndQuery::from_static("/childsync.v1.FeedService/Follow");

    let answer = client
        .server_streaming(Request::new(vec![0xff]), path, RawCodec)
        .await;

    let status = answer.map(|_| ()).expect_err("it must be refused");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(reason(&status), "UNDECODABLE");
    hub.stop().await;
}

async fn end_of(mut responses: tonic::Streaming<v1::PushResponse>) -> Status {
    loop {
        match responses.message().await {
            Ok(Some(response)) => assert_eq!(response.acknowledged_sequence, 0),
            Ok(None) => panic!("the stream ended well"),
            Err(status) => return status,
        }
    }
}

async fn push_requests(line: Channel, requests: Vec<v1::PushRequest>) -> Result<u64, Status> {
    let responses = IngestServiceClient::new(line)
        .push(tokio_stream::iter(requests))
        .await?;
    let mut responses = responses.into_inner();
    let mut acknowledged = 0;
    while let Some(response) = responses.next().await {
        acknowledged = response?.acknowledged_sequence;
    }
    Ok(acknowledged)
}

fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    details
        .error_info()
        .map(|info| info.reason.clone())
        .unwrap_or_default()
}

fn request(sequence: u64, changes: Vec<v1::RecordChange>) -> v1::PushRequest {
    v1::PushRequest { sequence, changes }
}

#[tokio::test]
async fn a_message_that_cannot_be_decoded_is_the_callers_fault() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let good = request(1, vec![change(1, 1, child())]).encode_to_vec();
    let truncated = good[..good.len() - 7].to_vec();
    let not_utf8 = vec![0x12, 0x04, 0x0a, 0x02, 0xff, 0xfe];
    let wrong_type = vec![0x0a, 0x03, b'o', b'n', b'e'];

    for bytes in [truncated, not_utf8, wrong_type] {
        let status = push_bytes(hub.node_line("commune"), bytes, None).await;

        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert_eq!(reason(&status), "UNDECODABLE");
    }
    assert_eq!(hub.node_status("commune").await.accepted, 0);
    hub.stop().await;
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused_packed_or_not() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let zips = [
        None,
        Some(CompressionEncoding::Gzip),
        Some(CompressionEncoding::Zstd),
    ];
    for zip in zips {
        // 64 MiB of the same byte: as a bomb it travels as a few kilobytes.
        let content = vec![0; 64 * 1024 * 1024];
        let bytes = request(1, vec![raw_change(1, 1, content)]).encode_to_vec();

        let status = push_bytes(hub.node_line("commune"), bytes, zip).await;

        let expected = [Code::OutOfRange, Code::ResourceExhausted];
        assert!(expected.contains(&status.code()), "{zip:?} {status:?}");
    }
    let answer = hub.push(vec![change(1, 1, child())]).await;
    assert_eq!(
        answer[0].outcome(),
        v1::Outcome::Accepted,
        "the hub goes on"
    );
    hub.stop().await;
}

#[tokio::test]
async fn packed_messages_within_the_limit_are_taken() {
    let hub = TestHub::province(Engine::Sqlite).await;
    for (at, zip) in [
        (1, CompressionEncoding::Gzip),
        (2, CompressionEncoding::Zstd),
    ] {
        let mut client = IngestServiceClient::new(hub.node_line("commune"))
            .send_compressed(zip)
            .accept_compressed(zip);
        let requests = tokio_stream::iter([request(1, vec![change(at, 1, child())])]);
        let responses = client.push(requests).await.expect("a stream").into_inner();
        let responses: Vec<_> = responses.filter_map(Result::ok).collect().await;

        assert_eq!(responses.last().expect("a response").accepted, 1);
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_request_that_breaks_the_rules_of_the_stream_is_refused_and_the_ones_before_it_kept() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let many = (0..501).map(|at| change(100 + at, 1, child())).collect();
    let cases = [
        (request(2, many), "TOO_MANY_CHANGES"),
        (
            request(1, vec![change(50, 1, child())]),
            "SEQUENCE_NOT_RISING",
        ),
    ];
    for (at, (bad, expected)) in (1..).zip(cases) {
        let requests = vec![request(1, vec![change(at, 1, child())]), bad];

        let status = push_requests(hub.node_line("commune"), requests).await;

        let status = status.expect_err("it must be refused");
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert_eq!(reason(&status), expected);
        assert!(
            status.get_error_details().bad_request().is_some(),
            "{status:?}"
        );
    }
    hub.settled().await;
    assert_eq!(hub.status().await.golden_records, 2);
    hub.stop().await;
}

#[tokio::test]
async fn a_broken_change_is_an_outcome_and_the_others_are_kept() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let named = |record_id: &str| v1::RecordChange {
        record_id: record_id.to_owned(),
        ..change(1, 1, child())
    };
    let empty = v1::RecordChange {
        record_id: id(5).to_string(),
        version: 1,
        ..v1::RecordChange::default()
    };
    let huge = ChildDraft {
        village: "x".repeat(70_000),
        ..child()
    };
    let tombstone = v1::RecordChange {
        content: Some(v1::record_change::Content::Tombstone(
            childsync::grpc::proto::record::Tombstone::default(),
        )),
        ..change(9, 1, child())
    };
    let apart = |number, others: &[&str]| v1::RecordChange {
        different_from: others.iter().map(|other| (*other).to_owned()).collect(),
        ..change(number, 1, child())
    };
    let many: Vec<String> = (100..357).map(|number| id(number).to_string()).collect();
    let too_many: Vec<&str> = many.iter().map(String::as_str).collect();
    let report_apart = v1::RecordChange {
        different_from: vec![id(1).to_string()],
        ..report_change(15, 1, report())
    };
    let not_utf8 = vec![0xa2, 0x01, 0x02, 0xff, 0xfe];
    let cases = [
        (named("không phải UUID"), "RECORD_ID_INVALID"),
        (change(2, 0, child()), "VERSION_INVALID"),
        (change(3, u64::MAX, child()), "VERSION_INVALID"),
        (empty, "CONTENT_MISSING"),
        (change(6, 1, huge), "CONTENT_TOO_LARGE"),
        (
            raw_change(7, 1, vec![0xa0, 0x01, 0x05]),
            "CONTENT_UNREADABLE",
        ),
        (raw_change(8, 1, not_utf8), "CONTENT_UNREADABLE"),
        (tombstone, "TOMBSTONE_INVALID"),
        (apart(10, &["x"]), "RELATION_INVALID"),
        (apart(11, &[&id(11).to_string()]), "RELATION_INVALID"),
        (apart(12, &too_many), "RELATION_INVALID"),
        (succeeded(13, 1, "x"), "RELATION_INVALID"),
        (succeeded(14, 1, &id(14).to_string()), "RELATION_INVALID"),
        (report_apart, "RELATION_INVALID"),
    ];
    let expected: Vec<_> = cases.iter().map(|(_, reason)| *reason).collect();
    let mut changes: Vec<_> = cases.into_iter().map(|(change, _)| change).collect();
    changes.push(change(99, 1, child()));

    let answer = hub.push(changes).await;

    let (good, bad) = answer.split_last().expect("answers");
    assert_eq!(good.outcome(), v1::Outcome::Accepted);
    let found: Vec<_> = bad.iter().map(|outcome| outcome.reason.as_str()).collect();
    assert_eq!(found, expected);
    assert!(
        bad.iter()
            .all(|outcome| outcome.outcome() == v1::Outcome::Rejected)
    );
    hub.stop().await;
}

#[tokio::test]
async fn nodes_and_operators_have_their_own_doors() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let follow = v1::FollowRequest {
        cursor: 0,
        wait: false,
    };
    let register = v1::RegisterNodeRequest {
        name: "mine".to_owned(),
        unit: Some(unit_message("GSO_PRE2025:91".parse().expect("a unit"))),
        territory: Vec::new(),
    };
    let stranger = || hub.line_of(&hub.pki.operator("stranger"));
    let node = || hub.node_line("commune");
    let status = v1::GetStatusRequest { with_digest: false };

    let refused = [
        push_requests(hub.node_line("unregistered"), vec![])
            .await
            .err(),
        push_requests(hub.operator_line(), vec![]).await.err(),
        FeedServiceClient::new(hub.node_line("unregistered"))
            .follow(follow)
            .await
            .err(),
        StatusServiceClient::new(node())
            .get_status(status)
            .await
            .err(),
        StatusServiceClient::new(stranger())
            .get_status(status)
            .await
            .err(),
        StatusServiceClient::new(node())
            .list_nodes(v1::ListNodesRequest::default())
            .await
            .err(),
        NodeServiceClient::new(node())
            .register_node(register.clone())
            .await
            .err(),
        NodeServiceClient::new(stranger())
            .register_node(register)
            .await
            .err(),
    ];

    let reasons: Vec<_> = refused
        .into_iter()
        .map(|status| {
            let status = status.expect("it must be refused");
            assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
            reason(&status)
        })
        .collect();
    let (node, operator) = ("NODE_NOT_REGISTERED", "OPERATOR_REQUIRED");
    let expected = [
        node,
        "NODE_REQUIRED",
        node,
        operator,
        operator,
        operator,
        operator,
        operator,
    ];
    assert_eq!(reasons, expected);
    hub.stop().await;
}

#[tokio::test]
async fn a_registration_of_an_unknown_unit_names_the_field() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let unknown = childsync::grpc::proto::record::UnitReference {
        scheme: 2,
        code: "00000".into(),
    };
    let request = v1::RegisterNodeRequest {
        name: "new".to_owned(),
        unit: Some(unknown),
        territory: Vec::new(),
    };

    let refused = NodeServiceClient::new(hub.operator_line())
        .register_node(request)
        .await;

    let status = refused.expect_err("it must be refused");
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::InvalidArgument, "UNIT_UNKNOWN".into())
    );
    let details = status.get_error_details();
    let violations = &details.bad_request().expect("details").field_violations;
    assert_eq!(violations[0].field, "unit");
    hub.stop().await;
}

#[tokio::test]
async fn health_and_reflection_answer() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    let hub = TestHub::province(Engine::Sqlite).await;

    let service = "childsync.v1.IngestService".to_owned();
    let health = HealthClient::new(hub.operator_line())
        .check(HealthCheckRequest { service })
        .await;
    assert_eq!(health.expect("an answer").into_inner().status, 1);

    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(hub.operator_line());
    let answers = client
        .server_reflection_info(tokio_stream::iter([ask]))
        .await;
    let answer = answers
        .expect("answers")
        .into_inner()
        .message()
        .await
        .expect("one");
    let Some(MessageResponse::ListServicesResponse(list)) =
        answer.and_then(|answer| answer.message_response)
    else {
        panic!("no list of services");
    };
    let names: Vec<_> = list
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    for name in [
        "IngestService",
        "FeedService",
        "StatusService",
        "NodeService",
    ] {
        assert!(
            names.contains(&format!("childsync.v1.{name}").as_str()),
            "{names:?}"
        );
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_full_hub_answers_within_its_limits_and_recovers() {
    let hub = TestHub::province(Engine::Sqlite).await;
    let lines: Vec<_> = (0..40).map(|_| hub.node_line("commune")).collect();
    let mut pushing = tokio::task::JoinSet::new();
    for (at, line) in (0_u128..).zip(lines) {
        let changes = (0..100)
            .map(|row| change(at * 1_000 + row, 1, child()))
            .collect();
        pushing.spawn(push_requests(line, vec![request(1, changes)]));
    }
    for answer in pushing.join_all().await {
        if let Err(status) = answer {
            assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
            assert!(status.get_error_details().retry_info().is_some());
        }
    }
    eventually("the hub takes records again", || async {
        push_requests(hub.node_line("commune"), vec![request(1, vec![])])
            .await
            .is_ok()
    })
    .await;
    hub.stop().await;
}
