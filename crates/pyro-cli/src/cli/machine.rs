//! The machine that a command makes, as clap reads it.

use super::integer;
use clap::Args;
use pyro_core::limits;

#[derive(Debug, Args)]
pub(crate) struct Machine {
    /// Virtual CPUs, 1 to 8.
    #[arg(
        long,
        value_name = "N",
        default_value_t = limits::DEFAULT_VCPU_COUNT.into(),
        allow_negative_numbers = true,
        value_parser = integer()
    )]
    pub(crate) vcpu_count: i64,
    /// Memory in MiB, 256 to 32768.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = limits::DEFAULT_MEM_MIB.into(),
        allow_negative_numbers = true,
        value_parser = integer()
    )]
    pub(crate) mem_mib: i64,
}
