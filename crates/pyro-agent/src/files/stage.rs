//! Stages: directories that hold what is not in force yet, and the names in them.

use super::desk::{Stop, failed};
use super::root::Root;
use pyro_protocol::GuestPath;
use pyro_protocol::files::Stage;
use pyro_tree::node;
use rustix::fs::Mode;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

/// What is to be put, at the paths where it belongs.
pub(super) const TREE: &str = "tree";
/// What was deleted, until it is known that all of the plan is done.
pub(super) const GONE: &str = "gone";
/// The plan; while it is there, it is in force.
pub(super) const PLAN: &str = "plan";
/// The plan before it is in force.
pub(super) const PLAN_DRAFT: &str = "plan.new";

/// Stages that their hosts have let go of; the newest, which is more than can be under way at once.
static DISCARDED: Mutex<VecDeque<Stage>> = Mutex::new(VecDeque::new());

/// How many of them are remembered.
const MAX_DISCARDED: usize = 1024;

/// Nobody will commit a stage any more: whatever still fills it removes it.
pub(super) fn discard(stage: &Stage) {
    let mut discarded = DISCARDED.lock().unwrap_or_else(PoisonError::into_inner);
    discarded.truncate(MAX_DISCARDED - 1);
    discarded.push_front(stage.clone());
}

/// Whether nobody will commit a stage any more.
pub(super) fn is_discarded(stage: &Stage) -> bool {
    DISCARDED.lock().unwrap_or_else(PoisonError::into_inner).contains(stage)
}

/// Name of a stage in its area.
pub(super) fn name(stage: &Stage) -> String {
    stage.name()
}

/// Whether a name in an area is a stage's.
pub(super) fn is_name(name: &[u8]) -> bool {
    name.strip_prefix(b"stage-")
        .is_some_and(|id| id.len() == 16 && id.iter().all(u8::is_ascii_hexdigit))
}

/// Open an area; `None` when there is none.
pub(super) fn area(root: &Root, path: &GuestPath) -> Result<Option<OwnedFd>, Stop> {
    let (parent, name) = root.parent(path, false)?;
    match node::enter(parent.as_fd(), name) {
        Err(Errno::NOENT) => Ok(None),
        opened => opened.map(Some).map_err(failed("open", path.as_bytes())),
    }
}

/// Open an area, made readable by its owner only when it is missing.
pub(super) fn make_area(root: &Root, path: &GuestPath) -> Result<OwnedFd, Stop> {
    if let Some(area) = area(root, path)? {
        return Ok(area);
    }
    let (parent, name) = root.parent(path, false)?;
    match rustix::fs::mkdirat(&parent, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(failed("make", path.as_bytes())(errno)),
    }
    node::enter(parent.as_fd(), name).map_err(failed("open", path.as_bytes()))
}

/// Make a new stage.
pub(super) fn make(area: &OwnedFd, stage: &Stage) -> Result<OwnedFd, Stop> {
    let name = name(stage);
    rustix::fs::mkdirat(area, &name, Mode::RWXU)
        .and_then(|()| node::enter(area.as_fd(), name.as_bytes()))
        .map_err(failed("make", name.as_bytes()))
}

/// Make a directory in a stage, or open the one that is there.
pub(super) fn subdirectory(stage: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    match rustix::fs::mkdirat(stage, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => node::enter(stage.as_fd(), name.as_bytes()),
        Err(errno) => Err(errno),
    }
}
