//! Recover: plans that a crash interrupted are finished, all other stages removed; what resists is
//! set aside.

use super::commit::Swap;
use super::desk::{Stop, failed};
use super::plan::{self, Plan};
use super::root::{Root, durable};
use super::stage::{self, PLAN};
use crate::failure::{failure, from_errno};
use pyro_protocol::files::{Recover, Recovered};
use pyro_protocol::message::{FailureKind, Reply};
use pyro_tree::Names;
use pyro_tree::node;
use rustix::fs::{AtFlags, Mode, RenameFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// Most stages whose fate is told.
const MAX_TOLD: usize = 16;

/// Look through an area.
pub(super) fn recover(root: &Root, request: &Recover) -> Result<Reply, Stop> {
    let path = request.area.as_bytes();
    let mut recovered = Recovered { finished: 0, removed: 0, set_aside: Vec::new() };
    let found = match stage::area(root, &request.area) {
        Err(Stop::Failed(failure)) if failure.kind == FailureKind::NotFound => None,
        found => found?,
    };
    let Some(area) = found else { return Ok(Reply::Recovered(recovered)) };
    let names = Names::of(area.as_fd()).map_err(failed("read", path))?;
    let mut changed = false;
    for name in names.iter().filter(|name| stage::is_name(name)) {
        match mend(root, &area, name) {
            Ok(Mended::Finished) => recovered.finished += 1,
            Ok(Mended::Removed) => recovered.removed += 1,
            Ok(Mended::Gone) => continue,
            Err(Stop::Gone) => return Err(Stop::Gone),
            // One that resists must not keep everybody from the rest of the disk for ever.
            Err(Stop::Failed(why)) => {
                let kept = set_aside(&area, name);
                if recovered.set_aside.len() < MAX_TOLD {
                    recovered.set_aside.push(format!(
                        "{}: {}",
                        String::from_utf8_lossy(&kept),
                        why.message
                    ));
                }
            }
        }
        changed = true;
    }
    if changed {
        durable(&area).map_err(failed("clear", path))?;
    }
    Ok(Reply::Recovered(recovered))
}

/// What became of a stage.
enum Mended {
    Finished,
    Removed,
    /// Its commit has ended, and what was left of it is being removed at this moment.
    Gone,
}

fn mend(root: &Root, area: &OwnedFd, name: &[u8]) -> Result<Mended, Stop> {
    let held = match node::enter(area.as_fd(), name) {
        Err(Errno::NOENT) => return Ok(Mended::Gone),
        opened => opened.map_err(failed("open", name))?,
    };
    let mut mended = Mended::Removed;
    if let Some(plan) = read_plan(&held).map_err(failed("read the plan of", name))? {
        let plan = Plan::decode(&plan).ok_or_else(|| {
            failure(
                FailureKind::Io,
                format!("the plan of {} is damaged", String::from_utf8_lossy(name)),
            )
        })?;
        finish(root, &plan, &held)?;
        mended = Mended::Finished;
    }
    match node::remove(area.as_fd(), name) {
        Ok(()) | Err(Errno::NOENT) => Ok(mended),
        Err(errno) => Err(failed("remove", name)(errno)),
    }
}

/// Give a stage a name that none has, under which nobody meets it again; its name from then on.
fn set_aside(area: &OwnedFd, name: &[u8]) -> Vec<u8> {
    let aside = [b"aside-", name].concat();
    match rustix::fs::renameat_with(area, name, area, aside.as_slice(), RenameFlags::NOREPLACE) {
        Ok(()) => aside,
        Err(_) => name.to_vec(),
    }
}

fn read_plan(held: &OwnedFd) -> Result<Option<Vec<u8>>, Errno> {
    let file = match rustix::fs::openat(held, PLAN, node::CONTENT, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    loop {
        bytes.reserve(64 * 1024);
        let read = rustix::io::retry_on_intr(|| {
            rustix::io::read(&file, rustix::buffer::spare_capacity(&mut bytes))
        })?;
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
            from_errno(
                &format!("cannot finish the interrupted change of {}", planned.step.path),
                errno,
            )
        })?;
    }
    // The same order as in a commit: the plan's name goes last.
    rustix::fs::unlinkat(held, PLAN, AtFlags::empty())
        .and_then(|()| rustix::fs::syncfs(held))
        .map_err(failed("complete", b"the interrupted plan"))
}
