//! Copies of sparse files that stay sparse, and executables that are in no directory.

use pyro_tree::sparse::data_at;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Copy `from` to a new file `to`, mode 0600: by reference where the filesystem can, else without
/// its holes.
///
/// # Errors
/// When `to` exists, or either cannot be used.
pub fn copy_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut copy = create_new(to)?;
    if rustix::fs::ioctl_ficlone(&copy, &source).is_ok() {
        return Ok(());
    }
    let len = source.metadata()?.len();
    copy.set_len(len)?;
    let mut at = 0;
    while let Some((data, end)) = data_before(&source, at, len)? {
        source.seek(SeekFrom::Start(data))?;
        copy.seek(SeekFrom::Start(data))?;
        let copied = io::copy(&mut (&mut source).take(end - data), &mut copy)?;
        // What is left of a file that became shorter must not pass for the whole of it.
        if copied != end - data {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        at = end;
    }
    Ok(())
}

/// As [`copy_new`], but whole or not at all, whatever happens to the host meanwhile.
///
/// # Errors
/// When either cannot be used.
pub fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    let new = to.with_extension("new");
    // What an interrupted copy left.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let moved = copy_new(from, &new)
        .and_then(|()| File::open(&new)?.sync_all())
        .and_then(|()| std::fs::rename(&new, to));
    if let Err(error) = moved {
        // On a full disk what there is of it is in the way of everything else.
        let _ = std::fs::remove_file(&new);
        return Err(error);
    }
    match to.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// Hold `len` bytes of the disk in the file `path`, mode 0600; removing it gives them back.
///
/// # Errors
/// When the disk has no room.
pub fn hold_room(path: &Path, len: u64) -> io::Result<()> {
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, len) {
        // A filesystem that cannot say so.
        Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
        held => Ok(held?),
    }
}

/// Create a new file, mode 0600.
///
/// # Errors
/// When it exists or cannot be made.
pub fn create_new(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// An anonymous file of `len` bytes, all of them a hole.
///
/// # Errors
/// When the kernel has no memory for it.
pub fn in_memory(name: &str, len: u64) -> io::Result<File> {
    let file = File::from(rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC)?);
    file.set_len(len)?;
    Ok(file)
}

/// Copy `from` to a new file `to`, leaving out its holes and every page of zeroes.
///
/// # Errors
/// When `to` exists, or the disk is full.
pub fn copy_used(from: &File, to: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    const PAGE: usize = 4096;
    let copy = create_new(to)?;
    let len = from.metadata()?.len();
    copy.set_len(len)?;
    let mut chunk = vec![0; 256 * PAGE];
    let mut at = 0;
    while let Some((data, end)) = data_before(from, at, len)? {
        at = data;
        while at < end {
            let wanted = chunk.len().min(usize::try_from(end - at).unwrap_or(chunk.len()));
            let count = from.read_at(&mut chunk[..wanted], at)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            write_used(&copy, &chunk[..count], at)?;
            at += count as u64;
        }
    }
    Ok(())
}

/// The next stretch of data at or after `at` in a file of `len` bytes.
fn data_before(file: &File, at: u64, len: u64) -> io::Result<Option<(u64, u64)>> {
    let stretch = if at < len { data_at(file, at)? } else { None };
    Ok(stretch.map(|(data, end)| (data, end.min(len))))
}

/// Write the runs of pages of `chunk` that hold anything, at their places from `at` on.
fn write_used(copy: &File, chunk: &[u8], at: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    const PAGE: usize = 4096;
    let is_used = |page: &[u8]| page.iter().any(|&byte| byte != 0);
    let mut start = None;
    for (index, page) in chunk.chunks(PAGE).enumerate() {
        match (is_used(page), start) {
            (true, None) => start = Some(index * PAGE),
            (false, Some(begin)) => {
                copy.write_all_at(&chunk[begin..index * PAGE], at + begin as u64)?;
                start = None;
            }
            _ => {}
        }
    }
    if let Some(begin) = start {
        copy.write_all_at(&chunk[begin..], at + begin as u64)?;
    }
    Ok(())
}

/// An anonymous file that holds `program` and can be executed through `/proc/self/fd`.
///
/// # Errors
/// When the kernel has no memory for it.
pub fn executable_in_memory(name: &str, program: &[u8]) -> io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut file = File::from(file);
    file.write_all(program)?;
    // Executing a file that somebody has open for writing is refused: it is opened again for
    // reading only.
    use std::os::fd::AsRawFd;
    Ok(File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))?.into())
}

/// Open a log for appending, mode 0600.
///
/// # Errors
/// When it cannot be opened.
pub fn append(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_copy_is_equal_and_stays_sparse() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let mut file = File::create(&from).unwrap();
        file.set_len(64 << 20).unwrap();
        file.seek(SeekFrom::Start(5 << 20)).unwrap();
        file.write_all(b"in the middle").unwrap();
        copy_new(&from, &to).unwrap();
        assert_eq!(std::fs::read(&from).unwrap(), std::fs::read(&to).unwrap());
        assert!(std::fs::metadata(&to).unwrap().blocks() * 512 < 1 << 20);
        assert_eq!(copy_new(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_program_in_memory_runs() {
        use std::os::fd::AsRawFd;
        let program = executable_in_memory("true", &std::fs::read("/bin/true").unwrap()).unwrap();
        let path = format!("/proc/self/fd/{}", program.as_raw_fd());
        // A test beside this one may have forked while the file was open for writing.
        let status = (0..1000).find_map(|_| match std::process::Command::new(&path).status() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::yield_now();
                None
            }
            status => Some(status),
        });
        assert!(status.unwrap().unwrap().success());
    }
}
