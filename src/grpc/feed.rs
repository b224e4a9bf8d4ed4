//! `FeedService`: tells a node what became of its records.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::{conflicting_fields, write_instant, write_kind, write_unit};
use super::hub::Hub;
use super::proto::v1;
use super::proto::v1::feed_service_server::FeedService;
use super::status::{draining, field};
use super::tier_word::write_tier_word;
use crate::domain::node::NodeId;
use crate::store::{AliasKind, FeedRow, SourceState};
use crate::sync::feed::{UpstreamProgress, UpstreamWord};

/// Pages of one stream that may wait for their reader.
const PAGES_WAITING_MAX: usize = 2;

/// The service of one hub.
pub struct Feed {
    /// What all services share.
    pub hub: Arc<Hub>,
}

type Pages = Pin<Box<dyn Stream<Item = Result<v1::FollowResponse, Status>> + Send>>;

#[tonic::async_trait]
impl FeedService for Feed {
    type FollowStream = Pages;

    async fn follow(&self, request: Request<v1::FollowRequest>) -> Result<Response<Pages>, Status> {
        let node = self.hub.node(&request).await?.node_id;
        let request = request.into_inner();
        let cursor = i64::try_from(request.cursor).map_err(|_| {
            field(
                "cursor",
                "CURSOR_INVALID",
                &"is not a cursor that this hub gave",
            )
        })?;
        let (pages, stream) = mpsc::channel(PAGES_WAITING_MAX);
        tokio::spawn(follow(
            Arc::clone(&self.hub),
            node,
            cursor,
            request.wait,
            pages,
        ));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

async fn follow(
    hub: Arc<Hub>,
    node: NodeId,
    mut cursor: i64,
    wait: bool,
    pages: mpsc::Sender<Result<v1::FollowResponse, Status>>,
) {
    let feeds = hub.feeds();
    let mut changes = hub.signals.changes.listen();
    let mut told = None;
    loop {
        let page = match feeds.read_page(node, cursor).await {
            Ok(page) => {
                cursor = page.cursor;
                page
            }
            Err(error) => {
                // If the reader is gone there is nobody to tell.
                drop(pages.send(Err(error.into())).await);
                return;
            }
        };
        let progress = hub.upstream.as_ref().map(|_| page.progress);
        let nothing_moved = page.rows.is_empty() && told == progress;
        if page.rows.is_empty() && !wait {
            return;
        }
        if nothing_moved {
            tokio::select! {
                () = changes.heard() => continue,
                () = pages.closed() => return,
                () = hub.stop.cancelled() => {
                    drop(pages.send(Err(draining())).await);
                    return;
                }
            }
        }
        told = progress;
        let events = page.rows.into_iter().map(|row| write_event(row, progress));
        let response = v1::FollowResponse {
            events: events.collect(),
            cursor: cursor.unsigned_abs(),
            upstream: progress.map(write_progress),
            hub: hub.name.to_string(),
            hub_unit: Some(write_unit(hub.unit)),
        };
        if pages.send(Ok(response)).await.is_err() {
            return;
        }
    }
}

fn write_progress(progress: UpstreamProgress) -> v1::UpstreamProgress {
    v1::UpstreamProgress {
        routine_change: progress.routine.unsigned_abs(),
        urgent_change: progress.urgent.unsigned_abs(),
    }
}

/// What the feed of a node says of one of its records; `progress` where the hub has an upstream.
pub(super) fn write_event(row: FeedRow, progress: Option<UpstreamProgress>) -> v1::FeedEvent {
    let word = progress.map_or(UpstreamWord::NotYet, |progress| progress.word_on(&row));
    let (upstream_state, upstream_since, upstream_reason) = match word {
        UpstreamWord::NotYet => (v1::UpstreamState::Unspecified, None, String::new()),
        UpstreamWord::Held(since) => {
            let since = Some(write_instant(since));
            (v1::UpstreamState::Held, since, String::new())
        }
        UpstreamWord::Refused(reason) => (v1::UpstreamState::Refused, None, reason.to_owned()),
    };
    let state = match (row.state, row.linked) {
        (None, _) => v1::FeedState::Quarantined,
        (Some(SourceState::Withdrawn), _) => v1::FeedState::Withdrawn,
        (Some(SourceState::Live), 2..) => v1::FeedState::Linked,
        (Some(SourceState::Live), _) => v1::FeedState::Reconciled,
    };
    let (linked_units, conflicts) = match state {
        v1::FeedState::Linked => (row.linked_units, conflicting_fields(&row.conflicts)),
        v1::FeedState::Unspecified
        | v1::FeedState::Reconciled
        | v1::FeedState::Withdrawn
        | v1::FeedState::Quarantined => (Vec::new(), Vec::new()),
    };
    v1::FeedEvent {
        record_id: row.record_id.to_string(),
        kind: write_kind(row.kind).into(),
        version: row.version.as_u64(),
        state: state.into(),
        golden_id: row
            .golden_id
            .map(|id| id.as_uuid().to_string())
            .unwrap_or_default(),
        linked_records: u32::try_from(row.linked).unwrap_or(u32::MAX),
        reason: row.reason,
        violated_rules: row.rules.lines().map(str::to_owned).collect(),
        previous_golden_id: row
            .previous
            .map(|(id, _)| id.as_uuid().to_string())
            .unwrap_or_default(),
        golden_news: match row.previous.map(|(_, news)| news) {
            None => v1::GoldenNews::Unspecified,
            Some(AliasKind::Merged) => v1::GoldenNews::Merged,
            Some(AliasKind::Split) => v1::GoldenNews::Split,
        }
        .into(),
        received_at: Some(write_instant(row.received_at)),
        golden_change: row.golden_change.unsigned_abs(),
        upstream_state: upstream_state.into(),
        upstream_since,
        upstream_reason,
        linked_units: linked_units.into_iter().map(write_unit).collect(),
        conflicting_fields: conflicts,
        tiers: row.tiers.into_iter().map(write_tier_word).collect(),
        moved_to: row.moved_to.map(write_unit),
        successor_unit: row.unit_move.map(|moved| write_unit(moved.to)),
    }
}
