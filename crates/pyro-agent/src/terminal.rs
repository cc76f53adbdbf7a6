//! Terminals: a pseudo-terminal for a command, made where the command runs.

use crate::failure::{failure, from_errno};
use crate::files::Root;
use crate::person::Credentials;
use crate::place::Place;
use pyro_protocol::message::{Failure, FailureKind, TerminalSize};
use rustix::fs::{Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::{Winsize, tcgetpgrp, tcsetwinsize};
use std::os::fd::{AsFd, OwnedFd};

/// What makes a terminal of the guest's own: its path below the root that commands have.
const GUEST_PTMX: &[u8] = b"/dev/pts/ptmx";

/// The same beside the agent.
const HOST_PTMX: &str = "/dev/ptmx";

/// Both ends of a terminal.
pub(crate) struct Terminal {
    /// The agent's; it does not block.
    pub(crate) ours: OwnedFd,
    /// The command's, which belongs to its user.
    pub(crate) theirs: OwnedFd,
}

/// Make a terminal of this size for a command of `user`, in the namespace of terminals that
/// commands see: `/dev/pts` of the world.
pub(crate) fn make(
    place: &Place,
    size: TerminalSize,
    user: Option<&Credentials>,
) -> Result<Terminal, Failure> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = if place.is_guest() {
        Root::of(place)?.open(GUEST_PTMX, flags)
    } else {
        rustix::fs::open(HOST_PTMX, flags, Mode::empty())
    };
    let made = opened.and_then(|ours| {
        // Whatever a command has put in its place is no terminal, and fails here.
        unlockpt(&ours)?;
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        // By its number, not by a path, which a command could lead elsewhere.
        let theirs = ioctl_tiocgptpeer(&ours, flags)?;
        if let Some(user) = user {
            rustix::fs::fchown(&theirs, Some(Uid::from_raw(user.uid)), None)?;
        }
        Ok(Terminal { ours, theirs })
    });
    let terminal = made.map_err(|errno| from_errno("terminal", errno))?;
    resize(&terminal.ours, size)?;
    Ok(terminal)
}

/// Set a terminal's size; its foreground hears of a new one by SIGWINCH.
pub(crate) fn resize(terminal: impl AsFd, size: TerminalSize) -> Result<(), Failure> {
    let TerminalSize { cols, rows } = size;
    if cols == 0 || rows == 0 {
        let message = "a terminal has at least one column and one row";
        return Err(failure(FailureKind::InvalidInput, message));
    }
    let size = Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).map_err(|errno| from_errno("cannot resize the terminal", errno))
}

/// The process group in a terminal's foreground.
pub(crate) fn foreground(terminal: impl AsFd) -> Result<i32, Errno> {
    tcgetpgrp(terminal).map(|group| group.as_raw_nonzero().get())
}
