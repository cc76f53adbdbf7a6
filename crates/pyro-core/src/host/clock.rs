//! The host's clocks: wall time as numbers, and the rate of its time stamp counter.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970 (UTC); zero on a host whose clock is before that.
#[must_use]
pub fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Seconds since 1970 (UTC), with their fraction.
#[must_use]
pub fn wall_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The rate of the time stamp counter in kHz, measured over `window` against `CLOCK_MONOTONIC_RAW`.
///
/// An emulated guest reads this counter as its own and cannot calibrate it when the host is loaded.
#[must_use]
pub fn measure_tsc_khz(window: Duration) -> u32 {
    let (ticks_before, ns_before) = paired_reading();
    // A measurement has to take its time; it is made once per boot of the host and then remembered.
    let deadline = ns_before + u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
    while raw_ns() < deadline {
        std::hint::spin_loop();
    }
    let (ticks_after, ns_after) = paired_reading();
    let ticks = u128::from(ticks_after.saturating_sub(ticks_before));
    let ns = u128::from(ns_after.saturating_sub(ns_before)).max(1);
    u32::try_from(ticks * 1_000_000 / ns).unwrap_or(0)
}

/// The counter and the clock read as close together as a few tries allow.
fn paired_reading() -> (u64, u64) {
    (0..16)
        .map(|_| {
            let before = tsc();
            let ns = raw_ns();
            let after = tsc();
            (after - before, before + (after - before) / 2, ns)
        })
        .min_by_key(|(gap, ..)| *gap)
        .map_or((0, 0), |(_, ticks, ns)| (ticks, ns))
}

fn tsc() -> u64 {
    // SAFETY: `rdtsc` reads a counter; every x86-64 processor has it and Linux does not trap it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

fn raw_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicRaw);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}
