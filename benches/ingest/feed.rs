//! The nation's feed, as the province reads it.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Context;
use childsync::grpc::proto::record::RecordKind;
use childsync::grpc::proto::v1::feed_service_client::FeedServiceClient;
use childsync::grpc::proto::v1::{FollowRequest, FollowResponse};
use tokio::time::{Instant, timeout};
use tonic::Streaming;

use crate::chain::Chain;

/// How long a single record may take.
const ARRIVAL_SECONDS_MAX: u64 = 30;
/// How long reading the whole feed may take.
const FEED_SECONDS_MAX: u64 = 300;

/// An open feed.
pub(crate) struct Feed {
    pages: Streaming<FollowResponse>,
    /// Kinds of the events that were received and not asked for yet, with the time they came at.
    waiting: VecDeque<(i32, Instant)>,
}

impl Feed {
    /// Follows the nation's feed from its beginning.
    pub(crate) async fn open(chain: &Chain) -> anyhow::Result<Self> {
        let line = chain.site.line(chain.nation.url(), "province")?;
        let request = FollowRequest {
            cursor: 0,
            wait: true,
        };
        let pages = FeedServiceClient::new(line)
            .follow(request)
            .await?
            .into_inner();
        Ok(Self {
            pages,
            waiting: VecDeque::new(),
        })
    }

    /// Reads so many events.
    pub(crate) async fn skip(&mut self, events: u64) -> anyhow::Result<()> {
        let skipping = async {
            for _ in 0..events {
                self.event().await?;
            }
            anyhow::Ok(())
        };
        let limit = Duration::from_secs(FEED_SECONDS_MAX);
        timeout(limit, skipping)
            .await
            .context("reading the nation's feed takes too long")?
    }

    /// When the next event of this kind came.
    pub(crate) async fn next(&mut self, kind: RecordKind) -> anyhow::Result<Instant> {
        let seeking = async {
            loop {
                let (found, came_at) = self.event().await?;
                if found == i32::from(kind) {
                    return anyhow::Ok(came_at);
                }
            }
        };
        let limit = Duration::from_secs(ARRIVAL_SECONDS_MAX);
        timeout(limit, seeking)
            .await
            .context("a record did not arrive at the nation in time")?
    }

    async fn event(&mut self) -> anyhow::Result<(i32, Instant)> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            let page = self
                .pages
                .message()
                .await?
                .context("the nation's feed has ended")?;
            let now = Instant::now();
            self.waiting
                .extend(page.events.iter().map(|event| (event.kind, now)));
        }
    }
}
