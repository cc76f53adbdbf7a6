//! The command that demonstrations run.

/// What the demonstration runs in.
pub(super) const ENVIRONMENT: &str = "debian:12";

/// What it runs.
pub(super) const COMMAND: &str = "git --version";

/// Seconds that the command may take: the first one of a cold host reads git from the disk.
pub(super) const TIMEOUT_SECONDS: u32 = 120;
