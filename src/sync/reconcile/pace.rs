//! How many routine submissions go into one transaction: as many as take a tenth of a second.
//!
//! An urgent report waits for the transaction that is under way, at every tier on its way up. A slice of
//! thousands of records is the quickest way through a backlog and the slowest for the report behind it, most
//! of all on a machine that is short of everything just then.

use std::time::Duration;

/// How long the slice of the routine lane should take.
const SLICE_MILLISECONDS: u64 = 100;
/// Smaller slices would spend their time on the ends of transactions.
const SLICE_RECORDS_MIN: u32 = 250;

/// The size of the next slice of the routine lane.
pub(super) struct Pace {
    records: u32,
    records_max: u32,
}

impl Pace {
    /// Begins in the middle, so that the first slice of a backlog is no long one.
    pub(super) fn new(records_max: u32) -> Self {
        Self {
            records: (records_max / 4).max(SLICE_RECORDS_MIN).min(records_max),
            records_max,
        }
    }

    /// Submissions of the next slice at most.
    pub(super) fn records(&self) -> u32 {
        self.records
    }

    /// A slice with so many submissions took so long. One that was not full says nothing of larger ones.
    pub(super) fn took(&mut self, submissions: usize, took: Duration) {
        let target = Duration::from_millis(SLICE_MILLISECONDS);
        let was_full = u32::try_from(submissions).is_ok_and(|taken| taken >= self.records);
        if took > target {
            let smallest = SLICE_RECORDS_MIN.min(self.records_max);
            self.records = (self.records / 2).max(smallest);
        } else if was_full && took < target / 2 {
            self.records = self.records.saturating_mul(2).min(self.records_max);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(10);
    const SLOW: Duration = Duration::from_secs(1);

    #[test]
    fn slow_slices_become_smaller_and_quick_ones_larger_within_their_limits() {
        let mut pace = Pace::new(4_000);
        assert_eq!(pace.records(), 1_000);
        for _ in 0..10 {
            pace.took(pace.records.try_into().expect("small"), SLOW);
        }
        assert_eq!(pace.records(), SLICE_RECORDS_MIN);
        for _ in 0..10 {
            pace.took(pace.records.try_into().expect("small"), QUICK);
        }
        assert_eq!(pace.records(), 4_000);
    }

    #[test]
    fn a_slice_that_was_not_full_makes_none_larger() {
        let mut pace = Pace::new(4_000);
        pace.took(3, QUICK);
        assert_eq!(pace.records(), 1_000);
    }

    #[test]
    fn a_limit_below_the_smallest_slice_is_kept() {
        let mut pace = Pace::new(10);
        pace.took(10, SLOW);
        assert_eq!(pace.records(), 10);
    }
}
