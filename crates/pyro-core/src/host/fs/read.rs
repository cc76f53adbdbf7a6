//! Files opened, and read up to a bound.

use super::error::{FsError, at};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Open a file for reading.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path) -> Result<File, FsError> {
    File::open(path).map_err(at("open", path))
}

/// Open an existing file for reading and writing.
///
/// # Errors
/// [`FsError`].
pub fn open_to_write(path: &Path) -> Result<File, FsError> {
    let opened = File::options().read(true).write(true).open(path);
    opened.map_err(|source| FsError { action: "open", path: path.to_owned(), source })
}

/// Create or open a file for a lock: never truncated, readable by this user only.
///
/// # Errors
/// When it cannot be opened.
pub fn open_lock(path: &Path) -> Result<File, FsError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(at("open", path))
}

/// Read a whole file of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read or is longer.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, FsError> {
    read_to_bound(open(path)?, limit).map_err(at("read", path))
}

/// As [`read_bounded`], what this process reads on its stdin.
///
/// # Errors
/// As [`read_bounded`].
pub fn read_stdin_bounded(limit: u64) -> Result<Vec<u8>, FsError> {
    read_to_bound(io::stdin().lock(), limit).map_err(at("read", Path::new("standard input")))
}

/// Read all of it, at most `limit` bytes.
///
/// # Errors
/// When it cannot be read or is longer.
pub(in crate::host) fn read_to_bound(from: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes")))
        }
        false => Ok(bytes),
    }
}

/// Hand every stretch of a file that is not a hole to `each`, in blocks of `block` bytes aligned to
/// it (the last may be shorter), with the block's index.
///
/// # Errors
/// When the file cannot be read.
pub fn for_each_data_block(
    path: &Path,
    block: usize,
    mut each: impl FnMut(u64, &[u8]),
) -> Result<u64, FsError> {
    let read = at("read", path);
    let mut file = open(path)?;
    let size = file.metadata().map_err(&read)?.len();
    let step = block as u64;
    let mut buffer = vec![0; block];
    let mut index = 0;
    while index * step < size {
        let stretch =
            pyro_tree::sparse::data_at(&file, index * step).map_err(|errno| read(errno.into()))?;
        let Some((start, _)) = stretch else { break };
        index = start / step;
        file.seek(SeekFrom::Start(index * step)).map_err(&read)?;
        let wanted = usize::try_from(step.min(size - index * step)).unwrap_or(block);
        file.read_exact(&mut buffer[..wanted]).map_err(&read)?;
        each(index, &buffer[..wanted]);
        index += 1;
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_longer_than_its_bound_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long");
        std::fs::write(&path, b"1234").unwrap();
        let error = read_bounded(&path, 3).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), format!("cannot read {}", path.display()));
    }

    #[test]
    fn data_blocks_leave_holes_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sparse");
        let file = File::create(&path).unwrap();
        file.set_len(10 << 20).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"x", 5 << 20).unwrap();
        let mut seen = Vec::new();
        let size =
            for_each_data_block(&path, 64 << 10, |index, block| seen.push((index, block[0])))
                .unwrap();
        assert_eq!((size, seen.len() < 10), (10 << 20, true), "{seen:?}");
        assert!(seen.contains(&(80, b'x')), "{seen:?}");
    }
}
