//! The world: the mount and PID namespaces that a guest's commands live in, held by their first process.

use crate::agent::{Agent, Place};
use crate::child;
use crate::failure::{failure, from_errno, from_io};
use crate::root::{self, RootError};
use crate::sys::{self, Cloned};
use crate::tree::Trees;
use pyro_protocol::message::{Failure, FailureKind, Mount};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Interest;

/// Longest report of the first process, in bytes.
const MAX_REPORT_LEN: usize = 4096;

/// How long the last replies may take on their way after the world has ended, before the power goes.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The namespaces, for as long as their first process lives.
pub(crate) struct World {
    init: i32,
    pidfd: OwnedFd,
}

impl World {
    /// Its first process, as the agent sees it.
    pub(crate) fn init(&self) -> i32 {
        self.init
    }

    /// The same, to enter the world by.
    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// End it, and with it everything that runs there.
    pub(crate) fn kill(&self) {
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, rustix::process::Signal::KILL);
    }
}

/// A world whose first process waits for its disk.
pub(crate) struct Waiting {
    world: World,
    /// To the first process: what to mount.
    order: OwnedFd,
    /// From it: how that went.
    report: OwnedFd,
}

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
    let built = build(agent, waiting, request).await;
    let mut place = agent.place.borrow_mut();
    match built {
        Ok(world) => {
            tokio::task::spawn_local(outlive(Rc::clone(agent), world.init));
            *place = Place::Mounted(world);
            Ok(())
        }
        Err(failure) => {
            *place = Place::Unmounted(None);
            Err(failure)
        }
    }
}

/// Begin a world: its first process prepares all that needs no disk, and waits for one.
pub(crate) fn begin(agent: &Agent) -> Result<Waiting, Failure> {
    let Trees::Cgroups(cgroups) = &agent.trees else {
        return Err(failure(FailureKind::WrongState, "this agent has no guest to mount a disk in"));
    };
    let cgroup = cgroups.root().map_err(|err| from_io("cgroup", &err))?;
    let (report, their_report) = pipe_with(PipeFlags::CLOEXEC).map_err(|err| from_errno("pipe", err))?;
    let (their_order, order) = pipe_with(PipeFlags::CLOEXEC).map_err(|err| from_errno("pipe", err))?;
    // SAFETY: the agent has one thread, and the child ends in `first_process`.
    let cloned = unsafe { sys::clone_process(libc::CLONE_NEWPID, Some(cgroup.as_fd())) };
    match cloned.map_err(|err| from_io("cannot start a process", &err))? {
        Cloned::Child => first_process(agent.null.as_fd(), their_order.as_fd(), their_report.as_fd()),
        Cloned::Parent { pid, pidfd } => {
            agent.reaper.watch(pid);
            Ok(Waiting { world: World { init: pid, pidfd }, order, report })
        }
    }
}

impl Waiting {
    /// Wait until the first process has prepared all that needs no disk; a template is worth taking only then.
    pub(crate) fn until_prepared(&self) -> Result<(), Failure> {
        let mut ready = [0; 1];
        match rustix::io::read(&self.report, &mut ready) {
            Ok(1) => Ok(()),
            _ => Err(failure(FailureKind::Io, "the new init process ended before it was ready")),
        }
    }
}

async fn build(agent: &Agent, waiting: Option<Waiting>, request: &Mount) -> Result<World, Failure> {
    for text in [&request.device, &request.fstype] {
        if text.is_empty() || text.contains('\0') {
            return Err(failure(FailureKind::InvalidInput, format!("{text:?} is no device and no filesystem")));
        }
    }
    forget_cached(&request.device).map_err(|err| from_errno(&request.device, err))?;
    let Waiting { world, order, report } = match waiting {
        Some(waiting) => waiting,
        // An earlier mount failed, and its process with it.
        None => {
            let waiting = begin(agent)?;
            waiting.until_prepared()?;
            waiting
        }
    };
    let exit = agent.reaper.watch_again(world.init);
    let words = format!("{}\0{}", request.device, request.fstype);
    let ordered = rustix::io::write(&order, words.as_bytes());
    drop(order);
    ordered.map_err(|err| from_errno("cannot reach the new init", err))?;
    if let Err(failure) = outcome(report).await {
        exit.wait().await;
        return Err(failure);
    }
    // From here on the agent's children are born in the world's PID namespace.
    move_into_thread_name_spaces(world.pidfd(), ThreadNameSpaceType::PROCESS_ID)
        .map_err(|err| from_errno("cannot enter the PID namespace", err))?;
    Ok(world)
}

/// In a vm that was restored from a template, what the kernel had read of the device is another disk's.
fn forget_cached(device: &str) -> Result<(), Errno> {
    let opened = rustix::fs::open(device, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?;
    if FileType::from_raw_mode(rustix::fs::fstat(&opened)?.st_mode) != FileType::BlockDevice {
        return Err(Errno::NOTBLK);
    }
    sys::flush_buffers(opened.as_fd()).map_err(|err| Errno::from_io_error(&err).unwrap_or(Errno::IO))
}

/// In the clone: prepare, wait for the order, complete the root, say how that went, and be the init of what comes:
/// orphans end up here.
fn first_process(null: BorrowedFd<'_>, order: BorrowedFd<'_>, report: BorrowedFd<'_>) -> ! {
    // When memory is full, this process must not be the one that is killed: all others would end with it.
    let _ = std::fs::write("/proc/self/oom_score_adj", "-1000");
    // SAFETY: this process is a fresh clone that uses nothing of what it inherits but these two.
    let [order, report] = unsafe { child::keep_only(null, [order, report]) };
    let built = root::prepare().and_then(|prepared| {
        let _ = rustix::io::write(&report, &[0]);
        let words = read_order(&order)?;
        let (device, fstype) = words.split_once('\0').unwrap_or_default();
        prepared.complete(device, fstype)
    });
    drop(order);
    let text = match &built {
        Ok(()) => vec![0; 4],
        Err(RootError { what, errno }) => [&errno.raw_os_error().to_ne_bytes(), what.as_bytes()].concat(),
    };
    let _ = rustix::io::write(&report, &text[..text.len().min(MAX_REPORT_LEN)]);
    drop(report);
    if built.is_err() {
        sys::exit_now(1);
    }
    sys::reap_for_ever()
}

/// What to mount; written by the agent as one piece that fits a pipe's page.
fn read_order(order: &OwnedFd) -> Result<String, RootError> {
    let mut words = vec![0; MAX_REPORT_LEN];
    match rustix::io::read(order, &mut words) {
        Ok(len @ 1..) => Ok(String::from_utf8_lossy(&words[..len]).into_owned()),
        // The agent is gone.
        Ok(0) => sys::exit_now(0),
        Err(errno) => Err(RootError { what: "order".to_owned(), errno }),
    }
}

/// What the first process said.
async fn outcome(report: OwnedFd) -> Result<(), Failure> {
    let text = read_all(report).await.map_err(|err| from_io("the new init's report", &err))?;
    match text.split_first_chunk::<4>() {
        Some(([0, 0, 0, 0], [])) => Ok(()),
        Some((errno, what)) => {
            Err(from_errno(&String::from_utf8_lossy(what), Errno::from_raw_os_error(i32::from_ne_bytes(*errno))))
        }
        None => Err(failure(FailureKind::Io, "the new init process ended while it built the root")),
    }
}

async fn read_all(pipe: OwnedFd) -> io::Result<Vec<u8>> {
    rustix::fs::fcntl_setfl(&pipe, OFlags::NONBLOCK)?;
    let pipe = sys::ready_when(pipe, Interest::READABLE)?;
    let mut text = vec![0; MAX_REPORT_LEN];
    let mut len = 0;
    while len < text.len() {
        match pipe.async_io(Interest::READABLE, |fd| Ok(rustix::io::read(fd, &mut text[len..])?)).await? {
            0 => break,
            read => len += read,
        }
    }
    text.truncate(len);
    Ok(text)
}

/// When the world ends by itself, such as by a command's reboot(2), the guest has nothing left to do.
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
