//! What a Debian system is built from.

/// A release of Debian and the packages of it that an environment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::environment) struct Debian {
    /// Debian's name of the release.
    pub(in crate::environment) suite: String,
    /// What is asked of apt beyond the minimal system.
    pub(in crate::environment) packages: Vec<String>,
}
