//! What processes and files take of the host: memory as its share, disk as blocks.

use super::fs::FsError;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes of memory that a process takes, with its share of what it has in common with others (PSS).
///
/// # Errors
/// When the process is gone, or is not this user's.
pub fn pss_bytes(pid: i32) -> Result<u64, FsError> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let failed = |source| FsError { action: "read", path: (&path).into(), source };
    let text = std::fs::read_to_string(&path).map_err(failed)?;
    let kib = kib_field(&text, "Pss").ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
    Ok(kib * 1024)
}

/// The number of a line such as `Pss:   1234 kB`.
pub(super) fn kib_field(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Bytes of disk that a directory takes with all that it holds: blocks, not lengths, so that holes
/// cost nothing.
///
/// # Errors
/// When something of it cannot be looked at; what disappears meanwhile counts as nothing.
pub fn allocated_bytes(path: &Path) -> Result<u64, FsError> {
    let failed = |source| FsError { action: "look at", path: path.to_owned(), source };
    let meta = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        meta => meta.map_err(failed)?,
    };
    let mut bytes = meta.blocks() * 512;
    if meta.is_dir() {
        for entry in std::fs::read_dir(path).map_err(failed)? {
            bytes += allocated_bytes(&entry.map_err(failed)?.path())?;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_share_of_memory() {
        let bytes = pss_bytes(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!((100_000..1 << 32).contains(&bytes), "{bytes}");
        assert!(pss_bytes(i32::MAX).unwrap_err().is_not_found());
        assert_eq!(kib_field("Rss: 5 kB\nPss_Anon: 7 kB\nPss:     12 kB\n", "Pss"), Some(12));
        assert_eq!(kib_field("Pss: many", "Pss"), None);
    }

    #[test]
    fn holes_take_no_disk() {
        let dir = tempfile::tempdir().unwrap();
        let empty = allocated_bytes(dir.path()).unwrap();
        std::fs::write(dir.path().join("data"), vec![1; 100_000]).unwrap();
        std::fs::File::create(dir.path().join("hole")).unwrap().set_len(1 << 30).unwrap();
        let taken = allocated_bytes(dir.path()).unwrap() - empty;
        assert!((100_000..200_000).contains(&taken), "{taken}");
    }
}
