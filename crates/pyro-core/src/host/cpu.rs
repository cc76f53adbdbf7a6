//! The host's processors: how many this process may use, what they are called, and how slow they
//! are.

use std::time::Duration;

/// Processors that this process may use at once, at least one.
#[must_use]
pub fn count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The processor's model name as `/proc/cpuinfo` gives it.
#[must_use]
pub fn model() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    info.lines()
        .find_map(|line| {
            line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_owned())
        })
        .unwrap_or_else(|| "unknown".to_owned())
}

/// What makes one processor unlike another for a guest: model, stepping, microcode and features, as
/// text.
#[must_use]
pub fn identity() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let first = info.split("\n\n").next().unwrap_or_default();
    let counts = ["vendor_id", "cpu family", "model", "stepping", "microcode", "flags"];
    first
        .lines()
        .filter(|line| counts.iter().any(|name| line.starts_with(name)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Rounds of the loop that [`slowness`] times.
const ROUNDS: u32 = 4_000_000;

/// What that loop takes on the machine on which the limits that are scaled by it were measured.
const REFERENCE: Duration = Duration::from_millis(20);

/// How many times slower this host's processors are than a server's of 2020, never less than 1: the
/// processor time of a loop of about 20 ms. What others take of the processors counts only as far
/// as it slows down this thread while it runs.
#[must_use]
pub fn slowness() -> f64 {
    let began = thread_time();
    let mut value = 1u64;
    for round in 0..ROUNDS {
        // Each round needs the one before it, and nothing of it can be known beforehand.
        value = (value ^ u64::from(round)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
        value ^= value >> 29;
    }
    std::hint::black_box(value);
    let took = thread_time().saturating_sub(began);
    (took.as_secs_f64() / REFERENCE.as_secs_f64()).max(1.0)
}

/// Processor time of the calling thread.
fn thread_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}
