//! Write and mkdir: a file made whole or not at all, and directories, both durable.

use super::desk::{Desk, Stop, failed};
use super::root::{Root, durable};
use crate::failure::failure;
use pyro_protocol::files::{Mkdir, Write};
use pyro_protocol::message::{FailureKind, Reply};
use pyro_protocol::tree::{Batch, Kind, Meta};
use pyro_tree::node;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// Permission bits of a new file.
const NEW_MODE: u32 = 0o644;

/// Numbers the temporary files of this agent's life.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Replace or make a file.
pub(super) fn write(root: &Root, request: &Write, desk: &mut Desk) -> Result<Reply, Stop> {
    let path = request.path.as_bytes();
    check_mode(request.mode.unwrap_or(0))?;
    let (dir, name) = root.parent(&request.path, request.create_parents)?;
    let old = node::find(dir.as_fd(), name).map_err(failed("write", path))?;
    if let Some(old) = old.filter(|old| old.kind != Kind::File) {
        let text =
            format!("{} is a {}, not a file", String::from_utf8_lossy(path), old.kind.name());
        return Err(failure(FailureKind::Unsupported, text).into());
    }
    let (file, mut temporary) = create(dir.as_fd()).map_err(failed("write", path))?;
    let written = fill(&file, request, old.as_ref(), desk).and_then(|()| {
        let placed = named(dir.as_fd(), &file, &mut temporary)
            .and_then(|temporary| rustix::fs::renameat(&dir, temporary, &dir, name));
        placed.map_err(failed("write", path))
    });
    if written.is_err()
        && let Some(temporary) = &temporary
    {
        let _ = rustix::fs::unlinkat(&dir, temporary, AtFlags::empty());
    }
    written?;
    durable(&dir).map_err(failed("write", path))?;
    let meta = node::meta(&rustix::fs::fstat(&file).map_err(failed("write", path))?);
    let mut batch = Batch::default();
    batch.entry(b"", &meta, b"");
    desk.send(batch)?;
    Ok(Reply::Done)
}

/// A file beside the one that it becomes, without a name where the filesystem can: then nothing
/// stays of one that a crash cuts off while its content comes.
fn create(dir: BorrowedFd<'_>) -> Result<(OwnedFd, Option<String>), Errno> {
    let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
    match rustix::fs::openat(dir, ".", flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok((file, None)),
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => create_named(dir),
        Err(errno) => Err(errno),
    }
}

/// The name of a file that is whole; one without gets one, for the moment until it replaces what it
/// is for.
fn named<'a>(
    dir: BorrowedFd<'_>,
    file: &OwnedFd,
    temporary: &'a mut Option<String>,
) -> Result<&'a str, Errno> {
    if temporary.is_none() {
        loop {
            let name = temporary_name();
            match rustix::fs::linkat(file, "", dir, &name, AtFlags::EMPTY_PATH) {
                Err(Errno::EXIST) => {}
                // Without the right to do it so.
                Err(Errno::NOENT) => {
                    use std::os::fd::AsRawFd;
                    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
                    rustix::fs::linkat(rustix::fs::CWD, open, dir, &name, AtFlags::SYMLINK_FOLLOW)?;
                    *temporary = Some(name);
                    break;
                }
                linked => {
                    linked?;
                    *temporary = Some(name);
                    break;
                }
            }
        }
    }
    temporary.as_deref().ok_or(Errno::NOENT)
}

fn temporary_name() -> String {
    format!(".pyro-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn create_named(dir: BorrowedFd<'_>) -> Result<(OwnedFd, Option<String>), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    loop {
        let name = temporary_name();
        match rustix::fs::openat(dir, &name, flags, Mode::RUSR | Mode::WUSR) {
            // Of an earlier life that was cut off.
            Err(Errno::EXIST) => {}
            opened => return Ok((opened?, Some(name))),
        }
    }
}

fn fill(file: &OwnedFd, request: &Write, old: Option<&Meta>, desk: &mut Desk) -> Result<(), Stop> {
    let path = request.path.as_bytes();
    let mut left = request.size;
    while let Some(payload) = desk.next()? {
        let wrong = || {
            failure(
                FailureKind::InvalidInput,
                format!("more than the {} bytes announced", request.size),
            )
        };
        left = left.checked_sub(payload.len() as u64).ok_or_else(wrong)?;
        let mut rest = payload.as_slice();
        while !rest.is_empty() {
            match rustix::io::write(file, rest) {
                Ok(len) => rest = &rest[len..],
                Err(Errno::INTR) => {}
                Err(errno) => return Err(failed("write", path)(errno)),
            }
        }
    }
    if left > 0 {
        let text = format!("{left} of the {} bytes announced did not come", request.size);
        return Err(failure(FailureKind::InvalidInput, text).into());
    }
    let complete = || {
        if let Some(old) = old {
            let now = node::meta(&rustix::fs::fstat(file)?);
            if (now.uid, now.gid) != (old.uid, old.gid) {
                rustix::fs::fchown(
                    file,
                    Some(Uid::from_raw(old.uid)),
                    Some(Gid::from_raw(old.gid)),
                )?;
            }
        }
        let mode = request.mode.or(old.map(|old| old.mode)).unwrap_or(NEW_MODE);
        rustix::fs::fchmod(file, Mode::from_raw_mode(mode))?;
        rustix::fs::fsync(file)
    };
    complete().map_err(failed("write", path))
}

/// Make a directory.
pub(super) fn mkdir(root: &Root, request: &Mkdir) -> Result<Reply, Stop> {
    let path = request.path.as_bytes();
    check_mode(request.mode)?;
    if path == b"/" && request.parents {
        return Ok(Reply::Done);
    }
    let (dir, name) = root.parent(&request.path, request.parents)?;
    match rustix::fs::mkdirat(&dir, name, Mode::from_raw_mode(0o700)) {
        Ok(()) => {
            let made = node::enter(dir.as_fd(), name)
                .and_then(|made| rustix::fs::fchmod(&made, Mode::from_raw_mode(request.mode)));
            made.and_then(|()| durable(&dir)).map_err(failed("make", path))?;
        }
        Err(Errno::EXIST) if request.parents => {
            let flags = OFlags::PATH | OFlags::DIRECTORY;
            root.open(path, flags).map_err(failed("make", path))?;
        }
        Err(errno) => return Err(failed("make", path)(errno)),
    }
    Ok(Reply::Done)
}

fn check_mode(mode: u32) -> Result<(), Stop> {
    if mode <= 0o7777 {
        Ok(())
    } else {
        Err(failure(FailureKind::InvalidInput, format!("{mode:o} is no mode")).into())
    }
}
