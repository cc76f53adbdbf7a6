//! Digests: of small files as they are, of disk images without their holes.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::host::fs::{self, FsError};

/// Block size of an image's digest.
const BLOCK: usize = 64 << 10;
static ZEROES: [u8; BLOCK] = [0; BLOCK];

/// SHA-256 of some bytes, in hex.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// SHA-256 of a file as it is, in hex; a file beyond `limit` bytes is refused.
pub(super) fn of_file(path: &Path, limit: u64) -> Result<String, FsError> {
    Ok(of_bytes(&fs::read_bounded(path, limit)?))
}

/// Digest of a disk image, in hex: SHA-256 over each block of 64 KiB that holds anything but
/// zeroes, preceded by its index (u64, little endian), and at the end the image's size (likewise).
///
/// Holes and zeroes written out are the same image, so copying an image sparsely or not does not
/// change its digest, and 8 GiB of which 250 MB are used cost 250 MB of reading.
pub(super) fn of_image(path: &Path) -> Result<String, FsError> {
    let mut digest = Sha256::new();
    let size = fs::for_each_data_block(path, BLOCK, |index, block| {
        if block != &ZEROES[..block.len()] {
            digest.update(index.to_le_bytes());
            digest.update(block);
        }
    })?;
    digest.update(size.to_le_bytes());
    Ok(hex::encode(digest.finalize()))
}

/// The part of a digest that names files.
pub(super) fn short(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn holes_do_not_count_but_places_and_sizes_do() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str, size: u64, writes: &[(u64, &[u8])]| {
            let path = dir.path().join(name);
            fs::write_new(&path, b"").unwrap();
            let file = fs::open_lock(&path).unwrap();
            file.set_len(size).unwrap();
            for (offset, bytes) in writes {
                file.write_all_at(bytes, *offset).unwrap();
            }
            of_image(&path).unwrap()
        };
        let sparse = make("sparse", 4 << 20, &[(1 << 20, b"data")]);
        assert_eq!(sparse, make("full", 4 << 20, &[(0, &vec![0; 4 << 20]), (1 << 20, b"data")]));
        assert_ne!(sparse, make("moved", 4 << 20, &[(2 << 20, b"data")]));
        assert_ne!(sparse, make("shorter", 3 << 20, &[(1 << 20, b"data")]));
        assert_ne!(sparse, make("odd", (4 << 20) + 1, &[(1 << 20, b"data")]));
    }
}
