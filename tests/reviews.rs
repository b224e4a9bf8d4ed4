//! Stewards decide: reviews, decisions, what becomes of golden records, and what nodes are told of it.

use std::sync::Arc;

use childsync::domain::draft::{ChildDraft, DateDraft};
use childsync::grpc::proto::v1;
use tonic_types::StatusExt;

use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::hub::TestHub;
use crate::support::on_both_engines;
use crate::support::records::{change, child, numbered_child};
use crate::support::stewards::{
    Client, ONE, OTHER, are_together, decide, elsewhere, golden_of, mother, open_reviews,
    push_doubtful_pair, reference, stewards, two_communes,
};

on_both_engines![
    a_steward_puts_two_records_together_and_takes_it_back,
    an_unlinked_record_stays_apart_through_replay_correction_and_restart,
    twins_are_neither_linked_nor_asked_about,
    a_child_without_number_is_found_after_a_move,
    contradictions_and_history_of_a_golden_record_are_kept,
    a_node_and_a_strange_pair_are_refused,
];

async fn a_steward_puts_two_records_together_and_takes_it_back(engine: Engine) {
    let hub = two_communes(engine).await;
    push_doubtful_pair(&hub).await;
    assert!(!are_together(&hub, ONE, OTHER).await);
    let reviews = open_reviews(&hub).await;
    assert_eq!(
        (reviews.len(), reviews[0].one.clone()),
        (1, Some(reference("commune", 1)))
    );
    let request = v1::ExplainPairRequest {
        one: Some(reference("commune", 1)),
        other: Some(reference("other", 2)),
    };
    let explained = stewards(&hub).explain_pair(request).await;
    let explained = explained.expect("explained").into_inner();
    let sum: f64 = explained.comparisons.iter().map(|line| line.bits).sum();
    let all = sum + explained.prior_bits - explained.family_bits;
    assert!(
        (all - explained.bits).abs() < 0.02,
        "{all} {}",
        explained.bits
    );
    assert!((explained.bits - reviews[0].bits).abs() < 0.01);

    let decision = decide(&hub, v1::Verdict::Same).await;

    eventually("they are together", || are_together(&hub, ONE, OTHER)).await;
    assert!(open_reviews(&hub).await.is_empty());
    assert_eq!(hub.status().await.golden_records, 1);
    let moved: Vec<_> = [hub.feed("commune").await, hub.feed("other").await]
        .concat()
        .into_iter()
        .filter(|event| event.golden_news() == v1::GoldenNews::Merged)
        .collect();
    assert_eq!(moved.len(), 1, "one of the two moved");
    let story = stewards(&hub)
        .get_golden_record(v1::GetGoldenRecordRequest {
            golden_id: moved[0].previous_golden_id.clone(),
        })
        .await;
    let story = story.expect("nothing is deleted by a merge").into_inner();
    assert_eq!(story.versions[0].merged_into, moved[0].golden_id);
    assert!(story.aliases[0].merged);
    assert_eq!(story.aliases[0].cause(), v1::AliasCause::Decision);

    let undone = stewards(&hub)
        .undo_decision(v1::UndoDecisionRequest { decision })
        .await;
    undone.expect("undone");

    eventually("they are apart again", || async {
        !are_together(&hub, ONE, OTHER).await
    })
    .await;
    assert_eq!(hub.status().await.golden_records, 2);
    assert_eq!(open_reviews(&hub).await.len(), 1);
    let decisions = stewards(&hub)
        .list_decisions(v1::ListDecisionsRequest::default())
        .await
        .expect("listed")
        .into_inner()
        .decisions;
    let said: Vec<_> = decisions.iter().map(v1::Decision::verdict).collect();
    assert_eq!(said, [v1::Verdict::Unspecified, v1::Verdict::Same]);
    assert!(decisions.iter().all(|decision| decision.decided_by == "an"));
    hub.stop().await;
}

async fn an_unlinked_record_stays_apart_through_replay_correction_and_restart(engine: Engine) {
    let hub = two_communes(engine).await;
    let there = elsewhere(numbered_child(7));
    hub.push(vec![change(1, 1, numbered_child(7))]).await;
    hub.push_as("other", vec![change(2, 1, there.clone())])
        .await;
    hub.settled().await;
    assert!(are_together(&hub, ONE, OTHER).await);

    let request = v1::SplitRequest {
        records: vec![reference("other", 2)],
    };
    stewards(&hub).split(request).await.expect("split");
    eventually("they are apart", || async {
        !are_together(&hub, ONE, OTHER).await
    })
    .await;
    let corrected = ChildDraft {
        village: "Ấp 9".into(),
        ..there.clone()
    };
    hub.push_as("other", vec![change(2, 1, there), change(2, 2, corrected)])
        .await;
    hub.settled().await;
    assert!(!are_together(&hub, ONE, OTHER).await);

    let (pki, database) = (Arc::clone(&hub.pki), Arc::clone(&hub.database));
    hub.stop().await;
    let hub = TestHub::start(pki, database, crate::support::hub::HubOptions::province()).await;
    hub.push(vec![change(1, 2, numbered_child(7))]).await;
    hub.settled().await;

    assert!(!are_together(&hub, ONE, OTHER).await);
    assert!(
        open_reviews(&hub).await.is_empty(),
        "what a steward decided is not asked again"
    );
    hub.stop().await;
}

async fn twins_are_neither_linked_nor_asked_about(engine: Engine) {
    let hub = two_communes(engine).await;
    let twin = |name: &str, order| ChildDraft {
        full_name: name.into(),
        carers: mother("Trần Thị Dụ"),
        birth_order: order,
        ..child()
    };
    let (one, other) = (twin("Nguyễn Gia Bảo", 1), twin("Nguyễn Gia Khang", 2));
    hub.push(vec![change(1, 1, one.clone()), change(3, 1, other.clone())])
        .await;
    hub.push_as(
        "other",
        vec![change(2, 1, elsewhere(one)), change(4, 1, elsewhere(other))],
    )
    .await;
    hub.settled().await;

    assert!(are_together(&hub, ("commune", 1), ("other", 2)).await);
    assert!(are_together(&hub, ("commune", 3), ("other", 4)).await);
    assert!(!are_together(&hub, ("commune", 1), ("commune", 3)).await);
    assert!(open_reviews(&hub).await.is_empty());
    hub.stop().await;
}

async fn a_child_without_number_is_found_after_a_move(engine: Engine) {
    let hub = two_communes(engine).await;
    let here = ChildDraft {
        full_name: "Nguyễn Thị Thử Kiểm".into(),
        carers: mother("Trần Thị Dụ"),
        ..child()
    };
    let there = elsewhere(ChildDraft {
        full_name: "NGUYEN THI THU KIEM".into(),
        carers: mother("Tran Thi Du"),
        ..here.clone()
    });
    hub.push(vec![change(1, 1, here)]).await;
    hub.push_as("other", vec![change(2, 1, there)]).await;
    hub.settled().await;

    assert!(are_together(&hub, ONE, OTHER).await);
    hub.stop().await;
}

async fn contradictions_and_history_of_a_golden_record_are_kept(engine: Engine) {
    let hub = two_communes(engine).await;
    let here = ChildDraft {
        full_name: "Nguyễn Thử Kiểm".into(),
        ..numbered_child(7)
    };
    let same_name = elsewhere(ChildDraft {
        full_name: "NGUYỄN THỬ KIỂM".into(),
        birth_date: Some(DateDraft::day(2018, 2, 4)),
        ..here.clone()
    });
    hub.push(vec![change(1, 1, here)]).await;
    hub.settled().await;
    hub.push_as("other", vec![change(2, 1, same_name)]).await;
    hub.settled().await;

    let golden_id = golden_of(&hub, "commune", 1).await;
    let conflicts = stewards(&hub)
        .list_conflicts(v1::ListConflictsRequest::default())
        .await
        .expect("listed")
        .into_inner()
        .conflicts;
    assert_eq!(conflicts.len(), 1);
    assert_eq!(
        (&conflicts[0].golden_id, &conflicts[0].fields),
        (&golden_id, &vec!["birth_date".to_owned()])
    );
    let request = v1::GetGoldenRecordRequest { golden_id };
    let story = stewards(&hub)
        .get_golden_record(request)
        .await
        .expect("found")
        .into_inner();
    let versions: Vec<u64> = story
        .versions
        .iter()
        .map(|version| version.version)
        .collect();
    assert_eq!((story.members.len(), versions), (2, vec![2, 1]));
    assert!(story.versions[1].replaced_at.is_some() && !story.versions[1].child.is_empty());
    hub.stop().await;
}

async fn a_node_and_a_strange_pair_are_refused(engine: Engine) {
    let hub = two_communes(engine).await;
    push_doubtful_pair(&hub).await;
    let reason = |status: tonic::Status| {
        status
            .get_error_details()
            .error_info()
            .expect("info")
            .reason
            .clone()
    };

    let mut node = Client::new(hub.node_line("commune"));
    let refused = node.list_reviews(v1::ListReviewsRequest::default()).await;
    assert_eq!(reason(refused.expect_err("a node")), "OPERATOR_REQUIRED");
    let mut steward = stewards(&hub);
    for (one, other, why) in [
        (
            Some(reference("commune", 1)),
            Some(reference("commune", 1)),
            "ONE_AND_THE_SAME",
        ),
        (
            Some(reference("commune", 1)),
            Some(reference("other", 99)),
            "RECORD_UNKNOWN",
        ),
        (
            Some(reference("nobody", 1)),
            Some(reference("other", 2)),
            "RECORD_UNKNOWN",
        ),
        (None, Some(reference("other", 2)), "NAME_INVALID"),
    ] {
        let request = v1::DecideRequest {
            one,
            other,
            verdict: v1::Verdict::Same.into(),
        };
        let refused = steward.decide(request).await;
        assert_eq!(reason(refused.expect_err(why)), why);
    }
    let refused = steward
        .undo_decision(v1::UndoDecisionRequest { decision: 5 })
        .await;
    assert_eq!(
        reason(refused.expect_err("no decision")),
        "DECISION_NOT_IN_FORCE"
    );
    let alone = v1::SplitRequest {
        records: vec![reference("other", 2)],
    };
    let refused = steward.split(alone).await;
    assert_eq!(reason(refused.expect_err("nothing stays")), "NOT_A_PART");
    hub.stop().await;
}
