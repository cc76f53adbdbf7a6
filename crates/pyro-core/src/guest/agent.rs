//! The agent for guests and for the `host` engine, built with this crate (see `build.rs`).

use flate2::read::ZlibDecoder;
use std::io::{self, Read};

static PACKED: &[u8] = include_bytes!(env!("PYRO_AGENT_PATH"));

/// The static executable; unpacking it takes some milliseconds.
///
/// # Errors
/// When this program's own file is damaged.
pub fn executable() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ZlibDecoder::new(PACKED).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// SHA-256 of [`executable`], in hex.
#[must_use]
pub fn digest() -> &'static str {
    env!("PYRO_AGENT_DIGEST")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn what_was_built_comes_out() {
        assert_eq!(hex::encode(Sha256::digest(executable().unwrap())), digest());
    }
}
