//! Kills while records are moved, and records that come in beside it: each is moved, once.

use std::path::Path;
use std::sync::Arc;

use childsync::grpc::connector;
use childsync::grpc::convert::read_child;
use childsync::grpc::proto::v1;
use childsync::grpc::push_client::PushClient;
use childsync::security::live::LiveIdentity;
use childsync::store::Store;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tonic::transport::Channel;

use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, register};
use crate::support::pipeline::golden_contents;
use crate::support::pki::Pki;
use crate::support::process::HubProcess;
use crate::support::records::{change, numbered_child};
use crate::support::units::{Client, REFORM, apply};
use crate::support::{
    eventually, fault_rounds, on_both_engines, random_moment, until_acknowledged,
};

on_both_engines![kills_while_records_are_moved_leave_none_behind_and_move_none_twice];

fn line(url: &str, identity: &Path) -> Channel {
    let directory = LiveIdentity::read(identity).expect("an identity directory");
    connector::line(url, Arc::new(directory)).expect("a line")
}

/// How many records were looked at under how many acts, if the hub answers.
async fn looked_at(operator: &Channel) -> Option<(u32, u64, bool)> {
    let request = v1::GetUnitStatusRequest {};
    let mut client = Client::new(operator.clone());
    let status = client.get_unit_status(request).await.ok()?.into_inner();
    let finished = status.finished_at.is_some();
    Some((status.acts, status.looked_at_records, finished))
}

async fn golden_children(store: &Store) -> u64 {
    let mut reading = store.read().await.expect("readable");
    let counted = reading.read_counter("golden_children").await;
    counted.expect("a counter").unsigned_abs()
}

async fn kills_while_records_are_moved_leave_none_behind_and_move_none_twice(engine: Engine) {
    let records = fault_rounds(3_000, 100_000);
    let (pki, database) = (Arc::new(Pki::new()), Database::new(engine).await);
    let options = HubOptions::province();
    let mut hub = HubProcess::start(&pki, &database.url, &options).await;
    let operator = line(&hub.url, &pki.operator("an"));
    register(operator.clone(), "commune", "GSO_PRE2025:30742").await;
    let mut client = PushClient::new(line(&hub.url, &pki.node("commune")));
    let child = |number: usize| {
        let number = u32::try_from(number).expect("small");
        change(u128::from(number), 1, numbered_child(number))
    };
    for first in (0..records).step_by(500) {
        let page: Vec<_> = (first..first + 500).map(child).collect();
        until_acknowledged(&mut client, &page).await;
    }
    let all = u64::try_from(records).expect("small");
    let store = database.open().await;
    // A large run takes longer than one condition may.
    while golden_children(&store).await < all {
        random_moment(&mut StdRng::seed_from_u64(all), 100).await;
    }
    apply(Client::new(operator.clone()), REFORM).await;
    eventually("the act holds", || async {
        looked_at(&operator)
            .await
            .is_some_and(|(acts, _, _)| acts == 1)
    })
    .await;

    let mut chance = StdRng::seed_from_u64(1);
    let mut late = records;
    let mut kills = 0;
    loop {
        let page: Vec<_> = (late..late + 20).map(child).collect();
        late += 20;
        until_acknowledged(&mut client, &page).await;
        random_moment(&mut chance, 300).await;
        match looked_at(&operator).await {
            Some((1, _, true)) => break,
            Some(_) if kills < 6 => {
                hub.kill();
                hub.start_again().await;
                kills += 1;
            }
            Some(_) | None => {}
        }
    }

    let held = u64::try_from(late).expect("small");
    eventually("what came late is there too", || async {
        golden_contents(&store).await.len() == late
    })
    .await;
    for (golden, content) in golden_contents(&store).await {
        let commune = read_child(&content).expect("a child").commune;
        let commune = commune.expect("a commune");
        assert_eq!(
            format!("{}:{}", commune.scheme, commune.code),
            "GSO_2025:30742",
            "{golden:?}"
        );
    }
    let mut reading = store.read().await.expect("readable");
    let changes = reading.read_counter("change").await.expect("a counter");
    // One change when it came, and one more for each that came before the act.
    assert_eq!(changes.unsigned_abs(), held + all);
}
