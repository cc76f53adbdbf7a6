//! One node: what the kernel knows of it, looked at and opened by its name in an open directory.

use crate::names::Names;
use pyro_protocol::tree::{Kind, Meta, Time};
use rustix::fs::{AtFlags, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How directories are opened on the way: never through a link.
pub const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// How files are opened for reading: never through a link, and a pipe that takes a file's place
/// does not hold us.
pub const CONTENT: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// What `stat` found.
#[must_use]
pub fn meta(stat: &Stat) -> Meta {
    let word = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let positive = |value: i64| u64::try_from(value).unwrap_or(0);
    let time = |seconds: i64, nanoseconds: u64| Time {
        seconds,
        nanoseconds: word(nanoseconds).min(999_999_999),
    };
    Meta {
        kind: Kind::from_mode(stat.st_mode),
        errno: 0,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        nlink: word(stat.st_nlink),
        size: positive(stat.st_size),
        blocks: positive(stat.st_blocks),
        ino: stat.st_ino,
        mtime: time(stat.st_mtime, stat.st_mtime_nsec),
        ctime: time(stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// Look at `name`, never through a link.
///
/// # Errors
/// The kernel's answer.
pub fn look(dir: BorrowedFd<'_>, name: &[u8]) -> Result<Meta, Errno> {
    rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| meta(&stat))
}

/// Look at `name`; `None` where nothing is.
///
/// # Errors
/// The kernel's answer, other than that nothing is there.
pub fn find(dir: BorrowedFd<'_>, name: &[u8]) -> Result<Option<Meta>, Errno> {
    match look(dir, name) {
        Err(Errno::NOENT) => Ok(None),
        looked => looked.map(Some),
    }
}

/// The target of the link `name`.
///
/// # Errors
/// The kernel's answer.
pub fn target(dir: BorrowedFd<'_>, name: &[u8]) -> Result<Vec<u8>, Errno> {
    rustix::fs::readlinkat(dir, name, Vec::new()).map(std::ffi::CString::into_bytes)
}

/// Open the directory `name`.
///
/// # Errors
/// The kernel's answer.
pub fn enter(dir: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(dir, name, DIRECTORY, Mode::empty())
}

/// Open the node behind an `O_PATH` descriptor anew.
///
/// # Errors
/// The kernel's answer.
pub fn reopen(node: impl AsFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    use std::os::fd::AsRawFd;
    let path = format!("/proc/self/fd/{}", node.as_fd().as_raw_fd());
    rustix::fs::open(path, flags - OFlags::NOFOLLOW, Mode::empty())
}

/// Set the permission bits of the node behind an `O_PATH` descriptor, which is no link.
///
/// # Errors
/// The kernel's answer.
pub fn chmod(node: impl AsFd, mode: u32) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    rustix::fs::chmod(
        format!("/proc/self/fd/{}", node.as_fd().as_raw_fd()),
        Mode::from_raw_mode(mode),
    )
}

/// Times that set the last change of the content and leave the last access.
#[must_use]
pub fn modified(time: Time) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: time.seconds, tv_nsec: i64::from(time.nanoseconds) },
    }
}

/// A bounded error number as records carry it.
#[must_use]
pub fn number(errno: Errno) -> u16 {
    u16::try_from(errno.raw_os_error()).unwrap_or(u16::MAX)
}

/// About how many names of a directory are held while it is emptied: there may be more than memory
/// has room for.
const BATCH: usize = 64 * 1024;

/// Remove a node with all that it holds; what is not there is fine. Links are removed, not
/// followed.
///
/// # Errors
/// The first failure; what can be removed is.
pub fn remove(dir: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    remove_by(dir, name, BATCH)
}

fn remove_by(dir: BorrowedFd<'_>, name: &[u8], batch: usize) -> Result<(), Errno> {
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(errno) => return Err(errno),
    }
    let mut first = Ok(());
    let top = match open_for_removal(dir, name) {
        // Somebody else is removing it too.
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    let mut stack = vec![(top, name.to_vec())];
    let mut todo = vec![Names::part(stack[0].0.as_fd(), batch)?];
    while let (Some((held, _)), Some(names)) = (stack.last(), todo.last_mut()) {
        if names.is_empty() && names.has_more() {
            *names = Names::part(held.as_fd(), batch)?;
        }
        if let Some(child) = names.pop() {
            match rustix::fs::unlinkat(held, &child, AtFlags::empty()) {
                Err(Errno::ISDIR | Errno::PERM) => match open_for_removal(held.as_fd(), &child) {
                    Ok(opened) => {
                        todo.push(Names::part(opened.as_fd(), batch)?);
                        stack.push((opened, child));
                    }
                    Err(Errno::NOENT) => {}
                    Err(errno) => first = first.and(Err(errno)),
                },
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => first = first.and(Err(errno)),
            }
            continue;
        }
        todo.pop();
        let (_, emptied) = stack.pop().unwrap_or_else(|| unreachable!("the loop holds one"));
        let above = stack.last().map_or(dir, |(held, _)| held.as_fd());
        match rustix::fs::unlinkat(above, &emptied, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => first = first.and(Err(errno)),
        }
    }
    first
}

/// A directory without rights for its owner is given them first: it is about to go.
fn open_for_removal(dir: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let opened = enter(dir, name).or_else(|errno| {
        if errno != Errno::ACCESS {
            return Err(errno);
        }
        rustix::fs::chmodat(dir, name, Mode::RWXU, AtFlags::empty())?;
        enter(dir, name)
    })?;
    let rights = Mode::from_raw_mode(rustix::fs::fstat(&opened)?.st_mode);
    if !rights.contains(Mode::RWXU) {
        let _ = rustix::fs::fchmod(&opened, Mode::RWXU);
    }
    Ok(opened)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test makes files")]
mod tests {
    use super::*;
    use rustix::fs::CWD;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_directory_is_removed_in_parts() {
        const COUNT: usize = 4000;
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        for number in 0..COUNT {
            let path = tree.join(format!("{number:0100}"));
            match number % 100 {
                0 => std::fs::create_dir_all(path.join("deep/er")).unwrap(),
                _ => std::fs::write(path, "").unwrap(),
            }
        }
        let held = enter(CWD, tree.as_os_str().as_bytes()).unwrap();
        let mut parts = Vec::new();
        loop {
            match Names::part(held.as_fd(), 1).unwrap().iter().count() {
                0 => break,
                count => parts.push(count),
            }
        }
        assert_eq!((parts.iter().sum::<usize>(), parts.len() > 2), (COUNT, true), "{parts:?}");
        remove_by(CWD, tree.as_os_str().as_bytes(), 1).unwrap();
        assert!(!tree.exists());
    }
}
