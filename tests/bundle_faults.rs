//! Misfortunes while a bundle is taken in: it is taken in once and as a whole.

use childsync::grpc::proto::v1::RecordChange;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::support::bundle::{Forger, import_over};
use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub, node_status, register};
use crate::support::pki::Pki;
use crate::support::process::HubProcess;
use crate::support::records::{change, numbered_child};
use crate::support::{eventually, fault_rounds, on_both_engines, random_moment};

/// Records of each bundle.
const RECORDS: u32 = 600;

on_both_engines! {
    power_cuts_while_a_bundle_is_taken_in_take_it_in_once_and_as_a_whole,
}

fn records(round: u32) -> Vec<RecordChange> {
    let numbers = round * RECORDS..(round + 1) * RECORDS;
    numbers
        .map(|number| change(number.into(), 1, numbered_child(number)))
        .collect()
}

async fn power_cuts_while_a_bundle_is_taken_in_take_it_in_once_and_as_a_whole(engine: Engine) {
    let (pki, database) = (Pki::new(), Database::new(engine).await);
    let mut hub = HubProcess::start(&pki, &database.url, &HubOptions::province()).await;
    let url = hub.url.clone();
    let line = || -> Channel { TestHub::line_to(&url, &pki.operator("an")) };
    register(line(), "commune", "GSO_PRE2025:30742").await;
    let forger = Forger::before(line(), &pki).await;
    let own = pki.directory("commune");
    let mut chance = StdRng::seed_from_u64(11);

    for round in 0..u32::try_from(fault_rounds(6, 50)).expect("a small number") {
        let bundle = forger.bundle(Uuid::now_v7(), "commune", &own, records(round));
        let importing = tokio::spawn({
            let (line, bundle) = (line(), bundle.clone());
            async move { import_over(line, &bundle).await }
        });
        random_moment(&mut chance, 400).await;
        hub.kill();
        hub.start_again().await;
        let told = importing.await.expect("no panic").ok();

        let before = node_status(line(), "commune").await.received;
        let (whole, none) = (u64::from((round + 1) * RECORDS), u64::from(round * RECORDS));
        assert!(
            before == whole || before == none,
            "{before} records are a part of a bundle"
        );
        assert!(
            told.is_none() || before == whole,
            "a receipt went out before the commit"
        );
        let mut receipt = Vec::new();
        eventually("the bundle is taken in", || async {
            import_over(line(), &bundle).await.is_ok()
        })
        .await;
        for _ in 0..2 {
            let again = import_over(line(), &bundle).await.expect("a receipt");
            assert!(
                receipt.is_empty() || receipt == again,
                "the receipts differ"
            );
            receipt = again;
        }
        assert!(
            told.is_none_or(|told| told == receipt),
            "the receipts differ"
        );
        let node = node_status(line(), "commune").await;
        assert_eq!((node.received, node.accepted), (whole, whole));
    }
}
