//! BLAKE3 digests of files, as the guest's agent makes them.

use super::fs::{self, FsError};
use std::path::Path;

/// The digest of a file's content.
///
/// # Errors
/// When it cannot be read.
pub fn blake3(path: &Path) -> Result<[u8; 32], FsError> {
    let mut hasher = blake3::Hasher::new();
    let failed = |source| FsError { action: "read", path: path.to_owned(), source };
    std::io::copy(&mut fs::open(path)?, &mut hasher).map_err(failed)?;
    Ok(*hasher.finalize().as_bytes())
}
