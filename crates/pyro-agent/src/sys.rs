//! System calls that have no safe wrapper in a crate.

use crate::raw;
use rustix::process::{Pid, PidfdFlags};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// `RNDADDENTROPY` of `linux/random.h`: mix bytes in and credit them.
const RNDADDENTROPY: libc::c_ulong = 0x4008_5203;
/// `RNDRESEEDCRNG` of `linux/random.h`: let the generator draw from what was mixed in, at once.
const RNDRESEEDCRNG: libc::c_ulong = 0x5207;
/// `BLKFLSBUF` of `linux/fs.h`: drop what the kernel has cached of a block device.
const BLKFLSBUF: libc::c_ulong = 0x1261;

/// `FIFREEZE` and `FITHAW` of `linux/fs.h`.
const FIFREEZE: libc::c_ulong = 0xc004_5877;
const FITHAW: libc::c_ulong = 0xc004_5878;

/// Largest number of bytes that one hello can mix in.
pub(crate) const MAX_ENTROPY_LEN: usize = 512;

/// Microseconds of the monotonic clock.
pub(crate) fn monotonic_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let since = Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    );
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Mix `bytes` into the kernel's random generator and credit all of their bits.
pub(crate) fn add_entropy(random: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
    #[repr(C)]
    struct PoolInfo {
        entropy_count: libc::c_int,
        buf_size: libc::c_int,
        buf: [u8; MAX_ENTROPY_LEN],
    }
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let mut info = PoolInfo { entropy_count: 0, buf_size: 0, buf: [0; MAX_ENTROPY_LEN] };
    info.buf.get_mut(..bytes.len()).ok_or_else(invalid)?.copy_from_slice(bytes);
    info.buf_size = i32::try_from(bytes.len()).map_err(|_| invalid())?;
    info.entropy_count = info.buf_size * 8;
    // SAFETY: the kernel reads the two counts and `buf_size` bytes of `buf`, which the structure
    // holds.
    checked(unsafe { libc::ioctl(random.as_raw_fd(), RNDADDENTROPY as _, &raw const info) })
}

/// Reseed the kernel's random generator from its input pool now, instead of at its next turn.
pub(crate) fn reseed(random: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the request takes no argument.
    checked(unsafe { libc::ioctl(random.as_raw_fd(), RNDRESEEDCRNG as _, 0) })
}

/// Drop what the kernel has cached of a block device.
pub(crate) fn flush_buffers(device: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the request takes no argument.
    checked(unsafe { libc::ioctl(device.as_raw_fd(), BLKFLSBUF as _, 0) })
}

/// Write out a filesystem and hold all further writes to it.
pub(crate) fn freeze(dir: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the kernel does not read the argument.
    checked(unsafe { libc::ioctl(dir.as_raw_fd(), FIFREEZE as _, 0) })
}

/// Let writes to a frozen filesystem go on.
pub(crate) fn thaw(dir: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the kernel does not read the argument.
    checked(unsafe { libc::ioctl(dir.as_raw_fd(), FITHAW as _, 0) })
}

/// Bring the loopback interface up.
pub(crate) fn loopback_up(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: an all-zero `ifreq` is a valid one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the kernel reads one `ifreq`, which outlives the call.
    checked(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) })
}

/// What `clone` gives to each side.
pub(crate) enum Cloned {
    /// In the new process.
    Child,
    /// In the caller.
    Parent {
        /// The child, as the caller sees it.
        pid: i32,
        /// Its pidfd.
        pidfd: OwnedFd,
    },
}

/// `fork` that may start the child in a cgroup and in new namespaces (`CLONE_NEW*`).
///
/// # Safety
/// The caller must have one thread only, and the child must end in `execve` or `_exit`, never
/// return to the runtime.
pub(crate) unsafe fn clone_process(
    flags: libc::c_int,
    cgroup: Option<BorrowedFd<'_>>,
) -> io::Result<Cloned> {
    /// Wider than `c_int`, so `libc` has it in another type on each target.
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    let mut pidfd: libc::c_int = -1;
    // SAFETY: an all-zero `clone_args` is a valid one.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = u64::from(flags.cast_unsigned()) | u64::from(libc::CLONE_PIDFD.cast_unsigned());
    args.pidfd = (&raw mut pidfd) as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    if let Some(cgroup) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = u64::from(cgroup.as_raw_fd().cast_unsigned());
    }
    // SAFETY: no memory is shared with the child (no CLONE_VM), so both sides go on with their own
    // copy of this stack; `args` and `pidfd` outlive the call.
    let pid =
        unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) };
    match i32::try_from(pid) {
        Ok(0) => Ok(Cloned::Child),
        Ok(pid) if pid > 0 => {
            // SAFETY: the kernel has just made this descriptor and nobody else owns it.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Cloned::Parent { pid, pidfd })
        }
        _ => Err(io::Error::last_os_error()),
    }
}

/// Bytes of stack for a child between its clone and its program.
const CHILD_STACK_LEN: usize = 64 * 1024;

/// A stack for [`clone_borrowing`].
pub(crate) struct ChildStack(Vec<u128>);

impl ChildStack {
    /// One that is aligned as the processor wants it.
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(CHILD_STACK_LEN / size_of::<u128>()))
    }
}

/// Start a child that borrows this process's memory and runs `entry(argument)` on `stack`, while
/// this process goes on: nothing is copied, no page is written twice. Its handlers of signals are
/// gone, its signals are blocked.
///
/// # Safety
/// `entry` never returns and only reads what outlives it; `stack` lives until the child has
/// executed a program or ended.
pub(crate) unsafe fn clone_borrowing(
    cgroup: Option<BorrowedFd<'_>>,
    stack: &mut ChildStack,
    entry: unsafe extern "C" fn(usize) -> !,
    argument: usize,
) -> io::Result<i32> {
    /// Wider than `c_int`, so `libc` has them in other types on each target.
    const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    // SAFETY: an all-zero `clone_args` is a valid one.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = u64::from(libc::CLONE_VM.cast_unsigned()) | CLONE_CLEAR_SIGHAND;
    args.exit_signal = libc::SIGCHLD as u64;
    args.stack = stack.0.as_mut_ptr() as u64;
    args.stack_size = CHILD_STACK_LEN as u64;
    if let Some(cgroup) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = u64::from(cgroup.as_raw_fd().cast_unsigned());
    }
    let all = [u64::MAX];
    let mut before = [0u64];
    let set = number(libc::SIG_SETMASK);
    // SAFETY: masks of eight bytes that live here; the child unblocks its signals itself. The clone
    // is as the caller promises.
    let answer = unsafe {
        raw::call(
            libc::SYS_rt_sigprocmask,
            [set, all.as_ptr() as usize, before.as_mut_ptr() as usize, 8, 0],
        );
        let answer = raw::clone_onto_stack(&args, entry, argument);
        raw::call(libc::SYS_rt_sigprocmask, [set, before.as_ptr() as usize, 0, 8, 0]);
        answer
    };
    match i32::try_from(answer) {
        Ok(pid) if pid > 0 => Ok(pid),
        Ok(errno) => Err(io::Error::from_raw_os_error(-errno)),
        Err(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn number(small: libc::c_int) -> usize {
    small as isize as usize
}

/// Take ownership of a descriptor that the caller of this program has passed down.
pub(crate) fn inherited(fd: i32) -> io::Result<OwnedFd> {
    // SAFETY: only asks for the flags of a number; an unused one gives EBADF.
    checked(unsafe { libc::fcntl(fd, libc::F_GETFD) })?;
    // SAFETY: it is open, and by the contract of `--fd` it belongs to this program from here on.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Let the runtime say when a descriptor is ready.
pub(crate) fn ready_when<Fd: AsFd + AsRawFd>(
    fd: Fd,
    interest: Interest,
) -> io::Result<AsyncFd<Fd>> {
    // SAFETY: `AsFd` promises that the descriptor stays open for as long as `fd` lives, which the
    // result owns.
    Ok(unsafe { AsyncFd::register_with_interest(fd, interest) }?)
}

/// Send `signal` to a process, or with a negative `pid` to a process group.
pub(crate) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: takes numbers only.
    checked(unsafe { libc::kill(pid, signal) })
}

/// A process, as what is readable once it has ended.
pub(crate) fn pidfd(pid: i32) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// Let the kernel reap this process's children, and sleep for ever: all that the init of a PID
/// namespace has to do.
pub(crate) fn reap_for_ever() -> ! {
    // SAFETY: sets a disposition that needs no handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    loop {
        // SAFETY: takes nothing.
        unsafe { libc::pause() };
    }
}

/// End this process without running the runtime's exit handlers; for a clone.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: takes a number and does not return.
    unsafe { libc::_exit(code) }
}
