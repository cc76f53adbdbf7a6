//! `BlobId`: the name that git gives a file's bytes.

use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::fmt;

/// SHA-1 of git's blob header and the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId([u8; 20]);

impl BlobId {
    /// The id of bytes that are held.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = BlobHasher::new(bytes.len() as u64);
        hasher.update(bytes);
        hasher.finish()
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BlobId({self})")
    }
}

/// The id of bytes that come piece by piece.
pub struct BlobHasher(Sha1);

impl BlobHasher {
    /// For exactly `size` bytes.
    #[must_use]
    pub fn new(size: u64) -> Self {
        Self(Sha1::new_with_prefix(format!("blob {size}\0")))
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The id of all of them.
    #[must_use]
    pub fn finish(self) -> BlobId {
        BlobId(self.0.finalize().into())
    }
}

/// Whether a full id of a patch names these bytes: 40 digits of SHA-1, or 64 where the repository
/// uses SHA-256.
#[must_use]
pub(crate) fn is_named(id: &str, bytes: &[u8]) -> bool {
    match id.len() {
        40 => BlobId::of(bytes).to_string() == id,
        64 => {
            let mut hasher = Sha256::new_with_prefix(format!("blob {}\0", bytes.len()));
            hasher.update(bytes);
            hex::encode(hasher.finalize()) == id
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{BlobId, is_named};

    #[test]
    fn ids_are_those_of_git() {
        // `git hash-object` of the same bytes.
        assert_eq!(BlobId::of(b"").to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(BlobId::of(b"hello\n").to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert!(is_named(
            "2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4",
            b"hello\n"
        ));
        assert!(!is_named("ce01362", b"hello\n"));
    }
}
