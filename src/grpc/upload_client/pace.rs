//! How large the chunks of an upload are on the line that there is.

use std::time::Duration;

use crate::sync::upload::CHUNK_BYTES_MAX;

/// Smallest chunk, in bytes: below it, what surrounds a chunk on the wire weighs more than the chunk.
const CHUNK_BYTES_MIN: u64 = 4 * 1024;
/// A chunk is at most this part of what the line is expected to carry before it breaks: a cut costs one
/// chunk at most.
const CHUNK_SHARE: u64 = 128;
/// On a line that has not broken and carries it within [`QUICK_MILLISECONDS`], a chunk may be this part of
/// the upload, or this large: there are few moments at which a cut can hit it.
const QUICK_SHARE: u64 = 64;
/// See [`QUICK_SHARE`]; in bytes.
const QUICK_BYTES: u64 = 64 * 1024;
/// See [`QUICK_SHARE`].
const QUICK_MILLISECONDS: u64 = 50;
/// How long sending one chunk should take at most.
const CHUNK_MILLISECONDS: u64 = 2_000;
/// How large the next chunk may be. A cut loses the chunk that is on its way, so that a chunk is a small
/// part of what the line carries between two cuts, and no more than it carries in two seconds.
#[derive(Default)]
pub(super) struct Pace {
    /// Bytes that the present line has carried.
    carried: u64,
    /// Bytes that the last line carried before it broke.
    before_break: Option<u64>,
    /// Bytes a second at which the last chunk arrived.
    rate: Option<u64>,
}

impl Pace {
    /// Bytes of the next chunk of an upload of so many.
    pub(super) fn chunk(&self, total: u64) -> u64 {
        let within = |milliseconds, unknown| {
            let rate = self
                .rate
                .map(|rate| rate.saturating_mul(milliseconds) / 1_000);
            rate.unwrap_or(unknown)
        };
        let share = match self.before_break {
            None => {
                let bold = (total / QUICK_SHARE).max(QUICK_BYTES);
                within(QUICK_MILLISECONDS, 0).clamp(total / CHUNK_SHARE, bold)
            }
            Some(before) => before.max(self.carried) / CHUNK_SHARE,
        };
        let most = u64::try_from(CHUNK_BYTES_MAX).unwrap_or(u64::MAX);
        let share = share.min(within(CHUNK_MILLISECONDS, u64::MAX));
        share.clamp(CHUNK_BYTES_MIN, most)
    }

    /// A chunk is durable.
    pub(super) fn arrived(&mut self, bytes: u64, took: Duration) {
        self.carried += bytes;
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        self.rate = Some(bytes.saturating_mul(1_000_000) / micros);
    }

    /// The line broke.
    pub(super) fn broke(&mut self) {
        self.before_break = Some(self.carried);
        self.carried = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(carried: u64, before_break: Option<u64>) -> Pace {
        Pace {
            carried,
            before_break,
            rate: None,
        }
    }

    #[test]
    fn a_chunk_is_a_small_part_of_what_the_line_carries() {
        let five = 5 * 1024 * 1024;

        assert_eq!(pace(0, None).chunk(five), 40 * 1024);
        assert_eq!(pace(0, Some(1024 * 1024)).chunk(five), 8 * 1024);
        assert_eq!(pace(2 * 1024 * 1024, Some(0)).chunk(five), 16 * 1024);
        assert_eq!(pace(0, Some(0)).chunk(five), 4 * 1024);
        assert_eq!(pace(0, None).chunk(1 << 40), 256 * 1024);
    }

    #[test]
    fn a_quick_line_gets_larger_chunks_until_it_breaks() {
        let five = 5 * 1024 * 1024;
        let mut pace = pace(0, None);

        pace.arrived(1024 * 1024, Duration::from_millis(20));

        assert_eq!(pace.chunk(five), 80 * 1024);
        assert_eq!(pace.chunk(1024 * 1024), 64 * 1024);
        pace.broke();
        assert_eq!(pace.chunk(five), 8 * 1024);
    }

    #[test]
    fn a_slow_line_gets_chunks_of_two_seconds() {
        let mut pace = pace(0, None);

        pace.arrived(40_000, Duration::from_secs(4));

        assert_eq!(pace.chunk(1 << 40), 20_000);
    }
}
