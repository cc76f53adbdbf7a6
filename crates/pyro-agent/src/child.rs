//! The child: what runs between the clone and the new program. Only plain system calls, no allocation.

use crate::launch::Launch;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Descriptors that the child takes over; each is above 2.
pub(crate) struct Descriptors<'fd> {
    /// Its stdin, stdout and stderr.
    pub(crate) standard: [BorrowedFd<'fd>; 3],
    /// Where it reports its process id, and what failed.
    pub(crate) report: BorrowedFd<'fd>,
    /// A process of the world to enter.
    pub(crate) world: Option<BorrowedFd<'fd>>,
}

/// What the child was doing when it failed, as it stands in its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Stage {
    /// Entering the world.
    World = 1,
    /// Changing to the working directory.
    Directory = 2,
    /// Executing the program.
    Program = 3,
}

/// Become the command. The report is the child's pid in its own namespace (`i32`), then, only when something failed, a
/// [`Stage`] and an `errno`; the pipe closes by itself when the program starts.
///
/// # Safety
/// Only in a process that was just cloned and shares no memory with its parent.
pub(crate) unsafe fn become_command(launch: &Launch, descriptors: &Descriptors<'_>, parent: libc::pid_t) -> ! {
    let report = descriptors.report.as_raw_fd();
    // SAFETY: this process is a fresh clone, by the contract of this function.
    unsafe { reset(launch, descriptors, parent) };
    if let Some(world) = descriptors.world {
        // SAFETY: takes numbers only; the process has one thread and shares nothing, as `setns` requires.
        if unsafe { libc::setns(world.as_raw_fd(), libc::CLONE_NEWNS | libc::CLONE_NEWCGROUP) } != 0 {
            fail(report, Stage::World, last_errno());
        }
    }
    // SAFETY: `cwd` is NUL-terminated.
    if unsafe { libc::chdir(launch.cwd.as_ptr()) } != 0 {
        fail(report, Stage::Directory, last_errno());
    }
    // SAFETY: takes nothing.
    tell(report, &[unsafe { libc::getpid() }]);
    fail(report, Stage::Program, execute(launch))
}

/// Undo what a child inherits from the agent.
///
/// # Safety
/// As for [`become_command`].
unsafe fn reset(launch: &Launch, descriptors: &Descriptors<'_>, parent: libc::pid_t) {
    // SAFETY: plain system calls on numbers and on structures of this frame; handlers are set to the default one only.
    unsafe {
        // All zero: the default handler, no flags, no mask. The C library's own function leaves two signals out.
        let default = [0u64; 4];
        for signal in 1..=64 {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null::<u64>(), 8);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::setsid();
        if launch.beside_the_agent {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::getppid() != parent {
                libc::_exit(1);
            }
        } else {
            libc::umask(0o022);
        }
        for (target, source) in (0..).zip(descriptors.standard) {
            libc::dup2(source.as_raw_fd(), target);
        }
        // Everything is opened close-on-exec already; this holds for what a library may have forgotten.
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const launch.nofile);
    }
}

/// Try each file; the error that says most when none can be executed.
fn execute(launch: &Launch) -> i32 {
    let mut worst = libc::ENOENT;
    for candidate in &launch.candidates {
        // SAFETY: the file is NUL-terminated, both arrays end with null, and all of them live in `launch`.
        unsafe { libc::execve(candidate.file.as_ptr(), launch.arguments.as_ptr(), launch.variables.as_ptr()) };
        match last_errno() {
            libc::ENOENT | libc::ENOTDIR => {}
            // Found but not executable: a later directory may have one that is.
            libc::EACCES => worst = libc::EACCES,
            libc::ENOEXEC => {
                // SAFETY: as above.
                unsafe {
                    libc::execve(c"/bin/sh".as_ptr(), candidate.as_script.as_ptr(), launch.variables.as_ptr());
                }
                return libc::ENOEXEC;
            }
            other => return other,
        }
    }
    worst
}

fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

fn fail(report: RawFd, stage: Stage, errno: i32) -> ! {
    if stage != Stage::Program {
        tell(report, &[0]);
    }
    tell(report, &[stage as i32, errno]);
    crate::sys::exit_now(127)
}

fn tell(report: RawFd, numbers: &[i32]) {
    // SAFETY: the slice is as long as is said; a report that cannot be written is seen by its length.
    unsafe { libc::write(report, numbers.as_ptr().cast(), size_of_val(numbers)) };
}

/// In a clone that becomes no command: keep the standard descriptors, pointed at `null`, and `kept`, which is returned.
///
/// # Safety
/// As for [`become_command`], and nothing else in this process may use a descriptor any more.
pub(crate) unsafe fn keep_only(null: BorrowedFd<'_>, kept: BorrowedFd<'_>) -> OwnedFd {
    // SAFETY: by the contract; the descriptor that is returned has just been made and has no other owner.
    unsafe {
        for standard in 0..3 {
            libc::dup2(null.as_raw_fd(), standard);
        }
        libc::dup2(kept.as_raw_fd(), 3);
        libc::syscall(libc::SYS_close_range, 4, libc::c_uint::MAX, 0);
        OwnedFd::from_raw_fd(3)
    }
}
