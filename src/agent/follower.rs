//! The follower: reads the hub's feed and notes where each record is, in the hub's own words.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::health::{Line, asked_wait};
use super::settle::standing_of;
use crate::domain::clock::Clock;
use crate::domain::record::{RecordKind, Version};
use crate::domain::standing::{HubAnswer, HubState};
use crate::grpc::feed_client::{FeedClient, FeedNews, Told};
use crate::store::{AgentRecord, AgentStore, Answered, OwnKey, StoreError};
use crate::sync::backoff::backoff;
use crate::sync::forward::UpstreamError;
use crate::sync::signals::Signal;

/// Follows the feed of one hub.
pub struct Follower {
    /// The agent's database.
    pub store: AgentStore,
    /// Says what time it is, for status only.
    pub clock: Arc<dyn Clock>,
    /// Called when the feed was read for the first time, which is what the senders wait for.
    pub kept: Arc<Signal>,
    /// The line to the feed.
    pub feed: FeedClient,
    /// How the line is doing.
    pub line: Arc<Line>,
    /// Spreads waits, from 0 to 1.
    pub chance: fn() -> f64,
}

/// Why following was broken off.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

impl Follower {
    /// Follows until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut failures = 0;
        while let Some(followed) = stop.run_until_cancelled(self.follow(&mut failures)).await {
            failures += 1;
            let asked = match &followed {
                Ok(()) => std::time::Duration::ZERO,
                Err(error) => self.note_failure(error, failures),
            };
            let wait = backoff(failures, (self.chance)()).max(asked);
            if stop
                .run_until_cancelled(tokio::time::sleep(wait))
                .await
                .is_none()
            {
                break;
            }
        }
    }

    fn note_failure(&self, error: &FollowError, failures: u32) -> std::time::Duration {
        tracing::warn!(error = %error, attempt = failures, "Following the feed failed");
        let (word, asked) = match error {
            FollowError::Store(_) => ("STORE".to_owned(), std::time::Duration::ZERO),
            FollowError::Upstream(error) => (error.word(), asked_wait(error)),
        };
        self.line.failed(word, failures);
        asked
    }

    /// Reads the feed from where it was read last, for as long as the line holds.
    async fn follow(&mut self, failures: &mut u32) -> Result<(), FollowError> {
        let position = self.store.read().await?.position().await?;
        let mut cursor = position.feed_cursor;
        if !position.feed_read {
            cursor = self.read_to_end(cursor).await?;
            let mut transaction = self.store.write().await?;
            transaction.set_feed_read().await?;
            transaction.commit().await?;
            self.kept.call();
        }
        let mut pages = self.feed.follow(cursor, true).await?;
        // The hub has let us in; it may have nothing to tell for days.
        *failures = 0;
        self.line.answered(self.clock.now());
        while let Some(news) = pages.page().await? {
            *failures = 0;
            self.line.answered(self.clock.now());
            let (next, above) = (news.cursor, news.above);
            self.apply(cursor, news, Reading::Onward).await?;
            cursor = next;
            if let Some((routine, urgent)) = above {
                self.read_again(RecordKind::Child, routine).await?;
                self.read_again(RecordKind::CaseReport, urgent).await?;
            }
        }
        Ok(())
    }

    async fn read_to_end(&mut self, mut cursor: i64) -> Result<i64, FollowError> {
        let mut pages = self.feed.follow(cursor, false).await?;
        while let Some(news) = pages.page().await? {
            let next = news.cursor;
            self.apply(cursor, news, Reading::First).await?;
            cursor = next;
        }
        Ok(cursor)
    }

    /// The node above the hub has receipted changes of golden records. A golden record may have changed
    /// again before it was sent on, so what is said of each record is read anew and not concluded.
    async fn read_again(&mut self, kind: RecordKind, change: i64) -> Result<(), FollowError> {
        let mut reading = self.store.read().await?;
        let awaiting = reading.find_awaiting_above(kind, change).await?;
        drop(reading);
        let Some((first, last)) = awaiting else {
            return Ok(());
        };
        let mut cursor = first;
        let mut pages = self.feed.follow(cursor, false).await?;
        while cursor <= last
            && let Some(news) = pages.page().await?
        {
            let next = news.cursor;
            self.apply(cursor, news, Reading::Again).await?;
            cursor = next;
        }
        Ok(())
    }

    /// Notes a page and, unless it was read before, how far the feed is read: both or neither.
    async fn apply(&self, start: i64, news: FeedNews, reading: Reading) -> Result<(), StoreError> {
        let mut keys: Vec<OwnKey> = news.told.iter().map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut transaction = self.store.write().await?;
        let held = transaction.find_records(&keys).await?;
        let mut records: HashMap<OwnKey, AgentRecord> =
            held.into_iter().map(|row| (row.key, row)).collect();
        let queued = transaction.find_queued(&keys).await?;
        let numbered_here: HashMap<OwnKey, bool> = queued
            .into_iter()
            .map(|(key, _, here)| (key, here))
            .collect();
        let mut renumbered: HashMap<OwnKey, Version> = HashMap::new();
        for mut told in news.told {
            told.word.position = start;
            let key = key(&told);
            let record = records
                .entry(key)
                .or_insert_with(|| AgentRecord::told(key, told.word.version));
            let told_version = told.word.version;
            note(record, told);
            let is_numbered_here = numbered_here.get(&key) == Some(&true);
            if reading == Reading::First && is_numbered_here && record.version <= told_version {
                record.version = told_version.next();
                renumbered.insert(key, record.version);
            }
            record.standing = standing_of(record, numbered_here.contains_key(&key));
        }
        let records: Vec<_> = records.into_values().collect();
        transaction.put_records(&records).await?;
        let renumbered: Vec<_> = renumbered.into_iter().collect();
        transaction.renumber_queued(&renumbered).await?;
        if reading != Reading::Again {
            transaction.set_feed_cursor(news.cursor).await?;
        }
        transaction.commit().await
    }
}

/// Which reading of the feed a page is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// The first one of this database: records that wait may have to be renumbered.
    First,
    /// The one that moves the cursor.
    Onward,
    /// Of events that were read before.
    Again,
}

fn key(told: &Told) -> OwnKey {
    (told.kind, told.record_id)
}

/// Notes what the hub says. A record in quarantine has two places in the feed, its last good version and
/// the broken one: the newer one counts.
fn note(record: &mut AgentRecord, told: Told) {
    let is_newer = |held: Version| held > told.word.version;
    if record
        .hub
        .as_ref()
        .is_some_and(|held| is_newer(held.version))
    {
        return;
    }
    if told.word.state == HubState::Quarantined {
        record.answered = Some(Answered {
            version: told.word.version,
            answer: HubAnswer::Quarantined,
            reason: told.reason,
            rules: told.rules,
        });
    }
    if record.hash.is_none() {
        record.version = told.word.version;
    }
    record.hub = Some(told.word);
}
