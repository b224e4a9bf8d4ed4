//! The client side of `Follow`: what a hub tells a node of its records, as the domain's types.

use tonic::Streaming;
use tonic::transport::Channel;

use super::convert::read_instant;
use super::convert::read_unit;
use super::proto::record;
use super::proto::v1;
use super::proto::v1::feed_service_client::FeedServiceClient;
use super::push_client::in_time;
use super::status::{is_word, read_upstream_error};
use super::tier_word::read_tier_word;
use crate::domain::golden::GoldenId;
use crate::domain::node::NodeName;
use crate::domain::record::{RecordId, RecordKind, Version};
use crate::domain::standing::{Above, HubState, HubWord};
use crate::domain::tier_word::{GoldenNews, TIERS_MAX, TierState, TierWord, heard};
use crate::domain::unit::UnitReference;
use crate::sync::forward::UpstreamError;
use crate::sync::upstream_follower::{UpstreamFeed, UpstreamNews};

/// Units of other nodes, and fields, that are kept of one event.
const NAMED_MAX: usize = 16;
/// Longest text of broken rules that is kept of one event, in bytes.
const RULES_BYTES_MAX: usize = 8 * 1024;

/// A line to a hub's feed.
pub struct FeedClient {
    client: FeedServiceClient<Channel>,
}

/// An open feed.
pub struct FeedStream {
    pages: Streaming<v1::FollowResponse>,
}

/// A page of the feed.
#[derive(Clone, Debug)]
pub struct FeedNews {
    /// What the hub says of records, in order.
    pub told: Vec<Told>,
    /// Where to go on from.
    pub cursor: i64,
    /// Up to which change of the routine and of the urgent lane the node above the hub has receipted;
    /// `None` where there is none above.
    pub above: Option<(i64, i64)>,
    /// Name of the hub that tells, and the unit that it serves, where it says so.
    pub hub: (Option<NodeName>, Option<UnitReference>),
}

/// What the hub says of one record.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its kind.
    pub kind: RecordKind,
    /// The record.
    pub record_id: RecordId,
    /// What is said.
    pub word: HubWord,
    /// In quarantine: why, as a stable word.
    pub reason: String,
    /// In quarantine: the broken rules as `path RULE`, one a line.
    pub rules: String,
    /// The golden record that it was in before, and what happened to that one.
    pub former: Option<(GoldenId, GoldenNews)>,
    /// The golden record that it is in.
    pub golden_id: Option<GoldenId>,
}

impl FeedClient {
    /// A client over a line.
    pub fn new(line: Channel) -> Self {
        Self {
            client: FeedServiceClient::new(line),
        }
    }

    /// Opens the feed after a cursor; with `wait` it stays open at its end.
    pub async fn follow(&mut self, cursor: i64, wait: bool) -> Result<FeedStream, UpstreamError> {
        let cursor = cursor.unsigned_abs();
        let opening = self.client.follow(v1::FollowRequest { cursor, wait });
        let pages = in_time(opening).await?.into_inner();
        Ok(FeedStream { pages })
    }
}

impl FeedStream {
    /// The next page, for as long as it takes; `None` at the end of a feed that does not wait.
    pub async fn page(&mut self) -> Result<Option<FeedNews>, UpstreamError> {
        let page = self.pages.message().await;
        let Some(page) = page.map_err(|status| read_upstream_error(&status))? else {
            return Ok(None);
        };
        let is_top = page.upstream.is_none();
        let above = page.upstream.map(|progress| {
            (
                clamped(progress.routine_change),
                clamped(progress.urgent_change),
            )
        });
        let told = page.events.iter().map(|event| read_event(event, is_top));
        Ok(Some(FeedNews {
            told: told.collect::<Option<_>>().ok_or(NONSENSE)?,
            cursor: clamped(page.cursor),
            above,
            hub: (
                page.hub.parse().ok(),
                page.hub_unit.as_ref().and_then(read_unit),
            ),
        }))
    }
}

const NONSENSE: UpstreamError = UpstreamError::Nonsense("its feed tells of what is no record");

fn read_event(event: &v1::FeedEvent, is_top: bool) -> Option<Told> {
    let kind = match event.kind() {
        record::RecordKind::Unspecified => return None,
        record::RecordKind::Child => RecordKind::Child,
        record::RecordKind::CaseReport => RecordKind::CaseReport,
    };
    let state = match event.state() {
        v1::FeedState::Unspecified => return None,
        v1::FeedState::Reconciled | v1::FeedState::Linked => HubState::Live,
        v1::FeedState::Withdrawn => HubState::Withdrawn,
        v1::FeedState::Quarantined => HubState::Quarantined,
    };
    let since = event.received_at.as_ref().map(read_instant);
    let above = match (event.upstream_state(), state) {
        (_, HubState::Quarantined) => Above::NotYet,
        // Nobody stands above the top of a tree: what it holds has arrived.
        (_, HubState::Live | HubState::Withdrawn) if is_top => Above::Held(since),
        (v1::UpstreamState::Held, _) => {
            Above::Held(event.upstream_since.as_ref().map(read_instant))
        }
        (v1::UpstreamState::Refused, _) => Above::Refused(word(&event.upstream_reason)),
        (v1::UpstreamState::Unspecified, _) => Above::NotYet,
    };
    Some(Told {
        kind,
        record_id: event.record_id.parse().ok()?,
        word: HubWord {
            version: Version::from_u64(event.version)?,
            state,
            since,
            // A page has one cursor; the caller gives each event the place from which it is read again.
            position: 0,
            change: clamped(event.golden_change),
            linked: event.linked_records,
            linked_units: units(&event.linked_units),
            conflicts: fields(&event.conflicting_fields),
            successor_unit: event.successor_unit.as_ref().and_then(read_unit),
            above,
            moved_to: event.moved_to.as_ref().and_then(read_unit),
            // What a newer program says of a tier makes no sense to this one, nor do the tiers above it.
            tiers: event
                .tiers
                .iter()
                .map_while(read_tier_word)
                .take(TIERS_MAX)
                .collect(),
        },
        reason: word(&event.reason),
        rules: bounded_rules(&event.violated_rules),
        former: golden_id(&event.previous_golden_id).zip(golden_news(event.golden_news())),
        golden_id: golden_id(&event.golden_id),
    })
}

/// What a hub says of a record in its own name, for those who pass it on.
fn own_word(
    told: Told,
    hub: (Option<NodeName>, Option<UnitReference>),
) -> (GoldenId, Vec<TierWord>) {
    let state = match (told.word.state, told.word.linked) {
        (HubState::Quarantined, _) => TierState::Quarantined,
        (HubState::Withdrawn, _) => TierState::Withdrawn,
        (HubState::Live, 2..) => TierState::Linked,
        (HubState::Live, _) => TierState::Reconciled,
    };
    let own = TierWord {
        hub: hub.0,
        unit: hub.1,
        version: told.word.version,
        state,
        is_newest: true,
        since: told.word.since,
        golden_id: told.golden_id,
        former: told.former,
        linked: told.word.linked,
        linked_units: told.word.linked_units,
        conflicts: told.word.conflicts,
        reason: told.reason,
        rules: told.rules,
        moved_to: told.word.moved_to,
    };
    // The record is one of our golden records, and has its identity.
    let golden_id = GoldenId::new(told.record_id.as_uuid());
    (golden_id, heard(own, told.word.tiers))
}

/// The feed of the hub above, for the follower of a hub.
pub struct UpstreamFeedClient {
    client: FeedClient,
    stream: Option<FeedStream>,
}

impl UpstreamFeedClient {
    /// A client over a line.
    pub fn new(line: Channel) -> Self {
        Self {
            client: FeedClient::new(line),
            stream: None,
        }
    }
}

impl UpstreamFeed for UpstreamFeedClient {
    async fn open(&mut self, cursor: i64) -> Result<(), UpstreamError> {
        self.stream = Some(self.client.follow(cursor, true).await?);
        Ok(())
    }

    async fn page(&mut self) -> Result<UpstreamNews, UpstreamError> {
        let Some(stream) = &mut self.stream else {
            return Err(UpstreamError::Nonsense("its feed is not open"));
        };
        let page = stream.page().await?;
        let page = page.ok_or(UpstreamError::Nonsense("its feed ended"))?;
        let words = page.told.into_iter();
        Ok(UpstreamNews {
            words: words.map(|told| own_word(told, page.hub.clone())).collect(),
            cursor: page.cursor,
        })
    }
}

/// Units that are known, so many that they may be kept.
pub(super) fn units(units: &[record::UnitReference]) -> Vec<UnitReference> {
    let known = units.iter().filter_map(read_unit);
    known.take(NAMED_MAX).collect()
}

/// Names of fields, so many that they may be kept.
pub(super) fn fields(names: &[String]) -> Vec<String> {
    let names = names.iter().filter(|name| is_field_name(name));
    names.take(NAMED_MAX).cloned().collect()
}

/// A golden record's identity.
pub(super) fn golden_id(text: &str) -> Option<GoldenId> {
    text.parse().ok().map(GoldenId::new)
}

/// What happened to a golden record.
pub(super) fn golden_news(news: v1::GoldenNews) -> Option<GoldenNews> {
    match news {
        v1::GoldenNews::Unspecified => None,
        v1::GoldenNews::Merged => Some(GoldenNews::Merged),
        v1::GoldenNews::Split => Some(GoldenNews::Split),
    }
}

/// A stable word of the hub, and not something that must not be kept.
pub(super) fn word(text: &str) -> String {
    if is_word(text) {
        text.to_owned()
    } else {
        String::new()
    }
}

/// Whether a text is the name of a field of the contract, and not something that must not be kept.
fn is_field_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=40).contains(&text.len()) && text.bytes().all(fits)
}

pub(super) fn bounded_rules(rules: &[String]) -> String {
    let mut bounded = String::new();
    for rule in rules {
        if bounded.len() + rule.len() >= RULES_BYTES_MAX {
            break;
        }
        if !bounded.is_empty() {
            bounded.push('\n');
        }
        bounded.push_str(rule);
    }
    bounded
}

pub(super) fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
