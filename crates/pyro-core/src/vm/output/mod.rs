//! Captured output: what fits a result in it, the whole in a file that can be read page by page.

pub mod capture;
pub mod error;
pub mod name;
pub mod page;
pub mod recorder;
pub mod recording;
pub mod store;

pub use crate::config::Inline;
pub use capture::{BASE64_LIMIT, Capture, CapturedOutput, json_len};
pub use error::OutputError;
pub use name::OutputName;
pub use page::OutputPage;
pub(crate) use page::whole_characters;
pub use recorder::{OutputTo, Recorder};
pub use recording::{OutputWatch, Recorded, Stream};
pub use store::{MAX_FILE as MAX_KEPT, OutputStore};

/// Bytes of text of each stream that a result holds: half from its start, half from its end.
pub const INLINE_LIMIT: usize = Inline::EACH;
