//! The world: the mount and PID namespaces that a guest's commands live in, held by their first
//! process.

use crate::child;
use crate::failure::{failure, from_errno, from_io};
use crate::reaper::Reaper;
use crate::root::{self, RootError};
use crate::sys::{self, Cloned};
use crate::tree::Trees;
use pyro_protocol::message::{Failure, FailureKind};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;

/// Longest report of the first process, in bytes.
const MAX_REPORT_LEN: usize = 4096;

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
    pub(crate) world: World,
    /// To the first process: what to mount.
    pub(crate) order: OwnedFd,
    /// From it: how that went.
    pub(crate) report: OwnedFd,
}

/// Begin a world: its first process prepares all that needs no disk, and waits for one.
pub(crate) fn begin(
    trees: &Trees,
    reaper: &Reaper,
    null: BorrowedFd<'_>,
) -> Result<Waiting, Failure> {
    let Trees::Cgroups(cgroups) = trees else {
        return Err(failure(FailureKind::WrongState, "this agent has no guest to mount a disk in"));
    };
    let cgroup = cgroups.root().map_err(|err| from_io("cgroup", &err))?;
    let (report, their_report) =
        pipe_with(PipeFlags::CLOEXEC).map_err(|err| from_errno("pipe", err))?;
    let (their_order, order) =
        pipe_with(PipeFlags::CLOEXEC).map_err(|err| from_errno("pipe", err))?;
    // SAFETY: the agent has one thread, and the child ends in `first_process`.
    let cloned = unsafe { sys::clone_process(libc::CLONE_NEWPID, Some(cgroup.as_fd())) };
    match cloned.map_err(|err| from_io("cannot start a process", &err))? {
        Cloned::Child => first_process(null, their_order.as_fd(), their_report.as_fd()),
        Cloned::Parent { pid, pidfd } => {
            reaper.watch(pid);
            Ok(Waiting { world: World { init: pid, pidfd }, order, report })
        }
    }
}

impl Waiting {
    /// Wait until the first process has prepared all that needs no disk; a template is worth taking
    /// only then.
    pub(crate) fn until_prepared(&self) -> Result<(), Failure> {
        let mut ready = [0; 1];
        match rustix::io::read(&self.report, &mut ready) {
            Ok(1) => Ok(()),
            _ => Err(failure(FailureKind::Io, "the new init process ended before it was ready")),
        }
    }
}

/// In the clone: prepare, wait for the order, complete the root, say how that went, and be the init
/// of what comes: orphans end up here.
fn first_process(null: BorrowedFd<'_>, order: BorrowedFd<'_>, report: BorrowedFd<'_>) -> ! {
    // When memory is full, this process must not be the one that is killed: all others would end
    // with it.
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
        Err(RootError { what, errno }) => {
            [&errno.raw_os_error().to_ne_bytes(), what.as_bytes()].concat()
        }
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
pub(crate) async fn outcome(report: OwnedFd) -> Result<(), Failure> {
    let text = read_all(report).await.map_err(|err| from_io("the new init's report", &err))?;
    match text.split_first_chunk::<4>() {
        Some(([0, 0, 0, 0], [])) => Ok(()),
        Some((errno, what)) => Err(from_errno(
            &String::from_utf8_lossy(what),
            Errno::from_raw_os_error(i32::from_ne_bytes(*errno)),
        )),
        None => Err(failure(FailureKind::Io, "the new init process ended while it built the root")),
    }
}

async fn read_all(pipe: OwnedFd) -> io::Result<Vec<u8>> {
    rustix::fs::fcntl_setfl(&pipe, OFlags::NONBLOCK)?;
    let pipe = sys::ready_when(pipe, Interest::READABLE)?;
    let mut text = vec![0; MAX_REPORT_LEN];
    let mut len = 0;
    while len < text.len() {
        match pipe
            .async_io(Interest::READABLE, |fd| Ok(rustix::io::read(fd, &mut text[len..])?))
            .await?
        {
            0 => break,
            read => len += read,
        }
    }
    text.truncate(len);
    Ok(text)
}
