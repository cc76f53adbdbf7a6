//! What to measure.

use crate::vm::Shape;
use std::path::PathBuf;

/// What to measure.
#[derive(Clone, Debug)]
pub struct BenchRequest {
    /// Name of the environment; installed first where it is not.
    pub environment: String,
    /// Shape of every vm.
    pub shape: Shape,
    /// How many starts each measure takes.
    pub runs: u32,
    /// How many vms at once, at most.
    pub vms: u32,
    /// A command for the host's shell, timed in turn with `pyro run`.
    pub against: Option<String>,
    /// Where the results are written: a file, or a directory in which they get a name of their own.
    pub output: Option<PathBuf>,
}
