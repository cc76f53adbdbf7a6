//! Where a sparse file holds data.

use rustix::fs::SeekFrom;
use rustix::io::Errno;
use std::os::fd::AsFd;

/// The next stretch of data at or after `at`, from its first byte to the one after its last; `None`
/// when only a hole follows. Moves the file's offset.
///
/// # Errors
/// When the file cannot be read.
pub fn data_at(file: impl AsFd, at: u64) -> Result<Option<(u64, u64)>, Errno> {
    let start = match rustix::fs::seek(&file, SeekFrom::Data(at)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),
        // A filesystem that knows no holes has none.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some((at, u64::MAX))),
        Err(errno) => return Err(errno),
    };
    let end = rustix::fs::seek(&file, SeekFrom::Hole(start))?;
    Ok(Some((start, end)))
}
