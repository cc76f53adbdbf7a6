//! The guardian: a second process that ends what the agent leaves running when it is killed; for a
//! plain process only.

use crate::child;
use crate::descendants::Marks;
use crate::sys::{self, Cloned};
use rustix::pipe::{PipeFlags, pipe_with};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Held by the agent, and by nobody else, for as long as it lives.
pub(crate) struct Guardian {
    _alive: OwnedFd,
}

/// Start the guardian. It must be done before anything else holds a descriptor that tells of the
/// agent's end.
pub(crate) fn start(marks: &Marks, null: BorrowedFd<'_>) -> io::Result<Guardian> {
    let (ends, alive) = pipe_with(PipeFlags::CLOEXEC)?;
    // SAFETY: the agent has one thread, and the child ends in `guard`.
    match unsafe { sys::clone_process(0, None) }? {
        Cloned::Child => guard(marks, null, ends.as_fd()),
        Cloned::Parent { .. } => Ok(Guardian { _alive: alive }),
    }
}

/// In the clone: wait for the other end of the pipe to close, which no end of the agent can
/// prevent.
fn guard(marks: &Marks, null: BorrowedFd<'_>, ends: BorrowedFd<'_>) -> ! {
    // SAFETY: this process is a fresh clone that uses nothing of what it inherits but the pipe.
    // Holding on to the channel would hide the agent's end from the host.
    let [ends] = unsafe { child::keep_only(null, [ends]) };
    // A terminal's interrupt is for the agent.
    let _ = rustix::process::setsid();
    let mut byte = [0];
    while rustix::io::read(&ends, &mut byte) == Err(rustix::io::Errno::INTR) {}
    marks.kill_everything();
    sys::exit_now(0)
}
