//! The child: what runs between the clone and the new program. Only plain system calls, no
//! allocation.

use crate::launch::Launch;
use crate::person::Credentials;
use crate::raw::call;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

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
    /// Becoming another user.
    User = 4,
}

/// What the child needs. It has descriptors of its own, so the numbers stay good when the agent
/// closes its copies.
pub(crate) struct Orders {
    /// What to become.
    pub(crate) launch: Launch,
    /// Its stdin, stdout and stderr; each is above 2.
    pub(crate) standard: [RawFd; 3],
    /// Where it reports its process id, and what failed.
    pub(crate) report: RawFd,
    /// A process of the world to enter.
    pub(crate) world: Option<RawFd>,
    /// The agent.
    pub(crate) parent: libc::pid_t,
}

/// Become the command. The report is the child's pid in its own namespace (`i32`), then, only when
/// something failed, a [`Stage`] and an `errno`; the pipe closes by itself when the program starts.
///
/// The child borrows the agent's memory while the agent goes on: it only reads its orders and
/// writes its own stack.
///
/// # Safety
/// `orders` is the address of an [`Orders`] that lives until the report closes; only as the entry
/// of a clone.
pub(crate) unsafe extern "C" fn become_command(orders: usize) -> ! {
    // SAFETY: by the contract of this function.
    let orders = unsafe { &*(orders as *const Orders) };
    let Orders { launch, report, .. } = orders;
    let report = *report;
    // SAFETY: this process is a fresh clone with descriptors, signals and limits of its own.
    unsafe { reset(orders) };
    if let Some(world) = orders.world {
        let flags = libc::CLONE_NEWNS | libc::CLONE_NEWCGROUP;
        // SAFETY: takes numbers only; what it changes is not shared (no CLONE_FS), as `setns`
        // requires.
        check(report, Stage::World, unsafe {
            call(libc::SYS_setns, [number(world), number(flags), 0, 0, 0])
        });
    }
    if let Some(user) = &launch.user {
        become_user(report, user);
    }
    // SAFETY: `cwd` is NUL-terminated.
    check(report, Stage::Directory, unsafe {
        call(libc::SYS_chdir, [launch.cwd.as_ptr() as usize, 0, 0, 0, 0])
    });
    // SAFETY: takes nothing.
    tell(report, &[errno(unsafe { call(libc::SYS_getpid, [0; 5]) })]);
    fail(report, Stage::Program, execute(launch))
}

/// Give up being root. The raw calls change this process alone; the C library's would have every
/// thread of the agent do the same. The last one takes every capability away, and the memory that
/// is still the agent's out of the user's reach: the kernel lets nobody but root trace a process
/// whose user has changed until it has executed a program.
fn become_user(report: RawFd, user: &Credentials) {
    let Credentials { groups, gid, uid, .. } = user;
    let (gid, uid) = (*gid as usize, *uid as usize);
    // SAFETY: the array is as long as is said; the others take numbers only.
    unsafe {
        check(
            report,
            Stage::User,
            call(libc::SYS_setgroups, [groups.len(), groups.as_ptr() as usize, 0, 0, 0]),
        );
        check(report, Stage::User, call(libc::SYS_setresgid, [gid, gid, gid, 0, 0]));
        check(report, Stage::User, call(libc::SYS_setresuid, [uid, uid, uid, 0, 0]));
    }
}

/// Undo what a child inherits from the agent.
///
/// # Safety
/// As for [`become_command`].
unsafe fn reset(Orders { launch, standard, parent, .. }: &Orders) {
    // All zero: the default handler, no flags, no mask; and as a mask: nothing blocked.
    let zero = [0u64; 4];
    let zero = zero.as_ptr() as usize;
    // SAFETY: plain system calls on numbers and on structures that live here or in the orders;
    // signals are unblocked only after no handler is left that would run on shared memory.
    unsafe {
        // The kernel has put back every handler (CLONE_CLEAR_SIGHAND); what was ignored still is.
        for signal in if launch.beside_the_agent {
            1..=64
        } else {
            libc::SIGPIPE as usize..=libc::SIGPIPE as usize
        } {
            call(libc::SYS_rt_sigaction, [signal, zero, 0, 8, 0]);
        }
        call(libc::SYS_rt_sigprocmask, [number(libc::SIG_SETMASK), zero, 0, 8, 0]);
        call(libc::SYS_setsid, [0; 5]);
        if launch.beside_the_agent {
            call(libc::SYS_prctl, [number(libc::PR_SET_PDEATHSIG), number(libc::SIGKILL), 0, 0, 0]);
            if errno(call(libc::SYS_getppid, [0; 5])) != *parent {
                exit(1);
            }
        } else {
            call(libc::SYS_umask, [0o022, 0, 0, 0, 0]);
        }
        for (target, source) in (0..).zip(standard) {
            call(libc::SYS_dup2, [number(*source), target, 0, 0, 0]);
        }
        if launch.on_terminal {
            // It leads a new session, and nobody has the new terminal: this cannot fail.
            call(libc::SYS_ioctl, [0, libc::TIOCSCTTY as usize, 0, 0, 0]);
        }
        // Everything is opened close-on-exec already; this holds for what a library may have
        // forgotten.
        call(
            libc::SYS_close_range,
            [3, u32::MAX as usize, libc::CLOSE_RANGE_CLOEXEC as usize, 0, 0],
        );
        let limit = (&raw const launch.nofile) as usize;
        call(libc::SYS_prlimit64, [0, libc::RLIMIT_NOFILE as usize, limit, 0, 0]);
    }
}

/// Try each file; the error that says most when none can be executed.
fn execute(launch: &Launch) -> i32 {
    let mut worst = libc::ENOENT;
    let run = |file: *const libc::c_char, arguments: *const *const libc::c_char| {
        let arguments =
            [file as usize, arguments as usize, launch.variables.as_ptr() as usize, 0, 0];
        // SAFETY: the file is NUL-terminated, both arrays end with null, and all of them live in
        // `launch`.
        -errno(unsafe { call(libc::SYS_execve, arguments) })
    };
    for candidate in &launch.candidates {
        match run(candidate.file.as_ptr(), launch.arguments.as_ptr()) {
            libc::ENOENT | libc::ENOTDIR => {}
            // Found but not executable: a later directory may have one that is.
            libc::EACCES => worst = libc::EACCES,
            libc::ENOEXEC => {
                run(c"/bin/sh".as_ptr(), candidate.as_script.as_ptr());
                return libc::ENOEXEC;
            }
            other => return other,
        }
    }
    worst
}

/// A small number, sign and all, as a register holds it.
fn number(small: i32) -> usize {
    small as isize as usize
}

/// The kernel's answer where it fits 32 bits: a descriptor, a pid, a negative `errno`.
fn errno(answer: isize) -> i32 {
    answer as i32
}

fn check(report: RawFd, stage: Stage, answer: isize) {
    if answer < 0 {
        fail(report, stage, -errno(answer));
    }
}

fn fail(report: RawFd, stage: Stage, errno: i32) -> ! {
    if stage != Stage::Program {
        tell(report, &[0]);
    }
    tell(report, &[stage as i32, errno]);
    exit(127)
}

fn tell(report: RawFd, numbers: &[i32]) {
    // SAFETY: the slice is as long as is said; a report that cannot be written is seen by its
    // length.
    unsafe {
        call(
            libc::SYS_write,
            [number(report), numbers.as_ptr() as usize, size_of_val(numbers), 0, 0],
        )
    };
}

fn exit(code: usize) -> ! {
    loop {
        // SAFETY: takes a number and does not return.
        unsafe { call(libc::SYS_exit_group, [code, 0, 0, 0, 0]) };
    }
}

/// In a clone that becomes no command: keep the standard descriptors, pointed at `null`, and
/// `kept`, which are returned.
///
/// # Safety
/// Only in a process that was just cloned and shares no memory with its parent, and nothing else in
/// this process may use a descriptor any more.
pub(crate) unsafe fn keep_only<const N: usize>(
    null: BorrowedFd<'_>,
    kept: [BorrowedFd<'_>; N],
) -> [OwnedFd; N] {
    // SAFETY: by the contract; the descriptors that are returned have just been made and have no
    // other owner. The first copies go above every number in use, so that none is overwritten
    // before it was copied.
    unsafe {
        for standard in 0..3 {
            libc::dup2(null.as_raw_fd(), standard);
        }
        let above = kept.map(|fd| libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD, 1000));
        let mut target = 2;
        let fds = above.map(|fd| {
            target += 1;
            libc::dup2(fd, target);
            target
        });
        libc::syscall(libc::SYS_close_range, target + 1, libc::c_uint::MAX, 0);
        fds.map(|fd| OwnedFd::from_raw_fd(fd))
    }
}
