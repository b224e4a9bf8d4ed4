//! The upstream follower: what the hub above says of golden records goes down to the nodes that sent them.
//!
//! A hub with an upstream is a node of it and reads its feed as every node does. What it is told of a golden
//! record is kept with the golden record, and each source record of it gets a new number in this hub's own
//! feed, so that the nodes below read it there: thus a word travels down tier by tier. The words, the new
//! numbers and how far the feed is read are one transaction, under the fencing token: told once, in order,
//! whatever breaks. Several words on one record between two reads collapse into the newest.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::backoff::backoff;
use super::forward::UpstreamError;
use super::leadership::Leadership;
use super::signals::Signals;
use crate::domain::golden::GoldenId;
use crate::domain::tier_word::{TierWord, replaces};
use crate::store::{LeaseName, Store, StoreError};

/// The counter that says how far the feed of the hub above is read.
const POSITION: &str = "upstream_feed";

/// A page of what the hub above says.
#[derive(Clone, Debug)]
pub struct UpstreamNews {
    /// What is said of golden records, in order: the words of the hub above and of the tiers above it.
    pub words: Vec<(GoldenId, Vec<TierWord>)>,
    /// Where to go on from.
    pub cursor: i64,
}

/// The feed of the hub above.
pub trait UpstreamFeed: Send {
    /// Opens the feed after a cursor, to stay open at its end.
    fn open(&mut self, cursor: i64) -> impl Future<Output = Result<(), UpstreamError>> + Send;

    /// The next page, for as long as it takes.
    fn page(&mut self) -> impl Future<Output = Result<UpstreamNews, UpstreamError>> + Send;
}

/// Why following was broken off. Everything is tried again.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// Follows the feed of the hub above; one replica does.
pub struct UpstreamFollower<F> {
    /// The hub's database.
    pub store: Store,
    /// Wakes the feeds of the nodes below.
    pub signals: Arc<Signals>,
    /// Its claim to be the one follower.
    pub leadership: Leadership,
    /// The feed.
    pub feed: F,
    /// Spreads waits, from 0 to 1.
    pub chance: fn() -> f64,
}

impl<F: UpstreamFeed> UpstreamFollower<F> {
    /// Follows whenever it leads, until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut failures = 0;
        while let Some(followed) = stop.run_until_cancelled(self.follow(&mut failures)).await {
            let wait = match &followed {
                Ok(()) => self.leadership.interval(),
                Err(FollowError::Store(StoreError::Fenced(lease))) => {
                    tracing::warn!(lease.name = lease, "Another replica follows now");
                    self.leadership.interval()
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(error = %error, attempt = failures, "Following the upstream failed");
                    backoff(failures, (self.chance)()).max(asked_wait(error))
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
        if let Err(error) = self.leadership.release().await {
            tracing::warn!(error = %error, "The upstream follower's lease could not be released");
        }
    }

    /// Follows as long as the line holds; returns at once if another leads.
    async fn follow(&mut self, failures: &mut u32) -> Result<(), FollowError> {
        let Some(token) = self.leadership.hold().await? else {
            return Ok(());
        };
        let cursor = self.store.read().await?.read_counter(POSITION).await?;
        leading(&self.leadership, token, self.feed.open(cursor)).await?;
        loop {
            let news = leading(&self.leadership, token, self.feed.page()).await?;
            *failures = 0;
            if note_news(&self.store, token, news).await? > 0 {
                self.signals.changes.call();
            }
        }
    }
}

/// Waits for the hub above, and extends the lease meanwhile: it may have nothing to say for days.
async fn leading<T>(
    leadership: &Leadership,
    token: i64,
    answer: impl Future<Output = Result<T, UpstreamError>>,
) -> Result<T, FollowError> {
    let mut answer = std::pin::pin!(answer);
    loop {
        match tokio::time::timeout(leadership.interval(), &mut answer).await {
            Ok(answered) => return Ok(answered?),
            Err(_) if leadership.hold().await? == Some(token) => {}
            Err(_) => return Err(StoreError::Fenced(LeaseName::UpstreamFollower.as_str()).into()),
        }
    }
}

/// Notes a page: all of it with how far the feed is read, or nothing. Says of how many golden records
/// something new was said.
async fn note_news(store: &Store, token: i64, news: UpstreamNews) -> Result<usize, StoreError> {
    let mut transaction = store.write().await?;
    transaction
        .check_fence(LeaseName::UpstreamFollower, token)
        .await?;
    // Whoever writes source records holds this counter, so that none of them moves meanwhile.
    let feed = transaction.lock_counter("feed").await?;
    let mut golden: Vec<GoldenId> = news.words.iter().map(|(golden_id, _)| *golden_id).collect();
    golden.sort_unstable();
    golden.dedup();
    let held = transaction.find_tier_words(&golden).await?;
    let new = news_of(news.words, &held);
    let golden: Vec<GoldenId> = new.iter().map(|(golden_id, _)| *golden_id).collect();
    transaction.put_tier_words(&new).await?;
    let feed = transaction.retell_golden_records(&golden, feed).await?;
    transaction.set_counter("feed", feed).await?;
    transaction.set_counter(POSITION, news.cursor).await?;
    transaction.commit().await?;
    Ok(new.len())
}

/// The newest word on each golden record, where it says something else than what is held.
fn news_of(
    words: Vec<(GoldenId, Vec<TierWord>)>,
    held: &HashMap<GoldenId, Vec<TierWord>>,
) -> Vec<(GoldenId, Vec<TierWord>)> {
    let mut newest: HashMap<GoldenId, Vec<TierWord>> = HashMap::new();
    for (golden_id, heard) in words {
        let before = newest.get(&golden_id).or_else(|| held.get(&golden_id));
        if replaces(&heard, before.map_or(&[], Vec::as_slice)) {
            newest.insert(golden_id, heard);
        }
    }
    newest.retain(|golden_id, words| held.get(golden_id) != Some(words));
    let mut newest: Vec<_> = newest.into_iter().collect();
    newest.sort_unstable_by_key(|(golden_id, _)| *golden_id);
    newest
}

/// How long the hub above asks us to wait.
fn asked_wait(error: &FollowError) -> Duration {
    match error {
        FollowError::Upstream(UpstreamError::Refused { retry_after, .. }) => {
            retry_after.unwrap_or_default()
        }
        FollowError::Upstream(_) | FollowError::Store(_) => Duration::ZERO,
    }
}
