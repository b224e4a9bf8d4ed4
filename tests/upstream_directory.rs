//! A hub without a line upward: its batches lie in a folder as sealed bundles, and somebody carries them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::bundle::{card, import};
use crate::support::database::{Database, Engine};
use crate::support::hub::{HubOptions, TestHub};
use crate::support::pki::Pki;
use crate::support::records::{change, numbered_child};
use crate::support::{eventually, on_both_engines};

on_both_engines![
    what_is_carried_makes_both_ends_equal,
    a_folder_that_is_missing_loses_nothing,
];

const KIND: &str = "kind = \"directory\"\nfolder = \"outgoing\"\ncard = \"nation.card\"";

async fn nation_and_province(engine: Engine) -> (Arc<Pki>, TestHub, TestHub) {
    let pki = Arc::new(Pki::new());
    let options = HubOptions {
        name: "nation",
        ..HubOptions::province()
    };
    let database = Arc::new(Database::new(engine).await);
    let nation = TestHub::start(Arc::clone(&pki), database, options).await;
    nation.register("province", "GSO_PRE2025:91").await;
    let letter = card(nation.operator_line()).await.expect("a card");
    std::fs::write(pki.path().join("nation.card"), letter).expect("written");
    let options = HubOptions {
        upstream: Some(nation.url.clone()),
        forwarding: KIND,
        ..HubOptions::province()
    };
    let database = Arc::new(Database::new(engine).await);
    let province = TestHub::start(Arc::clone(&pki), database, options).await;
    province.register("commune", "GSO_PRE2025:30742").await;
    (pki, nation, province)
}

fn bundles(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).expect("a folder");
    let files = files.map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}

async fn all_forwarded(province: &TestHub) {
    eventually("nothing waits", || async {
        let status = province.status().await;
        let forwarder = status.forwarder.expect("an upstream");
        let mut lanes = forwarder.positions.iter();
        forwarder.receipted_batch > 0 && lanes.all(|lane| lane.waiting == 0)
    })
    .await;
}

async fn what_is_carried_makes_both_ends_equal(engine: Engine) {
    let (pki, nation, province) = nation_and_province(engine).await;
    let folder = pki.path().join("outgoing");
    std::fs::create_dir(&folder).expect("a folder");
    let changes = (1..=30).map(|at| change(at.into(), 1, numbered_child(at)));
    province.push(changes.collect()).await;
    province.settled().await;
    all_forwarded(&province).await;

    let files = bundles(&folder);
    assert!(
        !files.is_empty()
            && files
                .iter()
                .all(|file| file.extension().is_some_and(|e| e == "bundle"))
    );
    for file in &files {
        let bytes = std::fs::read(file).expect("a file");
        let clear = "Danh Thị Mẫu".as_bytes();
        assert!(!bytes.windows(clear.len()).any(|window| window == clear));
        import(&nation, &bytes).await.expect("a receipt");
    }
    eventually("the nation holds what the province says", || async {
        let said = province.status().await.golden_digest;
        let held = nation.node_status("province").await;
        held.source_records == 30 && held.digest == said
    })
    .await;
    province.stop().await;
    nation.stop().await;
}

async fn a_folder_that_is_missing_loses_nothing(engine: Engine) {
    let (pki, nation, province) = nation_and_province(engine).await;
    province.push(vec![change(1, 1, numbered_child(1))]).await;

    eventually("the missing folder is shown", || async {
        let forwarder = province.status().await.forwarder.expect("an upstream");
        assert_eq!(forwarder.receipted_batch, 0);
        forwarder.last_error == "FOLDER_MISSING"
    })
    .await;
    let folder = pki.path().join("outgoing");
    std::fs::create_dir(&folder).expect("a folder");
    all_forwarded(&province).await;
    assert_eq!(bundles(&folder).len(), 1);
    province.stop().await;
    nation.stop().await;
}
