//! Secret values kept out of text: every place where one stands becomes a mark.
//!
//! A value is found as it is, in base64 (each alignment, both alphabets), URL-encoded and escaped as
//! in JSON. Blanks and line breaks do not count, so that terminals, `base64` and whoever indents may
//! wrap it. A value that was changed otherwise is not found: whoever runs commands with a secret
//! can always print it in a form that nobody looks for.

mod automaton;
mod forms;
mod masking;
mod pairs;
mod redactor;
mod rest;
mod stream;
#[cfg(test)]
mod tests;
mod view;

pub use forms::{MIN_VALUE_LEN, significant_len};
pub use masking::Masking;
pub use redactor::Redactor;
pub use stream::{IDLE, MARK, Redaction};
