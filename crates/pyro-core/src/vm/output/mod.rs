//! Captured output: what fits a result in it, the whole in a file that can be read page by page.

pub mod capture;
pub mod page;
pub mod recorder;
pub mod store;

pub use crate::config::Inline;
pub use capture::{BASE64_LIMIT, Capture, CapturedOutput, json_len};
pub use page::OutputPage;
pub(crate) use page::whole_characters;
pub use recorder::{MAX_FILE as MAX_KEPT, OutputTo, OutputWatch, Recorded, Recorder, Stream};
pub use store::{OutputName, OutputStore};

/// Bytes of text of each stream that a result holds: half from its start, half from its end.
pub const INLINE_LIMIT: usize = Inline::EACH;

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
