//! Recover: plans that a crash interrupted are finished, all other stages removed.

use super::commit::Swap;
use super::desk::Stop;
use super::failed;
use super::plan::{self, Plan};
use super::root::{Root, durable};
use super::stage::{self, PLAN};
use crate::failure::{failure, from_errno};
use pyro_protocol::files::{Recover, Recovered};
use pyro_protocol::message::{FailureKind, Reply};
use pyro_tree::node;
use pyro_tree::walk::Names;
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// Look through an area.
pub(super) fn recover(root: &Root, request: &Recover) -> Result<Reply, Stop> {
    let path = request.area.as_bytes();
    let mut recovered = Recovered { finished: 0, removed: 0 };
    let found = match stage::area(root, &request.area) {
        Err(Stop::Failed(failure)) if failure.kind == FailureKind::NotFound => None,
        found => found?,
    };
    let Some(area) = found else { return Ok(Reply::Recovered(recovered)) };
    let names = Names::of(area.as_fd()).map_err(failed("read", path))?;
    for name in names.iter().filter(|name| stage::is_name(name)) {
        let held = match node::enter(area.as_fd(), name) {
            // Its commit has ended, and what was left of it is being removed at this moment.
            Err(Errno::NOENT) => continue,
            opened => opened.map_err(failed("open", name))?,
        };
        if let Some(plan) = read_plan(&held).map_err(failed("read the plan of", name))? {
            let plan = Plan::decode(&plan).ok_or_else(|| {
                failure(FailureKind::Io, format!("the plan of {} is damaged", String::from_utf8_lossy(name)))
            })?;
            finish(root, &plan, &held)?;
            recovered.finished += 1;
        } else {
            recovered.removed += 1;
        }
        match node::remove(area.as_fd(), name) {
            Err(Errno::NOENT) => {}
            removed => removed.map_err(failed("remove", name))?,
        }
    }
    if recovered.finished + recovered.removed > 0 {
        durable(&area).map_err(failed("clear", path))?;
    }
    Ok(Reply::Recovered(recovered))
}

fn read_plan(held: &OwnedFd) -> Result<Option<Vec<u8>>, Errno> {
    let file = match rustix::fs::openat(held, PLAN, node::CONTENT, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    loop {
        bytes.reserve(64 * 1024);
        let read = rustix::io::retry_on_intr(|| rustix::io::read(&file, rustix::buffer::spare_capacity(&mut bytes)))?;
        if read == 0 {
            return Ok(Some(bytes));
        }
        if bytes.len() > plan::MAX_LEN {
            return Err(Errno::FBIG);
        }
    }
}

fn finish(root: &Root, plan: &Plan, held: &OwnedFd) -> Result<(), Stop> {
    let tree = root.directory(&plan.root)?;
    let mut swap = Swap::new(tree, held).map_err(failed("open", b"the stage"))?;
    for (index, planned) in plan.steps.iter().enumerate() {
        swap.again(index, planned).map_err(|errno| {
            from_errno(&format!("cannot finish the interrupted change of {}", planned.step.path), errno)
        })?;
    }
    // The same order as in a commit: the plan's name goes last.
    rustix::fs::unlinkat(held, PLAN, AtFlags::empty())
        .and_then(|()| rustix::fs::syncfs(held))
        .map_err(failed("complete", b"the interrupted plan"))
}
