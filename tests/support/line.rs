//! A line that fails: a TCP proxy that cuts connections, and calls with bytes of the test's choice.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

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
            let mut chance = StdRng::seed_from_u64(seed);
            while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
                let Ok((near, _)) = accepted else { continue };
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                let budgets = [0, 1].map(|_| chance.random_range(bytes.clone()));
                tokio::spawn(carry(
                    near,
                    far,
                    budgets,
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

    /// From now on nothing is cut.
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
    near: TcpStream,
    far: TcpStream,
    [up, down]: [u64; 2],
    is_bad: Arc<AtomicBool>,
    cuts: Arc<AtomicU64>,
) {
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    // Whichever direction ends first ends both: that is what a broken line does.
    let was_cut = tokio::select! {
        cut = copy(near_read, far_write, up, &is_bad) => cut,
        cut = copy(far_read, near_write, down, &is_bad) => cut,
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
    is_bad: &AtomicBool,
) -> bool {
    let mut bytes = vec![0; 4096];
    loop {
        let Ok(read @ 1..) = from.read(&mut bytes).await else {
            return false;
        };
        budget = budget.saturating_sub(u64::try_from(read).expect("a small number"));
        if budget == 0 && is_bad.load(Ordering::SeqCst) {
            return true;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return false;
        }
    }
}
