//! `GIT binary patch`: both contents in full, so that it applies forwards and in reverse.

use crate::git::base85;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;

/// The part of a patch after the `index` line.
pub(super) fn between(old: &[u8], new: &[u8]) -> String {
    let mut text = String::from("GIT binary patch\n");
    literal(new, &mut text);
    literal(old, &mut text);
    text
}

fn literal(bytes: &[u8], text: &mut String) {
    text.push_str(&format!("literal {}\n", bytes.len()));
    base85::encode(&deflated(bytes), text);
    text.push('\n');
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing into memory does not fail; were it to, the patch would not apply, and a test would
    // see it.
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}
