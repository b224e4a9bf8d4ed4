//! A nation above two provinces. The first has a district above its communes, the second has a commune.

use std::sync::Arc;

use childsync::domain::draft::ChildDraft;
use childsync::grpc::proto::v1;

use super::database::{Database, Engine};
use super::eventually;
use super::hub::{HubOptions, TestHub, free_port};
use super::pki::Pki;
use super::records::{id, unit};

/// A commune of Ho Chi Minh City, code 79 before July 2025.
pub(crate) const FAR_COMMUNE: &str = "26734";

pub(crate) struct Tiers {
    pub(crate) nation: TestHub,
    pub(crate) province: TestHub,
    pub(crate) district: TestHub,
    pub(crate) city: TestHub,
}

impl Tiers {
    pub(crate) async fn new(engine: Engine) -> Self {
        let pki = Arc::new(Pki::new());
        let nation = hub(&pki, engine, ("nation", "GSO_PRE2025:91"), None).await;
        nation.register("province", "GSO_PRE2025:91").await;
        nation.register("city", "GSO_PRE2025:79").await;
        let above = Some(nation.url.clone());
        let province = hub(&pki, engine, ("province", "GSO_PRE2025:91"), above.clone()).await;
        province.register("district", "GSO_PRE2025:899").await;
        let city = hub(&pki, engine, ("city", "GSO_PRE2025:79"), above).await;
        city.register("far", &format!("GSO_PRE2025:{FAR_COMMUNE}"))
            .await;
        let above = Some(province.url.clone());
        let district = hub(&pki, engine, ("district", "GSO_PRE2025:899"), above).await;
        district.register("commune", "GSO_PRE2025:30742").await;
        district.register("other", "GSO_PRE2025:30745").await;
        Self {
            nation,
            province,
            district,
            city,
        }
    }

    pub(crate) async fn stop(self) {
        self.district.stop().await;
        self.city.stop().await;
        self.province.stop().await;
        self.nation.stop().await;
    }
}

async fn hub(
    pki: &Arc<Pki>,
    engine: Engine,
    (name, unit): (&'static str, &'static str),
    upstream: Option<String>,
) -> TestHub {
    let options = HubOptions {
        name,
        unit,
        port: free_port(),
        upstream,
        ..HubOptions::province()
    };
    let database = Arc::new(Database::new(engine).await);
    TestHub::start(Arc::clone(pki), database, options).await
}

/// The same child, registered in the far commune.
pub(crate) fn far_away(draft: ChildDraft) -> ChildDraft {
    ChildDraft {
        commune: Some(unit(FAR_COMMUNE)),
        ..draft
    }
}

/// What a hub says now of a node's record.
pub(crate) async fn told(hub: &TestHub, node: &str, record: u128) -> v1::FeedEvent {
    let wanted = id(record).to_string();
    let events = hub.feed(node).await;
    let event = events.into_iter().find(|event| event.record_id == wanted);
    event.unwrap_or_default()
}

/// Waits until the feed says something of a node's record, and gives the event.
pub(crate) async fn until_told(
    (hub, node, record): (&TestHub, &str, u128),
    what: &str,
    is_told: impl Fn(&v1::FeedEvent) -> bool,
) -> v1::FeedEvent {
    eventually(what, || async { is_told(&told(hub, node, record).await) }).await;
    told(hub, node, record).await
}

/// The words of a named hub on a record.
pub(crate) fn word_of<'a>(event: &'a v1::FeedEvent, hub: &str) -> Option<&'a v1::TierWord> {
    event.tiers.iter().find(|word| word.hub == hub)
}
