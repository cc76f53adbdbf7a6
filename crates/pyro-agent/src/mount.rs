//! The mount: a disk, and the world completed around it.

use crate::agent::Agent;
use crate::failure::{failure, from_errno};
use crate::place::Place;
use crate::reaper::Reaper;
use crate::sys;
use crate::tree::Trees;
use crate::world::{self, Waiting, World};
use pyro_protocol::message::{Failure, FailureKind, Mount};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::Duration;

/// How long the last replies may take on their way after the world has ended, before the power
/// goes.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Mount a disk and complete the world around it; once in a guest's life.
pub(crate) async fn mount(agent: &Rc<Agent>, request: &Mount) -> Result<(), Failure> {
    let waiting = match &mut *agent.place.borrow_mut() {
        Place::Host { .. } => return Ok(()),
        place @ Place::Unmounted(_) => match std::mem::replace(place, Place::Mounting) {
            Place::Unmounted(waiting) => waiting,
            _ => None,
        },
        _ => return Err(failure(FailureKind::WrongState, "a disk is mounted already")),
    };
    let built = build(&agent.trees, &agent.reaper, agent.null.as_fd(), waiting, request).await;
    let mut place = agent.place.borrow_mut();
    match built {
        Ok(world) => {
            tokio::task::spawn_local(outlive(Rc::clone(agent), world.init()));
            *place = Place::Mounted(world);
            Ok(())
        }
        Err(failure) => {
            *place = Place::Unmounted(None);
            Err(failure)
        }
    }
}

async fn build(
    trees: &Trees,
    reaper: &Reaper,
    null: BorrowedFd<'_>,
    waiting: Option<Waiting>,
    request: &Mount,
) -> Result<World, Failure> {
    for text in [&request.device, &request.fstype] {
        if text.is_empty() || text.contains('\0') {
            return Err(failure(
                FailureKind::InvalidInput,
                format!("{text:?} is no device and no filesystem"),
            ));
        }
    }
    forget_cached(&request.device).map_err(|err| from_errno(&request.device, err))?;
    let Waiting { world, order, report } = match waiting {
        Some(waiting) => waiting,
        // An earlier mount failed, and its process with it.
        None => {
            let waiting = world::begin(trees, reaper, null)?;
            waiting.until_prepared()?;
            waiting
        }
    };
    let exit = reaper.watch_again(world.init());
    let words = format!("{}\0{}", request.device, request.fstype);
    let ordered = rustix::io::write(&order, words.as_bytes());
    drop(order);
    ordered.map_err(|err| from_errno("cannot reach the new init", err))?;
    if let Err(failure) = world::outcome(report).await {
        exit.wait().await;
        return Err(failure);
    }
    // From here on the agent's children are born in the world's PID namespace.
    move_into_thread_name_spaces(world.pidfd(), ThreadNameSpaceType::PROCESS_ID)
        .map_err(|err| from_errno("cannot enter the PID namespace", err))?;
    Ok(world)
}

/// In a vm that was restored from a template, what the kernel had read of the device is another
/// disk's.
fn forget_cached(device: &str) -> Result<(), Errno> {
    let opened = rustix::fs::open(
        device,
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
        Mode::empty(),
    )?;
    if FileType::from_raw_mode(rustix::fs::fstat(&opened)?.st_mode) != FileType::BlockDevice {
        return Err(Errno::NOTBLK);
    }
    sys::flush_buffers(opened.as_fd())
        .map_err(|err| Errno::from_io_error(&err).unwrap_or(Errno::IO))
}

/// When the world ends by itself, such as by a command's reboot(2), the guest has nothing left to
/// do.
async fn outlive(agent: Rc<Agent>, init: i32) {
    agent.reaper.watch_again(init).wait().await;
    if !matches!(*agent.place.borrow(), Place::Mounted(_)) {
        return;
    }
    *agent.place.borrow_mut() = Place::Gone;
    let told = async {
        while !agent.execs.borrow().is_empty() {
            agent.activity.notified().await;
        }
    };
    let _ = tokio::time::timeout(LAST_WORDS, told).await;
    agent.power_off();
}
