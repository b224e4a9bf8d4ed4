//! Ends of a comparison without manners, and callers without the right.

use childsync::domain::comparison::Difference;
use childsync::domain::comparison::{ComparisonReport, Entry, LowerRecord, Repair, UpperRecord};
use childsync::domain::record::{RecordId, RecordKind};
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::compare_request::Step;
use childsync::grpc::proto::v1::compare_response::Answer;
use childsync::grpc::proto::v1::compare_service_client::CompareServiceClient;
use childsync::store::StoreError;
use childsync::sync::comparison::ComparisonError;
use childsync::sync::comparison::entries::{Asking, EntrySet};
use childsync::sync::comparison::lower::{KindDigest, LowerEnd, UpperEnd, make_comparison};
use childsync::sync::forward::UpstreamError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::support::comparison::plant_source;
use crate::support::database::Engine;
use crate::support::hub::TestHub;
use crate::support::on_both_engines;

on_both_engines![
    steps_that_do_not_belong_are_refused_by_name,
    a_comparison_that_never_ends_is_ended,
    only_nodes_compare_and_only_operators_ask,
];

const CHILD: i32 = 1;

/// A comparison by hand.
struct Hand {
    steps: mpsc::Sender<v1::CompareRequest>,
    answers: Streaming<v1::CompareResponse>,
}

impl Hand {
    async fn begin(line: Channel) -> Result<Self, Status> {
        let (steps, outgoing) = mpsc::channel(1);
        let answers = CompareServiceClient::new(line)
            .compare(ReceiverStream::new(outgoing))
            .await?
            .into_inner();
        Ok(Self { steps, answers })
    }

    async fn step(&mut self, step: Option<Step>) -> Result<Answer, Status> {
        drop(self.steps.send(v1::CompareRequest { step }).await);
        let answer = self.answers.message().await?.expect("an answer");
        Ok(answer.answer.expect("an answer"))
    }

    async fn open(&mut self) {
        let opened = self.step(Some(opening())).await.expect("opened");
        assert!(matches!(opened, Answer::Digests(_)), "{opened:?}");
    }
}

fn opening() -> Step {
    Step::Opening(v1::CompareOpening {
        comparison_id: Uuid::now_v7().to_string(),
    })
}

fn message(content: Vec<u8>) -> Step {
    Step::Message(v1::CompareMessage {
        kind: CHILD,
        content,
    })
}

fn look(record_ids: Vec<u8>) -> Step {
    Step::Look(v1::CompareLook {
        kind: CHILD,
        record_ids,
    })
}

fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    details
        .error_info()
        .map(|info| info.reason.clone())
        .unwrap_or_default()
}

async fn steps_that_do_not_belong_are_refused_by_name(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let many = v1::CompareReport {
        differences: vec![v1::RecordDifference::default(); 1_001],
        ..v1::CompareReport::default()
    };
    for (opened, step, expected) in [
        (false, None, "STEP_MISSING"),
        (false, Some(message(vec![0x61])), "STEP_OUT_OF_TURN"),
        (false, Some(look(vec![0; 16])), "STEP_OUT_OF_TURN"),
        (
            false,
            Some(Step::Report(v1::CompareReport::default())),
            "STEP_OUT_OF_TURN",
        ),
        (true, Some(opening()), "STEP_OUT_OF_TURN"),
        (true, Some(message(vec![0xff; 40])), "MESSAGE_UNREADABLE"),
        (
            true,
            Some(message(vec![0x61; 600_000])),
            "MESSAGE_TOO_LARGE",
        ),
        (true, Some(look(vec![0; 17])), "RECORD_IDS_INVALID"),
        (true, Some(look(vec![0; 16 * 1_001])), "RECORD_IDS_INVALID"),
        (true, Some(Step::Report(many)), "REPORT_INVALID"),
    ] {
        let mut hand = Hand::begin(hub.node_line("commune")).await.expect("begun");
        if opened {
            hand.open().await;
        }

        let refused = hand.step(step).await.expect_err("it must be refused");

        assert_eq!(reason(&refused), expected, "{refused:?}");
    }
    hub.stop().await;
}

async fn a_comparison_that_never_ends_is_ended(engine: Engine) {
    let hub = TestHub::province(engine).await;
    let store = hub.database.open().await;
    plant_source(&store, RecordId::new(Uuid::from_u128(1)), 1).await;
    let mut hand = Hand::begin(hub.node_line("commune")).await.expect("begun");
    hand.open().await;
    let (_, first) = Asking::new(EntrySet::new(Vec::new())).expect("a message");

    let refused = loop {
        match hand.step(Some(message(first.clone()))).await {
            Ok(_) => {}
            Err(status) => break status,
        }
    };

    assert_eq!(reason(&refused), "TOO_MANY_ROUNDS", "{refused:?}");
    store.close().await;
    hub.stop().await;
}

async fn only_nodes_compare_and_only_operators_ask(engine: Engine) {
    let hub = TestHub::province(engine).await;
    for (line, expected) in [
        (hub.operator_line(), "NODE_REQUIRED"),
        (hub.node_line("stranger"), "NODE_NOT_REGISTERED"),
    ] {
        let mut client = CompareServiceClient::new(line.clone());
        let refused = Hand::begin(line).await.map(|_| ()).expect_err("refused");
        assert_eq!(reason(&refused), expected);
        let asked = client
            .follow_comparisons(v1::FollowComparisonsRequest {})
            .await;
        assert_eq!(reason(&asked.map(|_| ()).expect_err("refused")), expected);
    }
    let mut client = CompareServiceClient::new(hub.node_line("commune"));
    let asked = client
        .run_comparison(v1::RunComparisonRequest::default())
        .await;
    assert_eq!(
        reason(&asked.map(|_| ()).expect_err("refused")),
        "OPERATOR_REQUIRED"
    );
    let listed = client
        .list_comparisons(v1::ListComparisonsRequest::default())
        .await;
    assert_eq!(reason(&listed.expect_err("refused")), "OPERATOR_REQUIRED");
    let listed = client
        .list_differences(v1::ListDifferencesRequest::default())
        .await;
    assert_eq!(reason(&listed.expect_err("refused")), "OPERATOR_REQUIRED");

    let mut operator = CompareServiceClient::new(hub.operator_line());
    for (node, expected) in [
        ("", "NO_UPSTREAM"),
        ("nobody", "NODE_UNKNOWN"),
        ("?", "NAME_INVALID"),
    ] {
        let request = v1::RunComparisonRequest {
            node: node.to_owned(),
            repair: 0,
        };
        let asked = operator.run_comparison(request).await;
        assert_eq!(reason(&asked.map(|_| ()).expect_err("refused")), expected);
    }
    let mut places = Vec::new();
    let full = loop {
        match Hand::begin(hub.node_line("commune")).await {
            Ok(hand) => places.push(hand),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&full), "COMPARISONS_BUSY");
    assert!(full.get_error_details().retry_info().is_some());
    assert_eq!(places.len(), 2);
    drop(places);
    hub.stop().await;
}

/// An upper end that answers each message with bytes of the test's choice.
struct Rude(Vec<u8>);

impl UpperEnd for Rude {
    async fn open(&mut self, _: Uuid) -> Result<Vec<KindDigest>, UpstreamError> {
        Ok(Vec::new())
    }

    async fn reconcile(&mut self, _: RecordKind, _: Vec<u8>) -> Result<Vec<u8>, UpstreamError> {
        Ok(self.0.clone())
    }

    async fn look(
        &mut self,
        _: RecordKind,
        _: &[RecordId],
    ) -> Result<Vec<UpperRecord>, UpstreamError> {
        Ok(Vec::new())
    }

    async fn report(&mut self, _: &ComparisonReport) -> Result<(), UpstreamError> {
        Ok(())
    }

    fn traffic_bytes(&self) -> u64 {
        0
    }
}

/// A lower end with nothing.
struct Empty;

impl LowerEnd for Empty {
    async fn settle(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn entries(&self, _: RecordKind, _: usize) -> Result<Vec<Entry>, StoreError> {
        Ok(Vec::new())
    }

    async fn look(&self, _: RecordKind, _: &[RecordId]) -> Result<Vec<LowerRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn mend(&self, _: &[Difference]) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn an_upper_end_that_answers_nonsense_or_for_ever_is_given_up() {
    // A fingerprint of everything that is never ours: asked about again and again.
    let forever = [&[0x61, 0, 0, 1][..], &[7; 16]].concat();

    let (mut garbling, mut endlessly) = (Rude(vec![9; 9]), Rude(forever));
    let garbled = make_comparison(&Empty, &mut garbling, Uuid::nil(), Repair::Nothing);
    let garbled = garbled.await.expect_err("it is given up");
    let endless = make_comparison(&Empty, &mut endlessly, Uuid::nil(), Repair::Nothing);
    let endless = endless.await.expect_err("it is given up");

    assert!(matches!(garbled, ComparisonError::Nonsense(_)), "{garbled}");
    assert!(
        matches!(endless, ComparisonError::TooManyRounds),
        "{endless}"
    );
}
