//! The host's processors: how many this process may use, and what they are called.

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
        .find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_owned()))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// What makes one processor unlike another for a guest: model, stepping, microcode and features, as text.
#[must_use]
pub fn identity() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let first = info.split("\n\n").next().unwrap_or_default();
    let counts = ["vendor_id", "cpu family", "model", "stepping", "microcode", "flags"];
    first.lines().filter(|line| counts.iter().any(|name| line.starts_with(name))).collect::<Vec<_>>().join("\n")
}
