//! What can go wrong with output that was kept.

use super::name::OutputName;

/// Why output cannot be read again.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It was never kept, or it was removed for newer output.
    #[error("there is no output {name}")]
    Gone {
        /// Its name.
        name: OutputName,
    },
    /// It cannot be read.
    #[error("cannot read the output {name}")]
    Read {
        /// Its name.
        name: OutputName,
        /// The system's answer.
        source: std::io::Error,
    },
}
