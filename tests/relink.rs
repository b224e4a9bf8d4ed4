//! Another model while the hub runs: what is pushed meanwhile, what was decided, and what a restart does.

pub(crate) mod gate;
mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use childsync::domain::clock::{Clock, SystemClock};
use childsync::domain::golden::GoldenId;
use childsync::domain::pair::{Pair, Verdict};
use childsync::linkage::model::Model;
use childsync::store::{LeaseName, ModelOrigin, ModelRow};
use childsync::sync::models::{Choice, ModelError, ModelsInUse};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::convergence::history;
use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::on_both_engines;
use crate::support::pipeline::{Pipeline, Said};
use scene::{
    NODES, Running, decide, from_the_start, gatekeeper, held_at_the_gate, lenient, linked_by,
    never, progress, put_in_use, say, seen, strict,
};
pub(crate) use scene::{other_model, with_figures};

on_both_engines![
    what_is_written_while_the_index_is_built_is_right_after_the_swap,
    a_record_that_others_moved_while_the_index_was_built_is_where_the_store_has_it,
    what_a_node_said_of_its_records_while_the_index_was_built_is_kept,
    an_index_that_missed_much_catches_up_in_rounds,
    a_build_that_fails_is_tried_again,
    a_restart_in_the_middle_is_harmless,
    a_newer_model_overtakes_one_that_is_being_built,
    reviews_that_another_model_opened_are_closed_after_a_restart,
    a_model_that_this_program_cannot_read_leaves_the_configured_one_in_use,
];

const WORLDS: u64 = 4;

async fn what_is_written_while_the_index_is_built_is_right_after_the_swap(engine: Engine) {
    for (seed, model) in (0..WORLDS).zip([strict(), lenient()].into_iter().cycle()) {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut said = history(&mut chance);
        said.shuffle(&mut chance);
        let (before, rest) = said.split_at(said.len() / 2);
        let (during, after) = rest.split_at(rest.len() * 2 / 3);
        let pipeline = Pipeline::new(engine, NODES).await;
        let running = Running::start(&pipeline);
        pipeline.submit(&[gatekeeper()]).await;
        pipeline.submit(before).await;
        pipeline.settled().await;
        let pair = |one, other| Pair::new(pipeline.key(0, one), pipeline.key(1, other));
        let decisions = [
            (pair(0, 0), Verdict::Different),
            (pair(1, 2), Verdict::Same),
            (pair(3, 3), Verdict::Same),
        ];
        decide(&pipeline, decisions[0].0, decisions[0].1).await;
        held_at_the_gate(&pipeline, &running, &model).await;

        let settled = pipeline.submit(during).await;
        pipeline.settled().await;
        decide(&pipeline, decisions[1].0, decisions[1].1).await;
        decide(&pipeline, decisions[2].0, decisions[2].1).await;

        assert!(!settled.is_empty() && running.gate.is_somebody_waiting());
        assert_eq!(progress(&pipeline).await.linked_model, 0, "seed {seed}");
        running.gate.open();
        linked_by(&pipeline, 1).await;
        let so_far = [&[gatekeeper()], before, during].concat();
        assert_eq!(
            seen(&pipeline).await,
            from_the_start(engine, &model, &so_far, &decisions).await,
            "seed {seed}"
        );

        // What comes later meets an index that knows where every record is.
        pipeline.submit(after).await;
        pipeline.settled().await;
        let all = [&so_far, after].concat();
        assert_eq!(
            seen(&pipeline).await,
            from_the_start(engine, &model, &all, &decisions).await,
            "seed {seed}"
        );
        running.stop().await;
    }
}

/// The later record joins the golden record of the earlier one because the earlier one is corrected. An
/// index that does not know would leave it there when it tells the two apart.
async fn a_record_that_others_moved_while_the_index_was_built_is_where_the_store_has_it(
    engine: Engine,
) {
    let pipeline = Pipeline::new(engine, NODES).await;
    let running = Running::start(&pipeline);
    let first = say(0, 1, 1, "Nguyễn Văn Thử", 1);
    let (second, corrected) = (
        say(1, 2, 2, "Danh Thị Mẫu", 2),
        say(0, 1, 2, "Danh Thị Mẫu", 2),
    );
    for said in [gatekeeper(), first.clone(), second.clone()] {
        pipeline.submit(&[said]).await;
        pipeline.settled().await;
    }
    let apart = golden_of(&pipeline, 1).await;
    held_at_the_gate(&pipeline, &running, &never()).await;

    pipeline.submit(std::slice::from_ref(&corrected)).await;
    pipeline.settled().await;

    let together = golden_of(&pipeline, 1).await;
    assert!(together != apart && together == golden_of(&pipeline, 0).await);
    running.gate.open();
    linked_by(&pipeline, 1).await;
    let all = [gatekeeper(), first, second, corrected];
    let wanted = from_the_start(engine, &never(), &all, &[]).await;
    assert_eq!(wanted.0.len(), 3, "the model links nothing");
    assert_eq!(seen(&pipeline).await, wanted);
    running.stop().await;
}

/// A node's word that two of its records are different children stands above the new model too.
async fn what_a_node_said_of_its_records_while_the_index_was_built_is_kept(engine: Engine) {
    let pipeline = Pipeline::new(engine, NODES).await;
    let running = Running::start(&pipeline);
    let (one, other) = (
        say(0, 1, 1, "Danh Thị Mẫu", 1),
        say(0, 2, 1, "Danh Thị Mẫu", 1),
    );
    pipeline
        .submit(&[gatekeeper(), one.clone(), other.clone()])
        .await;
    pipeline.settled().await;
    assert_eq!(pipeline.picture().await.len(), 2, "they are linked");
    held_at_the_gate(&pipeline, &running, &lenient()).await;

    let apart = Said {
        related: vec![1],
        ..say(0, 2, 2, "Danh Thị Mẫu", 1)
    };
    pipeline.submit(std::slice::from_ref(&apart)).await;
    pipeline.settled().await;
    running.gate.open();
    linked_by(&pipeline, 1).await;

    let all = [gatekeeper(), one, other, apart];
    let wanted = from_the_start(engine, &lenient(), &all, &[]).await;
    assert_eq!(wanted.0.len(), 3, "the node keeps them apart");
    assert_eq!(seen(&pipeline).await, wanted);
    running.stop().await;
}

/// So much was written meanwhile that it is taken in by rounds, beside what still comes.
async fn an_index_that_missed_much_catches_up_in_rounds(engine: Engine) {
    const MANY: u32 = 1_200;
    let pipeline = Pipeline::new(engine, NODES).await;
    let running = Running::start(&pipeline);
    pipeline.submit(&[gatekeeper()]).await;
    pipeline.settled().await;
    held_at_the_gate(&pipeline, &running, &strict()).await;

    let many = (0..MANY).map(|number| {
        let node = usize::try_from(number % 2).expect("small");
        say(node, number.into(), 1, "Danh Thị Mẫu", number / 2)
    });
    let many: Vec<Said> = many.collect();
    pipeline.submit_together(&many).await;
    pipeline.settled().await;
    running.gate.open();
    pipeline.submit(&[say(2, 1, 1, "Danh Thị Mẫu", 7)]).await;
    linked_by(&pipeline, 1).await;
    pipeline.settled().await;

    let sizes = pipeline
        .picture()
        .await
        .into_keys()
        .map(|group| group.len());
    let mut found: BTreeMap<usize, u32> = BTreeMap::new();
    for size in sizes {
        *found.entry(size).or_default() += 1;
    }
    let wanted = BTreeMap::from([(1, 1), (2, MANY / 2 - 1), (3, 1)]);
    assert_eq!(found, wanted, "by their numbers");
    running.stop().await;
}

/// A step of building that fails is tried again, and neither stops what comes in nor what is asked.
async fn a_build_that_fails_is_tried_again(engine: Engine) {
    let pipeline = Pipeline::new(engine, NODES).await;
    let running = Running::start(&pipeline);
    pipeline.submit(&[gatekeeper()]).await;
    pipeline.settled().await;
    let token = lease_token(&pipeline).await;

    running.gate.fail(3);
    put_in_use(&pipeline, &strict()).await;
    pipeline.submit(&[say(0, 1, 1, "Danh Thị Mẫu", 1)]).await;
    pipeline.settled().await;
    linked_by(&pipeline, 1).await;

    assert_eq!(running.gate.faults(), 0, "it failed three times");
    assert_eq!(lease_token(&pipeline).await, token, "the same leader");
    assert_eq!(pipeline.picture().await.len(), 2);
    running.stop().await;
}

async fn lease_token(pipeline: &Pipeline) -> i64 {
    let mut reading = pipeline.store.read().await.expect("a transaction");
    let lease = reading.read_lease(LeaseName::Reconciler).await;
    lease.expect("a lease").token
}

/// The golden record of the record of this order among those of the test above.
async fn golden_of(pipeline: &Pipeline, node: usize) -> GoldenId {
    let key = pipeline.key(node, u128::try_from(node).expect("small") + 1);
    let mut reading = pipeline.store.read().await.expect("a transaction");
    let rows = reading.find_source_records(&[key]).await.expect("a row");
    rows[0].golden_id
}

async fn a_restart_in_the_middle_is_harmless(engine: Engine) {
    let said = history(&mut StdRng::seed_from_u64(7));
    let pipeline = Pipeline::new(engine, NODES).await;
    let running = Running::start(&pipeline);
    pipeline.submit(&[gatekeeper()]).await;
    pipeline.submit(&said).await;
    pipeline.settled().await;
    held_at_the_gate(&pipeline, &running, &strict()).await;

    // As in a power cut, nothing is put away in order.
    running.run.abort();
    running.gate.open();
    let mut transaction = pipeline.store.write().await.expect("a transaction");
    let lease = transaction.read_lease(LeaseName::Reconciler).await;
    let owner = lease.expect("a lease").owner;
    let released = transaction.release_lease(LeaseName::Reconciler, &owner);
    released.await.expect("the lease runs out");
    transaction.commit().await.expect("committed");
    let running = Running::start(&pipeline);

    linked_by(&pipeline, 1).await;
    let all = [&[gatekeeper()], &said[..]].concat();
    let wanted = from_the_start(engine, &strict(), &all, &[]).await;
    assert_eq!(seen(&pipeline).await, wanted);
    running.stop().await;
}

async fn a_newer_model_overtakes_one_that_is_being_built(engine: Engine) {
    let said = history(&mut StdRng::seed_from_u64(8));
    let pipeline = Pipeline::new(engine, NODES).await;
    let running = Running::start(&pipeline);
    pipeline.submit(&[gatekeeper()]).await;
    pipeline.submit(&said).await;
    pipeline.settled().await;
    held_at_the_gate(&pipeline, &running, &strict()).await;

    put_in_use(&pipeline, &lenient()).await;
    let models = pipeline.models();
    let preview = models.preview(Choice::Number(0), Arc::default());
    let refused = preview.await.expect_err("there is room for one index");
    assert!(matches!(refused, ModelError::Busy));
    running.gate.open();

    linked_by(&pipeline, 2).await;
    let all = [&[gatekeeper()], &said[..]].concat();
    let wanted = from_the_start(engine, &lenient(), &all, &[]).await;
    assert_eq!(seen(&pipeline).await, wanted);
    running.stop().await;
}

/// As after going back to an older program. A hub that links by its configured model is better than one
/// that stands still.
async fn a_model_that_this_program_cannot_read_leaves_the_configured_one_in_use(engine: Engine) {
    let said = history(&mut StdRng::seed_from_u64(10));
    let pipeline = Pipeline::new(engine, NODES).await;
    let row = ModelRow {
        number: 1,
        origin: ModelOrigin::Call,
        text: "colour = 1".to_owned(),
        digest: [1; 32],
        used_by: "an".to_owned(),
        used_at: SystemClock.now(),
    };
    let mut transaction = pipeline.store.write().await.expect("a transaction");
    transaction.append_model(&row).await.expect("appended");
    transaction.commit().await.expect("committed");
    let running = Running::start(&pipeline);

    pipeline.submit(&said).await;
    pipeline.settled().await;
    linked_by(&pipeline, 1).await;

    let shipped = Model::shipped().expect("the shipped model");
    let wanted = from_the_start(engine, shipped.text(), &said, &[]).await;
    assert_eq!(seen(&pipeline).await, wanted);
    let shown = pipeline.models().show().await.expect("shown").in_use;
    assert!(shown.problem.is_some() && shown.model.text() == shipped.text());
    running.stop().await;
}

/// The reviews of the store are those of a model that asked about much more.
async fn reviews_that_another_model_opened_are_closed_after_a_restart(engine: Engine) {
    let said = history(&mut StdRng::seed_from_u64(9));
    let mut pipeline = Pipeline::new(engine, NODES).await;
    let model = Model::parse(&other_model("13.9", "-9.0", "250")).expect("a model");
    pipeline.models = Arc::new(ModelsInUse::new(Some(model)).expect("models"));
    let running = Running::start(&pipeline);
    pipeline.submit(&said).await;
    pipeline.settled().await;
    running.stop().await;
    let asked = pipeline
        .reviews()
        .await
        .into_keys()
        .collect::<BTreeSet<_>>();

    let model = Model::parse(&strict()).expect("a model");
    pipeline.models = Arc::new(ModelsInUse::new(Some(model)).expect("models"));
    let running = Running::start(&pipeline);
    let wanted = from_the_start(engine, &strict(), &said, &[]).await;

    assert!(
        wanted.1.len() < asked.len(),
        "the test has reviews to close"
    );
    eventually(
        "the hub is as if it had the new model from the start",
        || async { seen(&pipeline).await == wanted },
    )
    .await;
    running.stop().await;
}
