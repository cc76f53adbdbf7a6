//! Points in time of the host's clock.

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time: seconds since 1970 UTC, with a fraction, as records and results hold it. The
/// host's clock can be set back, so two of them say little about what happened first.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(f64);

impl Timestamp {
    /// The beginning of 1970: over whatever the clock says.
    pub const EPOCH: Self = Self(0.0);

    /// From seconds since 1970.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0
    }

    /// How long this is after `earlier`; zero where it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::try_from_secs_f64(self.0 - earlier.0).unwrap_or_default()
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        })
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn time_goes_both_ways() {
        let noon = Timestamp::from_seconds(43_200.5);
        assert_eq!(noon + Duration::from_millis(1500), Timestamp::from_seconds(43_202.0));
        assert_eq!(noon.since(Timestamp::from_seconds(43_200.0)), Duration::from_millis(500));
        assert_eq!(Timestamp::from_seconds(0.0).since(noon), Duration::ZERO);
        assert_eq!(Timestamp::from(UNIX_EPOCH - Duration::from_secs(2)).seconds(), -2.0);
        assert_eq!(serde_json::to_string(&noon).unwrap(), "43200.5");
    }
}
