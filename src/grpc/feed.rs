//! `FeedService`: tells a node what became of its records.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::write_kind;
use super::hub::Hub;
use super::proto::v1;
use super::proto::v1::feed_service_server::FeedService;
use super::status::{draining, field};
use crate::domain::node::NodeId;
use crate::store::{AliasKind, FeedRow, SourceState};
use crate::sync::feed::read_page;

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
    let mut changes = hub.signals.changes.listen();
    loop {
        let page = match read_page(&hub.store, node, cursor).await {
            Ok((rows, next)) => {
                cursor = next;
                rows
            }
            Err(error) => {
                // If the reader is gone there is nobody to tell.
                drop(pages.send(Err(error.into())).await);
                return;
            }
        };
        if page.is_empty() {
            if !wait {
                return;
            }
            tokio::select! {
                () = changes.heard() => continue,
                () = pages.closed() => return,
                () = hub.stop.cancelled() => {
                    drop(pages.send(Err(draining())).await);
                    return;
                }
            }
        }
        let events = page.into_iter().map(write_event).collect();
        let response = v1::FollowResponse {
            events,
            cursor: cursor.unsigned_abs(),
        };
        if pages.send(Ok(response)).await.is_err() {
            return;
        }
    }
}

fn write_event(row: FeedRow) -> v1::FeedEvent {
    let state = match (row.state, row.linked) {
        (None, _) => v1::FeedState::Quarantined,
        (Some(SourceState::Withdrawn), _) => v1::FeedState::Withdrawn,
        (Some(SourceState::Live), 2..) => v1::FeedState::Linked,
        (Some(SourceState::Live), _) => v1::FeedState::Reconciled,
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
    }
}
