//! Copies of sparse files that stay sparse, and executables that are in no directory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Copy `from` to a new file `to`, mode 0600: by reference where the filesystem can, else without its holes.
///
/// # Errors
/// When `to` exists, or either cannot be used.
pub fn copy_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut copy = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    if rustix::fs::ioctl_ficlone(&copy, &source).is_ok() {
        return Ok(());
    }
    let len = source.metadata()?.len();
    copy.set_len(len)?;
    let mut at = 0;
    // Past the last data SEEK_DATA fails with ENXIO: the rest is a hole.
    while let Ok(data) = rustix::fs::seek(&source, rustix::fs::SeekFrom::Data(at)) {
        let end = rustix::fs::seek(&source, rustix::fs::SeekFrom::Hole(data)).unwrap_or(len);
        source.seek(SeekFrom::Start(data))?;
        copy.seek(SeekFrom::Start(data))?;
        io::copy(&mut (&mut source).take(end - data), &mut copy)?;
        at = end;
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
    // Executing a file that somebody has open for writing is refused: it is opened again for reading only.
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
        assert!(
            std::process::Command::new(format!("/proc/self/fd/{}", program.as_raw_fd())).status().unwrap().success()
        );
    }
}
