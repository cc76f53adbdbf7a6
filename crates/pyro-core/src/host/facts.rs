//! What kind of host this is: its kernel, its memory, how busy it is.

/// `uname -r`.
#[must_use]
pub fn kernel_release() -> String {
    read("/proc/sys/kernel/osrelease").trim().to_owned()
}

/// Memory of the host, in MiB; zero where it does not say.
#[must_use]
pub fn memory_mib() -> u64 {
    super::usage::kib_field(&read("/proc/meminfo"), "MemTotal").unwrap_or(0) / 1024
}

/// Memory that programs can still have without the host swapping, in MiB; none where it does not
/// say.
#[must_use]
pub fn available_memory_mib() -> Option<u64> {
    super::usage::kib_field(&read("/proc/meminfo"), "MemAvailable").map(|kib| kib / 1024)
}

/// Processes that wanted to run at once, as the mean of the last minute.
#[must_use]
pub fn load_average() -> f64 {
    read("/proc/loadavg")
        .split_ascii_whitespace()
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0.0)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
