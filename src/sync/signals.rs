//! Wake-up calls between the parts of one hub.
//!
//! They only save waiting: a part that misses a call finds the work by itself within a second,
//! because another replica may have written it.

use std::time::Duration;

use tokio::sync::watch;

/// How long a part waits for a call before it looks for work by itself.
pub const IDLE_MILLISECONDS_MAX: u64 = 1_000;

/// Something has grown.
#[derive(Debug)]
pub struct Signal(watch::Sender<u64>);

impl Signal {
    /// Calls everybody who waits.
    pub fn call(&self) {
        self.0.send_modify(|calls| *calls = calls.wrapping_add(1));
    }

    /// A listener that hears every call from now on.
    pub fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

impl Default for Signal {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

/// Hears a [`Signal`].
#[derive(Clone, Debug)]
pub struct Listener(watch::Receiver<u64>);

impl Listener {
    /// Returns at the next call, at once if there was one since the last, or after the idle time.
    pub async fn heard(&mut self) {
        self.heard_within(Duration::from_millis(IDLE_MILLISECONDS_MAX))
            .await;
    }

    /// The same with another idle time.
    pub async fn heard_within(&mut self, idle: Duration) {
        // The time running out and the sender being gone both mean: look for work by yourself.
        drop(tokio::time::timeout(idle, self.0.changed()).await);
    }
}

/// All signals of a hub.
#[derive(Debug, Default)]
pub struct Signals {
    /// The log has grown.
    pub log: Signal,
    /// Golden records have changed, and with them the feed.
    pub changes: Signal,
    /// An upload has come further.
    pub uploads: Signal,
    /// A comparison is asked for, or has come further.
    pub comparisons: Signal,
    /// A tick may be due, or was asked for.
    pub jobs: Signal,
}
