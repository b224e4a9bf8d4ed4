//! What the tests share: databases, certificates, hubs and records. Made-up names only.

pub(crate) mod agent;
pub(crate) mod agent_process;
pub(crate) mod bundle;
pub(crate) mod comparison;
pub(crate) mod database;
pub(crate) mod evil;
pub(crate) mod forwarding;
pub(crate) mod hub;
pub(crate) mod line;
pub(crate) mod output;
pub(crate) mod pipeline;
pub(crate) mod pki;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod records;
pub(crate) mod stewards;
pub(crate) mod tiers;
pub(crate) mod units;
pub(crate) mod upload;

use std::time::Duration;

use childsync::grpc::proto::v1::{RecordChange, RecordOutcome};
use childsync::grpc::push_client::PushClient;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::Instant;

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits for a condition, and fails with its name if it does not come true.
pub(crate) async fn eventually<F>(what: &str, mut condition: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "it never came true that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Pushes changes again and again until they are acknowledged, as every honest node does.
pub(crate) async fn until_acknowledged(
    client: &mut PushClient,
    changes: &[RecordChange],
) -> Vec<RecordOutcome> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match client.send(changes.to_vec()).await {
            Ok(outcomes) => return outcomes,
            Err(error) => assert!(Instant::now() < deadline, "never acknowledged: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A random moment passes. Only for choosing when a fault happens: nothing may depend on its length.
pub(crate) async fn random_moment(chance: &mut StdRng, milliseconds_max: u64) {
    tokio::time::sleep(Duration::from_millis(
        chance.random_range(0..milliseconds_max),
    ))
    .await;
}

/// How often a fault happens: the full number with `CHILDSYNC_FAULTS=full`.
pub(crate) fn fault_rounds(usual: usize, full: usize) -> usize {
    if std::env::var("CHILDSYNC_FAULTS").as_deref() == Ok("full") {
        full
    } else {
        usual
    }
}

/// Declares each test once for each engine: `sqlite::name` and `postgres::name`.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::database::Engine::Sqlite).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::database::Engine::Postgres).await;
            })*
        }
    };
}
pub(crate) use on_both_engines;
