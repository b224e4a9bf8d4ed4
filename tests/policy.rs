//! What of a record goes upstream, and what becomes of it when the policy changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use childsync::domain::draft::{CarerDraft, ChildDraft, CodeDraft, DateDraft, EpisodeDraft};
use childsync::domain::golden::GoldenId;
use childsync::domain::personal_number::read_pseudonym;
use childsync::domain::record::Lane;
use childsync::grpc::convert::read_child;
use childsync::security::directory::write_private;
use childsync::store::Store;

use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub};
use crate::support::pipeline::golden_contents;
use crate::support::pki::Pki;
use crate::support::records::{change, numbered_child, report, report_change};
use crate::support::{eventually, on_both_engines};

on_both_engines![
    restricted_circumstances_stay_and_both_ends_agree_on_the_rest,
    another_policy_sends_what_it_changes_and_nothing_else,
    a_pseudonym_is_taken_upstream_and_links_there,
    what_another_policy_began_is_looked_at_again,
];

/// A nation with the province registered, and a province below it that can be started again.
struct Pair {
    pki: Arc<Pki>,
    nation: TestHub,
    database: Arc<Database>,
    options: HubOptions,
}

impl Pair {
    async fn new(engine: Engine, forwarding: &'static str) -> (Self, TestHub) {
        let pki = Arc::new(Pki::new());
        write_private(&pki.path().join("pseudonym.key"), &[5; 32]).expect("a key");
        let options = HubOptions {
            name: "nation",
            ..HubOptions::province()
        };
        let database = Arc::new(Database::new(engine).await);
        let nation = TestHub::start(Arc::clone(&pki), database, options).await;
        nation.register("province", "GSO_PRE2025:91").await;
        let options = HubOptions {
            upstream: Some(nation.url.clone()),
            forwarding,
            ..HubOptions::province()
        };
        let pair = Self {
            database: Arc::new(Database::new(engine).await),
            pki,
            nation,
            options,
        };
        let province = pair.province(forwarding).await;
        province.register("commune", "GSO_PRE2025:30742").await;
        (pair, province)
    }

    async fn province(&self, forwarding: &'static str) -> TestHub {
        let options = HubOptions {
            forwarding,
            ..self.options.clone()
        };
        let (pki, database) = (Arc::clone(&self.pki), Arc::clone(&self.database));
        TestHub::start(pki, database, options).await
    }

    /// Waits until the nation holds what the province says, nothing waits, and what is held is as expected.
    async fn settled(
        &self,
        province: &TestHub,
        records: u64,
        is_expected: impl Fn(&Held) -> bool,
    ) -> Held {
        let store = self.nation.database.open().await;
        eventually("the nation holds what the province says", || async {
            let said = province.status().await;
            let forwarder = said.forwarder.expect("an upstream");
            let waiting = forwarder.positions.iter().any(|lane| lane.waiting > 0);
            let held = self.nation.node_status("province").await;
            !waiting
                && held.waiting == 0
                && held.source_records == records
                && held.digest == said.golden_digest
                && is_expected(&children(&store).await)
        })
        .await;
        let held = children(&store).await;
        store.close().await;
        held
    }

    async fn stop(self, province: TestHub) {
        province.stop().await;
        self.nation.stop().await;
    }
}

/// Children by their golden identity.
type Held = BTreeMap<GoldenId, ChildDraft>;

async fn children(store: &Store) -> Held {
    let contents = golden_contents(store).await.into_iter();
    let read = |content: Vec<u8>| read_child(&content).expect("a child");
    contents.map(|(id, content)| (id, read(content))).collect()
}

fn any_phone(held: &Held) -> bool {
    let mut carers = held.values().flat_map(|child| &child.carers);
    carers.any(|carer| !carer.phone.is_empty())
}

fn in_group(number: u32, code: &str) -> ChildDraft {
    let episode = EpisodeDraft {
        group: Some(CodeDraft {
            list_version: "2016".into(),
            code: code.into(),
        }),
        from: Some(DateDraft::day(2024, 5, 6)),
        restricted: code == "05",
        ..EpisodeDraft::default()
    };
    ChildDraft {
        episodes: vec![episode],
        carers: vec![CarerDraft {
            relation_code: "02".into(),
            name: "Danh Thị Thử".into(),
            phone: "0912345678".into(),
            ..CarerDraft::default()
        }],
        ..numbered_child(number)
    }
}

async fn restricted_circumstances_stay_and_both_ends_agree_on_the_rest(engine: Engine) {
    let (pair, province) = Pair::new(engine, "").await;
    province
        .push(vec![
            change(1, 1, in_group(1, "05")),
            change(2, 1, in_group(2, "04")),
            report_change(3, 1, report()),
        ])
        .await;

    let held = pair.settled(&province, 2, |_| true).await;

    let groups: Vec<_> = held.values().flat_map(|child| &child.episodes).collect();
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].group.as_ref().expect("a group").code, "04");
    assert_eq!(pair.nation.status().await.case_reports, 1);
    // Nothing of it is refused above, and here it is whole.
    let refused = province.status().await.forwarder.expect("an upstream");
    assert_eq!(refused.refused, 0);
    let store = pair.database.open().await;
    let whole = golden_contents(&store).await;
    let whole = whole
        .values()
        .map(|content| read_child(content).expect("a child"));
    assert_eq!(whole.map(|child| child.episodes.len()).sum::<usize>(), 2);
    store.close().await;
    pair.stop(province).await;
}

async fn another_policy_sends_what_it_changes_and_nothing_else(engine: Engine) {
    let (pair, province) = Pair::new(engine, "").await;
    let mut all: Vec<_> = (1..=40)
        .map(|at| change(at.into(), 1, numbered_child(at)))
        .collect();
    all.push(change(41, 1, in_group(41, "05")));
    all.push(change(42, 1, in_group(42, "04")));
    province.push(all).await;
    pair.settled(&province, 42, |_| true).await;
    let before = pair.nation.node_status("province").await.received;
    province.stop().await;

    let province = pair
        .province("[upstream.policy]\nwithhold = [\"phone\"]")
        .await;
    province.push(vec![change(50, 1, numbered_child(50))]).await;
    pair.settled(&province, 43, |held| !any_phone(held)).await;

    let received = pair.nation.node_status("province").await.received;
    assert_eq!(received - before, 3, "two of another form and a new one");
    province.stop().await;

    // And back, with a group that goes now.
    let province = pair
        .province("[upstream.policy.circumstances]\nhiv = \"send\"")
        .await;
    pair.settled(&province, 43, |held| {
        let circumstances = held.values().filter(|child| child.episodes.len() == 1);
        any_phone(held) && circumstances.count() == 2
    })
    .await;
    pair.stop(province).await;
}

async fn a_pseudonym_is_taken_upstream_and_links_there(engine: Engine) {
    let policy =
        "[upstream.policy]\npseudonymise = [\"personal_number\"]\nkey_file = \"pseudonym.key\"";
    let (pair, province) = Pair::new(engine, policy).await;
    province.push(vec![change(1, 1, numbered_child(7))]).await;

    let held = pair.settled(&province, 1, |_| true).await;

    let child = held.values().next().expect("a child");
    assert!(read_pseudonym(&child.personal_number).is_some());
    let refused = province.status().await.forwarder.expect("an upstream");
    assert_eq!(refused.refused, 0);

    // Another node of the nation that was given the same pseudonym means the same child.
    pair.nation.register("ward", "GSO_PRE2025:30742").await;
    let same = ChildDraft {
        personal_number: child.personal_number.clone(),
        ..numbered_child(7)
    };
    pair.nation.push_as("ward", vec![change(9, 1, same)]).await;
    pair.nation.settled().await;
    eventually("the two are one", || async {
        pair.nation.status().await.golden_records == 1
    })
    .await;
    pair.stop(province).await;
}

/// A replica under another policy began to look at the records and went away.
async fn what_another_policy_began_is_looked_at_again(engine: Engine) {
    let (pair, province) = Pair::new(engine, "").await;
    province.push(vec![change(1, 1, in_group(1, "04"))]).await;
    pair.settled(&province, 1, |_| true).await;
    province.stop().await;
    let store = pair.database.open().await;
    let mut reading = store.read().await.expect("a transaction");
    let state = reading
        .forward_policy(Lane::Routine)
        .await
        .expect("a policy");
    drop(reading);
    assert!(state.digest.is_some() && state.is_done);

    // A replica whose reconciler leads under another policy.
    let mut transaction = store.write().await.expect("a transaction");
    let begun = transaction
        .begin_forward_policy(Lane::Routine, [9; 32])
        .await;
    begun.expect("begun");
    transaction.commit().await.expect("committed");
    let mut reading = store.read().await.expect("a transaction");
    let state = reading
        .forward_policy(Lane::Routine)
        .await
        .expect("a policy");
    assert_eq!((state.digest, state.is_done), (Some([9; 32]), false));
    drop(reading);
    store.close().await;

    // This one takes over, looks at everything under its own, and finds nothing to send again.
    let before = pair.nation.node_status("province").await.received;
    let province = pair.province("").await;
    province.push(vec![change(2, 1, numbered_child(2))]).await;
    pair.settled(&province, 2, |_| true).await;
    assert_eq!(
        pair.nation.node_status("province").await.received - before,
        1
    );
    pair.stop(province).await;
}
