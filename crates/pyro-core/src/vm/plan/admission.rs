//! How many vms may be active at once.

use crate::config::Config;
use crate::host::facts;

/// Host memory for each active vm where no limit is set, in MiB. Under emulation one takes some 110
/// MiB, on KVM 45; the limit is there to stop a loop that starts vms for ever, not to keep memory
/// for others.
const MIB_PER_VM: u64 = 64;

/// Least of the limits that are not set.
const FEWEST: u32 = 8;

/// How many vms may be starting, started or stopping at once.
#[must_use]
pub fn max_active(config: &Config) -> u32 {
    config.max_active_vms.unwrap_or_else(|| of_memory(facts::memory_mib()))
}

fn of_memory(memory_mib: u64) -> u32 {
    u32::try_from(memory_mib / MIB_PER_VM).unwrap_or(u32::MAX).max(FEWEST)
}

#[cfg(test)]
mod tests {
    use super::of_memory;

    #[test]
    fn a_small_host_and_one_that_does_not_say_run_some() {
        assert_eq!([of_memory(0), of_memory(1024), of_memory(24_000)], [8, 16, 375]);
    }
}
