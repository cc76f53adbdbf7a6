//! Statistics of a series of measurements, as pure functions.

use serde::{Deserialize, Serialize};

/// What a series of measurements comes to; the unit is its owner's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many there were.
    pub n: usize,
    /// The least.
    pub min: f64,
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The least value that 95 % of them do not exceed (nearest rank).
    pub p95: f64,
    /// The least value that 99 % of them do not exceed; of fewer than 100 that is the greatest.
    pub p99: f64,
}

impl Summary {
    /// Summarise a series, rounded to thousandths; none of an empty one.
    #[must_use]
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let min = *sorted.first()?;
        let median = f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]);
        let rank = |percent: usize| sorted[(percent * n).div_ceil(100).max(1) - 1];
        Some(Self {
            n,
            min: round(min),
            median: round(median),
            p95: round(rank(95)),
            p99: round(rank(99)),
        })
    }
}

/// To thousandths: what lies below is noise in every unit used here.
pub(super) fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks_and_the_median_is_in_the_middle() {
        let to = |last: u32| (1..=last).rev().map(f64::from).collect::<Vec<_>>();
        for (values, n, min, median, p95, p99) in [
            (vec![7.0], 1, 7.0, 7.0, 7.0, 7.0),
            (vec![4.0, 1.0], 2, 1.0, 2.5, 4.0, 4.0),
            (vec![3.0, 1.0, 2.0], 3, 1.0, 2.0, 3.0, 3.0),
            (to(20), 20, 1.0, 10.5, 19.0, 20.0),
            (to(100), 100, 1.0, 50.5, 95.0, 99.0),
            (to(1000), 1000, 1.0, 500.5, 950.0, 990.0),
            (vec![0.00049, 0.0005], 2, 0.0, 0.0, 0.001, 0.001),
        ] {
            assert_eq!(
                Summary::of(&values),
                Some(Summary { n, min, median, p95, p99 }),
                "{n} values"
            );
        }
        assert_eq!(Summary::of(&[]), None);
    }
}
