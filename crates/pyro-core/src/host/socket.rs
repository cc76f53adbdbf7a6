//! Unix sockets that are named relative to an open directory, so that no path is too long for one.

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::fs::Permissions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Listen on `name` in `directory`, for processes of this user; the caller removes the name when
/// done.
///
/// # Errors
/// When the directory cannot be opened or the name is taken.
pub fn listen(directory: &Path, name: &str) -> io::Result<std::os::unix::net::UnixListener> {
    with_short_path(directory, name, |path| {
        let listener = std::os::unix::net::UnixListener::bind(&path)?;
        // The directory may be one that others enter.
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(listener)
    })
}

/// Connect to `name` in `directory`.
///
/// # Errors
/// When there is no such socket, or nobody listens.
pub fn connect(directory: &Path, name: &str) -> io::Result<std::os::unix::net::UnixStream> {
    with_short_path(directory, name, std::os::unix::net::UnixStream::connect)
}

/// Whether somebody listens on `name` in `directory`; never waits for them.
#[must_use]
pub fn is_attended(directory: &Path, name: &str) -> bool {
    let connected = with_short_path(directory, name, |path| -> io::Result<()> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        Ok(rustix::net::connect(&socket, &SocketAddrUnix::new(&path)?)?)
    });
    match connected {
        Ok(()) => true,
        // As many wait for it as may.
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

/// Take over a connected socket that this process inherited as descriptor `number`.
///
/// # Errors
/// When there is no such descriptor, or it is not a socket.
pub fn inherited(number: i32) -> io::Result<std::os::unix::net::UnixStream> {
    use std::os::fd::FromRawFd;
    // SAFETY: only asks the kernel about the number.
    if number < 3 || unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the descriptor is open (asked just now), and by agreement with our starter nobody
    // else in this process owns it: this is called once, first thing.
    let stream = unsafe { std::os::unix::net::UnixStream::from_raw_fd(number) };
    stream.local_addr()?;
    Ok(stream)
}

/// A socket address holds 107 bytes; a path through the directory's descriptor always fits.
fn with_short_path<T>(
    directory: &Path,
    name: &str,
    act: impl FnOnce(PathBuf) -> io::Result<T>,
) -> io::Result<T> {
    let handle = std::fs::File::open(directory)?;
    act(PathBuf::from(format!("/proc/self/fd/{}/{name}", handle.as_raw_fd())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_directory_is_no_obstacle() {
        let home = tempfile::tempdir().unwrap();
        let deep = home.path().join("d".repeat(200));
        std::fs::create_dir(&deep).unwrap();
        let listener = listen(&deep, "a.sock").unwrap();
        assert_eq!(
            std::fs::metadata(deep.join("a.sock")).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let _client = connect(&deep, "a.sock").unwrap();
        listener.accept().unwrap();
        assert!(is_attended(&deep, "a.sock"));
        drop(listener);
        assert!(!is_attended(&deep, "a.sock"));
    }
}
