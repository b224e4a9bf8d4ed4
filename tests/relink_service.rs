//! `LinkageService` of a real hub: who may call it, what it shows, and what it refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use childsync::domain::draft::{ChildDraft, DateDraft};
use childsync::grpc::proto::v1;
use childsync::grpc::proto::v1::linkage_service_client::LinkageServiceClient;
use childsync::grpc::proto::v1::review_service_client::ReviewServiceClient;
use childsync::linkage::model::Model;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use crate::relink::{other_model, with_figures};
use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub};
use crate::support::pki::Pki;
use crate::support::records::{change, child, id, unit};
use crate::support::stewards::{push_doubtful_pair, two_communes};
use crate::support::{eventually, on_both_engines};

on_both_engines![
    an_operator_sees_tries_and_changes_the_model,
    a_preview_changes_nothing_and_names_pairs,
    what_is_no_model_is_refused_and_nothing_changes,
    pushes_go_on_during_a_relink,
];

type Client = LinkageServiceClient<Channel>;

fn models(hub: &TestHub) -> Client {
    Client::new(hub.operator_line())
}

/// Where the shipped model links, in hundredths of a bit.
fn shipped_link() -> String {
    let shipped = Model::shipped().expect("the shipped model");
    shipped.thresholds().link.to_string()
}

/// Links what the shipped model leaves to a steward.
fn lenient() -> String {
    other_model("-4.4", "-4.5", "40")
}

fn text(model: &str) -> v1::ModelChoice {
    let model = Some(v1::model_choice::Model::Text(model.to_owned()));
    v1::ModelChoice { model }
}

fn number(number: u64) -> v1::ModelChoice {
    let model = Some(v1::model_choice::Model::Number(number));
    v1::ModelChoice { model }
}

async fn status(hub: &TestHub) -> v1::GetModelResponse {
    let answer = models(hub).get_model(v1::GetModelRequest {}).await;
    answer.expect("a model").into_inner()
}

async fn put_in_use(hub: &TestHub, model: v1::ModelChoice) -> v1::UseModelResponse {
    let request = v1::UseModelRequest {
        model: Some(model),
        expected_number: None,
    };
    let answer = models(hub).use_model(request).await;
    answer.expect("in use").into_inner()
}

async fn linked(hub: &TestHub) {
    eventually("everything is linked by the model in use", || async {
        let status = status(hub).await;
        status.building.is_none()
            && status.unsettled_records == 0
            && Some(status.linked_number) == status.model.map(|model| model.number)
    })
    .await;
}

async fn preview(hub: &TestHub, model: v1::ModelChoice) -> v1::ModelPreview {
    let request = v1::PreviewModelRequest { model: Some(model) };
    let answer = models(hub).preview_model(request).await;
    let mut steps = answer.expect("a preview").into_inner();
    while let Some(step) = steps.message().await.expect("a step") {
        if let Some(v1::preview_model_response::Step::Preview(preview)) = step.step {
            return preview;
        }
    }
    panic!("the preview ended without one");
}

async fn history(hub: &TestHub) -> Vec<v1::UsedModel> {
    let request = v1::ListModelsRequest::default();
    let answer = models(hub).list_models(request).await;
    answer.expect("listed").into_inner().models
}

fn reason(status: &tonic::Status) -> String {
    let details = status.get_error_details();
    details.error_info().expect("info").reason.clone()
}

/// From which score on the hub says that it links, in hundredths of a bit.
async fn link_centibits(hub: &TestHub) -> String {
    let reference = |node: &str, record| {
        Some(v1::RecordReference {
            node: node.into(),
            record_id: id(record).to_string(),
        })
    };
    let request = v1::ExplainPairRequest {
        one: reference("commune", 1),
        other: reference("other", 2),
    };
    let mut stewards = ReviewServiceClient::new(hub.operator_line());
    let explained = stewards.explain_pair(request).await.expect("explained");
    format!("{:.0}", explained.into_inner().link_bits * 100.0)
}

async fn open_reviews(hub: &TestHub) -> u64 {
    let mut stewards = ReviewServiceClient::new(hub.operator_line());
    let request = v1::ListReviewsRequest::default();
    let answer = stewards.list_reviews(request).await;
    answer.expect("listed").into_inner().open
}

async fn an_operator_sees_tries_and_changes_the_model(engine: Engine) {
    let hub = two_communes(engine).await;
    push_doubtful_pair(&hub).await;
    let shipped = Model::shipped().expect("the shipped model");
    let before = status(&hub).await;
    let model = before.model.expect("a model");
    assert_eq!(
        (model.number, model.source()),
        (0, v1::ModelSource::Shipped)
    );
    assert_eq!(
        model.digest,
        blake3::hash(shipped.text().as_bytes()).to_hex().to_string()
    );
    assert_eq!((before.text.as_str(), before.records), (shipped.text(), 2));
    assert_eq!(hub.status().await.golden_records, 2);
    assert_eq!(
        (open_reviews(&hub).await, link_centibits(&hub).await),
        (1, shipped_link())
    );

    let used = put_in_use(&hub, text(&lenient())).await;
    linked(&hub).await;

    assert!(used.changed && used.model == status(&hub).await.model);
    assert_eq!(hub.status().await.golden_records, 1);
    assert_eq!(
        (open_reviews(&hub).await, link_centibits(&hub).await),
        (0, "-440".to_owned())
    );
    let again = put_in_use(&hub, text(&lenient())).await;
    assert!(!again.changed && again.model == used.model, "said twice");

    // Back to the configuration, and forward to what was in use before.
    let back = put_in_use(&hub, number(0)).await;
    linked(&hub).await;
    assert_eq!(hub.status().await.golden_records, 2);
    assert_eq!(
        (open_reviews(&hub).await, link_centibits(&hub).await),
        (1, shipped_link())
    );
    assert_eq!(
        back.model.expect("a model").source(),
        v1::ModelSource::Shipped
    );
    put_in_use(&hub, number(1)).await;
    linked(&hub).await;
    assert_eq!(hub.status().await.golden_records, 1);
    let used = history(&hub).await;
    let numbers: Vec<u64> = used.iter().map(|model| model.number).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert!(
        used.iter()
            .all(|model| model.used_by == "an" && model.used_at.is_some())
    );
    assert_eq!(used[0].digest, used[2].digest);

    // It stands above the configuration after a restart too.
    let (pki, database) = (Arc::clone(&hub.pki), Arc::clone(&hub.database));
    hub.stop().await;
    let hub = TestHub::start(pki, database, HubOptions::province()).await;
    assert_eq!(link_centibits(&hub).await, "-440");
    linked(&hub).await;
    assert_eq!(hub.status().await.golden_records, 1);
    hub.stop().await;
}

async fn a_preview_changes_nothing_and_names_pairs(engine: Engine) {
    let hub = two_communes(engine).await;
    push_doubtful_pair(&hub).await;
    let (before, model) = (hub.status().await, status(&hub).await);

    let lenient = preview(&hub, text(&lenient())).await;
    let same = preview(&hub, number(0)).await;

    assert_eq!((lenient.golden_before, lenient.golden_after), (2, 1));
    assert_eq!((lenient.linked_pairs, lenient.unlinked_pairs), (1, 0));
    assert_eq!((lenient.reviews_opened, lenient.reviews_closed), (0, 1));
    let linked = &lenient.examples[0];
    assert_eq!(linked.change(), v1::PreviewChange::Linked);
    let one = linked.one.clone().expect("a record");
    assert_eq!(
        (one.node.as_str(), one.record_id),
        ("commune", id(1).to_string())
    );
    assert!(linked.old_bits > -4.5 && linked.old_bits < 4.5);
    assert!((linked.old_bits - linked.new_bits).abs() < f64::EPSILON);
    let nothing = v1::ModelPreview {
        records: 2,
        golden_before: 2,
        golden_after: 2,
        ..v1::ModelPreview::default()
    };
    assert_eq!(same, nothing);
    let after = hub.status().await;
    assert_eq!(
        (before.change_head, before.golden_digest),
        (after.change_head, after.golden_digest)
    );
    assert_eq!(model, status(&hub).await);
    assert!(history(&hub).await.is_empty());
    hub.stop().await;
}

async fn what_is_no_model_is_refused_and_nothing_changes(engine: Engine) {
    let hub = two_communes(engine).await;
    let broken = with_figures(&lenient(), &[("review", "99.0")]);
    let not_finite = with_figures(&lenient(), &[("same_child", "nan")]);
    let long = format!("# {}", "x".repeat(1024 * 1024));
    for (model, why, words) in [
        (Some(text(&broken)), "MODEL_INVALID", "veto < review < link"),
        (Some(text(&not_finite)), "MODEL_INVALID", "prior"),
        (Some(text("colour = 1")), "MODEL_INVALID", "colour"),
        (Some(text(&long)), "MODEL_TOO_LARGE", "1048576"),
        (Some(number(7)), "MODEL_UNKNOWN", "7"),
        (None, "REQUIRED", "model"),
    ] {
        let request = v1::UseModelRequest {
            model: model.clone(),
            expected_number: None,
        };
        let refused = models(&hub).use_model(request).await.expect_err(why);
        assert_eq!(reason(&refused), why);
        assert!(refused.message().contains(words), "{refused:?}");
        let request = v1::PreviewModelRequest { model };
        let refused = match models(&hub).preview_model(request).await {
            Err(refused) => refused,
            Ok(steps) => first_error(steps.into_inner()).await,
        };
        assert_eq!(reason(&refused), why);
    }
    let request = v1::UseModelRequest {
        model: Some(text(&lenient())),
        expected_number: Some(3),
    };
    let refused = models(&hub).use_model(request).await.expect_err("not 3");
    assert_eq!(reason(&refused), "MODEL_SUPERSEDED");
    let mut node = Client::new(hub.node_line("commune"));
    let refused = node.get_model(v1::GetModelRequest {}).await;
    assert_eq!(reason(&refused.expect_err("a node")), "OPERATOR_REQUIRED");
    let refused = node.use_model(v1::UseModelRequest::default()).await;
    assert_eq!(reason(&refused.expect_err("a node")), "OPERATOR_REQUIRED");
    let refused = node.preview_model(v1::PreviewModelRequest::default()).await;
    assert_eq!(reason(&refused.expect_err("a node")), "OPERATOR_REQUIRED");
    let refused = node.list_models(v1::ListModelsRequest::default()).await;
    assert_eq!(reason(&refused.expect_err("a node")), "OPERATOR_REQUIRED");

    assert!(history(&hub).await.is_empty());
    assert_eq!(status(&hub).await.model.expect("a model").number, 0);
    hub.stop().await;
}

async fn first_error(mut steps: tonic::Streaming<v1::PreviewModelResponse>) -> tonic::Status {
    loop {
        match steps.message().await {
            Err(status) => return status,
            Ok(step) => assert!(step.is_some(), "it ended without an error"),
        }
    }
}

/// Children of few names and dates, so that under some model many of them are one.
fn crowd(from: u32, records: u32) -> Vec<(u32, ChildDraft)> {
    const NAMES: [&str; 4] = ["Danh Thị Mẫu", "Danh Thi Mau", "Nguyễn Thử", "Trần Văn Dụ"];
    let drawn = (from..from + records).map(|number| {
        let draft = ChildDraft {
            full_name: NAMES[usize::try_from(number % 4).expect("small")].into(),
            birth_date: Some(DateDraft::day(
                2012 + number % 7,
                1 + number % 11,
                1 + number % 23,
            )),
            ..child()
        };
        (number, draft)
    });
    drawn.collect()
}

fn elsewhere(draft: ChildDraft) -> ChildDraft {
    ChildDraft {
        commune: Some(unit("30745")),
        ..draft
    }
}

/// Pushes a part of the crowd to both communes, where every second child is known to both.
async fn push_part(hub: &TestHub, part: u32) {
    let said = crowd(part * 40, 40);
    let here = said.iter().cloned();
    let here: Vec<_> = here
        .map(|(record, draft)| change(record.into(), 1, draft))
        .collect();
    let there = said.into_iter().filter(|(record, _)| record % 2 == 0);
    let there =
        there.map(|(record, draft)| change(u128::from(100_000 + record), 1, elsewhere(draft)));
    let outcomes = hub.push(here).await;
    let is_taken = |outcome: &v1::RecordOutcome| outcome.outcome() == v1::Outcome::Accepted;
    assert!(outcomes.iter().all(is_taken), "{outcomes:?}");
    let outcomes = hub.push_as("other", there.collect()).await;
    assert!(outcomes.iter().all(is_taken), "{outcomes:?}");
}

async fn partition(hub: &TestHub) -> BTreeSet<BTreeSet<(&'static str, String)>> {
    let mut groups: BTreeMap<String, BTreeSet<(&'static str, String)>> = BTreeMap::new();
    for node in ["commune", "other"] {
        for event in hub.feed(node).await {
            let group = groups.entry(event.golden_id).or_default();
            group.insert((node, event.record_id));
        }
    }
    groups.into_values().collect()
}

async fn pushes_go_on_during_a_relink(engine: Engine) {
    const PARTS: u32 = 12;
    let model = other_model("11.0", "7.0", "6");
    let hub = two_communes(engine).await;
    for part in 0..PARTS / 2 {
        push_part(&hub, part).await;
    }
    hub.settled().await;
    let shipped = partition(&hub).await;

    put_in_use(&hub, text(&model)).await;
    for part in PARTS / 2..PARTS {
        push_part(&hub, part).await;
    }
    hub.settled().await;
    linked(&hub).await;

    let fresh = two_communes(engine).await;
    put_in_use(&fresh, text(&model)).await;
    linked(&fresh).await;
    for part in 0..PARTS {
        push_part(&fresh, part).await;
    }
    fresh.settled().await;
    let wanted = partition(&fresh).await;
    assert_eq!(partition(&hub).await, wanted);
    assert!(
        !shipped.is_subset(&wanted),
        "the two models link differently"
    );
    assert_eq!(open_reviews(&hub).await, open_reviews(&fresh).await);
    hub.stop().await;
    fresh.stop().await;
}

/// Whoever is asked, the model in use is that of the table, and the next leader links by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_replica_follows_the_model_that_one_of_them_was_given() {
    let database = Arc::new(Database::new(Engine::Postgres).await);
    let pki = Arc::new(Pki::new());
    let start = || {
        TestHub::start(
            Arc::clone(&pki),
            Arc::clone(&database),
            HubOptions::province(),
        )
    };
    let leader = start().await;
    leader.register("commune", "GSO_PRE2025:30742").await;
    leader.register("other", "GSO_PRE2025:30745").await;
    push_doubtful_pair(&leader).await;
    let follower = start().await;
    assert_eq!(link_centibits(&follower).await, shipped_link());

    put_in_use(&follower, text(&lenient())).await;

    assert_eq!(
        (
            link_centibits(&leader).await,
            link_centibits(&follower).await
        ),
        ("-440".to_owned(), "-440".to_owned())
    );
    linked(&follower).await;
    assert_eq!(leader.status().await.golden_records, 1);
    leader.stop().await;
    put_in_use(&follower, number(0)).await;
    linked(&follower).await;
    assert_eq!(follower.status().await.golden_records, 2);
    follower.stop().await;
}
