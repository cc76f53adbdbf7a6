//! How long the parts of `cargo xtask test` took, and which tests took longest.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// So many tests are named.
const SLOWEST: usize = 10;

/// The parts in the order in which they ended.
#[derive(Default)]
pub(crate) struct Times {
    parts: Vec<(String, Duration)>,
}

impl Times {
    /// Run one part.
    pub(crate) fn measure<T>(&mut self, part: &str, run: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = run();
        self.add(part, started.elapsed());
        result
    }

    /// Add a part that ran beside others.
    pub(crate) fn add(&mut self, part: &str, took: Duration) {
        self.parts.push((part.to_owned(), took));
    }

    /// Both tables as they are printed; of the tests only those that took longest.
    pub(crate) fn table(&self, tests: &[(String, Duration)]) -> String {
        let mut slowest: Vec<_> = tests.iter().collect();
        slowest.sort_by_key(|(_, took)| Reverse(*took));
        let slowest =
            slowest.into_iter().take(SLOWEST).map(|(name, took)| (format!("test {name}"), took));
        let parts = self.parts.iter().map(|(name, took)| (name.clone(), took));
        parts
            .chain(slowest)
            .map(|(name, took)| format!("{:>7}  {name}\n", minutes(*took)))
            .collect()
    }
}

/// `3:05`.
fn minutes(took: Duration) -> String {
    let seconds = (took.as_millis() + 500) / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The tests of one binary while they run.
///
/// libtest says when a test ends but not when it starts. It starts them in the order of their
/// names, as many at once as it has threads, and the next one when one ends.
pub(crate) struct Clock {
    started: Instant,
    threads: usize,
    /// Names, and how long after the start each ended, in that order.
    ended: Vec<(String, Duration)>,
}

impl Clock {
    pub(crate) fn start(threads: usize) -> Self {
        Self { started: Instant::now(), threads, ended: Vec::new() }
    }

    /// Take a line `test NAME ... ok`, `... FAILED` or `... ignored`.
    pub(crate) fn line(&mut self, line: &str) {
        let Some((name, result)) =
            line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        else {
            return;
        };
        if result == "ok" || result == "FAILED" || result.starts_with("ignored") {
            let name = name.strip_suffix(" - should panic").unwrap_or(name);
            self.ended.push((name.to_owned(), self.started.elapsed()));
        }
    }

    /// How long each test took.
    pub(crate) fn durations(self) -> Vec<(String, Duration)> {
        durations(self.ended, self.threads)
    }
}

/// From when tests ended to how long they took.
fn durations(ended: Vec<(String, Duration)>, threads: usize) -> Vec<(String, Duration)> {
    let ends = ended.iter().map(|(_, end)| *end);
    let starts: Vec<Duration> = std::iter::repeat_n(Duration::ZERO, threads).chain(ends).collect();
    let mut by_name = ended;
    by_name.sort();
    let took =
        |((name, end), start): ((String, Duration), Duration)| (name, end.saturating_sub(start));
    by_name.into_iter().zip(starts).map(took).collect()
}

#[cfg(test)]
mod tests {
    use super::{Clock, Times, durations};
    use std::time::Duration;

    fn at(ends: &[(&str, u64)]) -> Vec<(String, Duration)> {
        ends.iter().map(|(name, end)| ((*name).to_owned(), Duration::from_secs(*end))).collect()
    }

    #[test]
    fn the_next_test_starts_when_one_ends() {
        // Two at once: a and b from 0, c from 2, d from 5.
        let ended = at(&[("b", 2), ("c", 5), ("d", 6), ("a", 9)]);
        assert_eq!(durations(ended, 2), at(&[("a", 9), ("b", 2), ("c", 3), ("d", 1)]));
        assert_eq!(durations(at(&[("a", 1), ("b", 4)]), 1), at(&[("a", 1), ("b", 3)]));
    }

    #[test]
    fn only_results_count() {
        let mut clock = Clock::start(2);
        for line in [
            "test a::b ... ok",
            "test a::c has been running for over 60 seconds",
            "test d - should panic ... ok",
            "test result: ok. 3 passed; 0 failed",
            "test e ... ignored, no device",
        ] {
            clock.line(line);
        }
        let names: Vec<String> = clock.durations().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a::b", "d", "e"]);
    }

    #[test]
    fn parts_come_first_and_then_the_slowest_tests() {
        let mut times = Times::default();
        times.add("building", Duration::from_millis(185_400));
        let tests: Vec<_> = (0..20).map(|n| (format!("t{n}"), Duration::from_secs(n))).collect();
        let table = times.table(&tests);
        assert!(
            table.starts_with("   3:05  building\n   0:19  test t19\n   0:18  test t18\n"),
            "{table}"
        );
        assert_eq!(table.lines().count(), 11);
    }
}
