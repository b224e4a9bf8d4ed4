//! How long to wait before trying again.

use std::time::Duration;

/// Shortest ceiling of a wait.
pub const BACKOFF_MILLISECONDS_MIN: u64 = 200;
/// Longest wait.
pub const BACKOFF_MILLISECONDS_MAX: u64 = 60_000;

/// The wait after the given number of failures in a row: the ceiling doubles from 200 ms to a minute,
/// and `chance`, from 0 to 1, picks the wait from the upper half of it, so that many nodes that failed
/// together do not come back together.
pub fn backoff(failures: u32, chance: f64) -> Duration {
    let doubled = BACKOFF_MILLISECONDS_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let ceiling = Duration::from_millis(doubled.min(BACKOFF_MILLISECONDS_MAX));
    ceiling.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_until_a_minute_and_stay_there() {
        let waits: Vec<u128> = [1, 2, 3, 9, 10, 60, u32::MAX]
            .map(|failures| backoff(failures, 1.0).as_millis())
            .into();

        assert_eq!(waits, [200, 400, 800, 51_200, 60_000, 60_000, 60_000]);
    }

    #[test]
    fn chance_spreads_waits_over_the_upper_half() {
        assert_eq!(backoff(3, 0.0).as_millis(), 400);
        assert_eq!(backoff(3, 0.5).as_millis(), 600);
    }
}
