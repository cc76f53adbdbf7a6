//! Captured output: what fits a result in it, the whole in a file that can be read page by page.

pub mod capture;
pub mod error;
pub mod name;
pub mod page;
pub mod recorder;
pub mod recording;
mod redacted;
pub mod store;

pub use crate::config::InlineOutput;
pub use capture::json_len;
pub use error::OutputError;
pub use name::{OutputName, OutputNameError};
pub use page::OutputPage;
pub(crate) use page::whole_characters;
pub use recorder::{OutputTo, Recorder};
pub use recording::{OutputStream, OutputWatch, Recorded};
pub use redacted::without_secrets;
pub use store::{MAX_FILE as MAX_KEPT, OutputStore};
