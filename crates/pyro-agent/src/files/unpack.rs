//! Unpack: a tree made from a stream, in an empty directory or in a stage.

use super::desk::{Desk, Stop, failed};
use super::root::Root;
use super::stage;
use crate::failure::failure;
use pyro_protocol::GuestPath;
use pyro_protocol::files::{Into, Stage, Unpack};
use pyro_protocol::message::{FailureKind, Reply};
use pyro_protocol::tree::Records;
use pyro_tree::{Placer, Placing, node, place};
use rustix::fs::Mode;
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Make a tree.
pub(super) fn unpack(root: &Root, request: &Unpack, desk: &mut Desk) -> Result<Reply, Stop> {
    match &request.into {
        Into::Empty(path) => into_empty(root, path, request.owners, desk),
        Into::Stage(stage) => into_stage(root, stage, request.owners, desk),
    }
}

fn into_empty(root: &Root, path: &GuestPath, owners: bool, desk: &mut Desk) -> Result<Reply, Stop> {
    let (parent, name) = root.parent(path, false)?;
    let made = match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(errno) => return Err(failed("make", path.as_bytes())(errno)),
    };
    let dir = node::enter(parent.as_fd(), name).map_err(failed("open", path.as_bytes()))?;
    if !made && !is_empty(dir.as_fd()).map_err(failed("read", path.as_bytes()))? {
        let text = format!("{} is not empty", String::from_utf8_lossy(path.as_bytes()));
        return Err(failure(FailureKind::Exists, text).into());
    }
    let inside = dir.try_clone().map_err(|err| crate::failure::from_io("descriptor", &err))?;
    let placed = fill(inside, owners, desk)
        .and_then(|()| rustix::fs::syncfs(&dir).map_err(failed("make durable", path.as_bytes())));
    if placed.is_err() {
        // What cannot be removed is beside the point that is reported.
        let _ = empty(dir.as_fd());
        if made {
            let _ = node::remove(parent.as_fd(), name);
        }
    }
    placed.map(|()| Reply::Done)
}

fn into_stage(root: &Root, request: &Stage, owners: bool, desk: &mut Desk) -> Result<Reply, Stop> {
    let area = stage::make_area(root, &request.area)?;
    let dir = stage::make(&area, request)?;
    let placed = stage::subdirectory(&dir, stage::TREE)
        .map_err(failed("make", stage::TREE.as_bytes()))
        .and_then(|tree| fill(tree, owners, desk))
        .and_then(|()| match stage::is_discarded(request) {
            // All of it was on its way when its host died.
            true => Err(failure(FailureKind::WrongState, "its host has let go of it").into()),
            false => Ok(()),
        });
    if placed.is_err() {
        let _ = node::remove(area.as_fd(), stage::name(request).as_bytes());
    }
    placed.map(|()| Reply::Done)
}

fn fill(dir: OwnedFd, owners: bool, desk: &mut Desk) -> Result<(), Stop> {
    let umask = place::umask();
    let placing = Placing {
        owners,
        special_bits: true,
        keep_going: false,
        umask,
        max_entries: u64::MAX,
        max_bytes: u64::MAX,
    };
    let mut placer = Placer::into_directory(dir, placing);
    while let Some(payload) = desk.next()? {
        for record in Records::new(&payload) {
            placer.put(&record?)?;
        }
    }
    placer.finish()?;
    Ok(())
}

fn is_empty(dir: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(pyro_tree::Names::of(dir)?.is_empty())
}

fn empty(dir: BorrowedFd<'_>) -> Result<(), Errno> {
    for name in pyro_tree::Names::of(dir)?.iter() {
        node::remove(dir, name)?;
    }
    Ok(())
}
