//! A line that fails: a TCP proxy that cuts connections, and calls with bytes of the test's choice.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How often a slow line carries some bytes.
const BEAT: Duration = Duration::from_millis(10);

/// A proxy before a hub. While it is bad, it cuts each connection after a random number of bytes in
/// either direction; what was on its way is lost.
pub(crate) struct BadLine {
    pub(crate) url: String,
    is_bad: Arc<AtomicBool>,
    cuts: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl BadLine {
    pub(crate) async fn to(port: u16, seed: u64) -> Self {
        Self::cutting(port, seed, 2_000..60_000).await
    }

    /// A line that carries so many bytes in each direction before it is cut.
    pub(crate) async fn cutting(port: u16, seed: u64, bytes: Range<u64>) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let budgets = move || [0, 1].map(|_| chance.random_range(bytes.clone()));
        Self::with_budgets(port, None, budgets).await
    }

    /// A line whose every connection carries some bytes more than the one before it.
    pub(crate) async fn lengthening(port: u16, first: u64, more: u64) -> Self {
        let mut budget = first;
        let budgets = move || {
            budget += more;
            [budget, u64::MAX]
        };
        Self::with_budgets(port, None, budgets).await
    }

    /// A slow line: so many bytes a second, and a cut after a random number of bytes that were sent.
    pub(crate) async fn slow(port: u16, seed: u64, a_second: u64, bytes: Range<u64>) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let budgets = move || [chance.random_range(bytes.clone()), u64::MAX];
        Self::with_budgets(port, Some(a_second), budgets).await
    }

    async fn with_budgets(
        port: u16,
        a_second: Option<u64>,
        mut budgets: impl FnMut() -> [u64; 2] + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("https://{}", listener.local_addr().expect("an address"));
        let (is_bad, cuts) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let stop = CancellationToken::new();
        let line = Self {
            url,
            is_bad: Arc::clone(&is_bad),
            cuts: Arc::clone(&cuts),
            stop: stop.clone(),
        };
        tokio::spawn(async move {
            while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
                let Ok((near, _)) = accepted else { continue };
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                tokio::spawn(carry(
                    (near, far),
                    budgets(),
                    a_second,
                    Arc::clone(&is_bad),
                    Arc::clone(&cuts),
                ));
            }
        });
        line
    }

    pub(crate) fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }

    /// From now on nothing is cut, and nothing is slow.
    pub(crate) fn heal(&self) {
        self.is_bad.store(false, Ordering::SeqCst);
    }
}

impl Drop for BadLine {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn carry(
    (near, far): (TcpStream, TcpStream),
    [up, down]: [u64; 2],
    a_second: Option<u64>,
    is_bad: Arc<AtomicBool>,
    cuts: Arc<AtomicU64>,
) {
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    // Whichever direction ends first ends both: that is what a broken line does.
    let was_cut = tokio::select! {
        cut = copy(near_read, far_write, up, a_second, &is_bad) => cut,
        cut = copy(far_read, near_write, down, None, &is_bad) => cut,
    };
    if was_cut {
        cuts.fetch_add(1, Ordering::SeqCst);
    }
}

/// Copies until the end, or until the budget is used up while the line is bad.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut budget: u64,
    a_second: Option<u64>,
    is_bad: &AtomicBool,
) -> bool {
    let mut bytes = vec![0; 4096];
    let mut beat = tokio::time::interval(BEAT);
    let beats = u64::try_from(Duration::from_secs(1).as_millis() / BEAT.as_millis());
    let allowance = a_second.map(|bytes| bytes / beats.expect("a small number"));
    let mut allowed = 0;
    loop {
        // A slow line carries its bytes by the beat.
        while allowance.is_some() && allowed == 0 && is_bad.load(Ordering::SeqCst) {
            beat.tick().await;
            allowed += allowance.unwrap_or_default();
        }
        let Ok(read @ 1..) = from.read(&mut bytes).await else {
            return false;
        };
        let count = u64::try_from(read).expect("a small number");
        allowed = allowed.saturating_sub(count);
        budget = budget.saturating_sub(count);
        if budget == 0 && is_bad.load(Ordering::SeqCst) {
            return true;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return false;
        }
    }
}
