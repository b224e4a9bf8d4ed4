//! How fast a line may be used: what was sent is paid for before more is sent.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes of one request at least, however slow the line may be.
const REQUEST_BYTES_MIN: usize = 8 * 1024;

/// A cap on the bytes of a line, over requests as they are written, before TLS.
pub(super) struct Pace {
    bytes_per_second: u64,
    /// When everything that was sent is paid for.
    free_at: Instant,
}

impl Pace {
    pub(super) fn new(bytes_per_second: u64, now: Instant) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            free_at: now,
        }
    }

    /// Bytes of one request at most: what the line may carry in a second, so that it does not come in gusts.
    pub(super) fn request_bytes_max(&self) -> usize {
        usize::try_from(self.bytes_per_second)
            .unwrap_or(usize::MAX)
            .max(REQUEST_BYTES_MIN)
    }

    /// When so many bytes may be sent, which are on the bill from then on.
    pub(super) fn book(&mut self, bytes: usize, now: Instant) -> Instant {
        let at = self.free_at.max(now);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let micros = bytes.saturating_mul(1_000_000) / self.bytes_per_second;
        self.free_at = at + Duration::from_micros(micros);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_paid_for_before_more_is_sent() {
        let now = Instant::now();
        let mut pace = Pace::new(1_000, now);

        let last = (0..10).map(|_| pace.book(500, now)).last();

        // The tenth leaves when the nine before it are paid for.
        assert_eq!(last, Some(now + Duration::from_millis(4_500)));
    }

    #[test]
    fn silence_is_not_saved_up() {
        let now = Instant::now();
        let mut pace = Pace::new(1_000, now);
        let later = now + Duration::from_mins(10);

        assert_eq!(pace.book(1_000, later), later);
        assert_eq!(pace.book(1_000, later), later + Duration::from_secs(1));
    }
}
