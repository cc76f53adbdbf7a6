//! Settings that cannot be used.

/// A setting that cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Neither HOME nor the variables that replace it are set.
    #[error("HOME is not set")]
    NoHome,
    /// A variable holds what it cannot mean.
    #[error("{name} is {value:?}; it must be {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        expected: &'static str,
    },
}
