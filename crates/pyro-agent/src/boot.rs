//! Boot: what PID 1 does before it can talk.

use crate::{modules, port};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Why there is no channel; the guest ends with it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BootError {
    /// One of the kernel's own filesystems.
    #[error("cannot mount {fstype} on {target}: {source}")]
    Mount { fstype: &'static str, target: &'static str, source: io::Error },
    /// A module of the initramfs.
    #[error(transparent)]
    Module(#[from] modules::ModuleError),
    /// The channel's device.
    #[error(transparent)]
    Port(#[from] port::PortError),
}

/// Mount the kernel's filesystems, load the modules, find and open the channel.
pub(crate) fn channel() -> Result<OwnedFd, BootError> {
    mount_kernel("devtmpfs", "/dev", MountFlags::NOSUID)?;
    mount_kernel("proc", "/proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC)?;
    mount_kernel("sysfs", "/sys", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC)?;
    mount_kernel(
        "cgroup2",
        "/sys/fs/cgroup",
        MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC,
    )?;
    // Each operation has a few descriptors; a refusal leaves the kernel's default, which is enough
    // for hundreds.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(65_536), maximum: Some(1_048_576) });
    loopback();
    // Before the modules, so that no event of theirs is missed.
    let arrivals = port::Arrivals::listen()?;
    modules::load(Path::new("/modules"))?;
    Ok(arrivals.wait()?)
}

fn mount_kernel(
    fstype: &'static str,
    target: &'static str,
    flags: MountFlags,
) -> Result<(), BootError> {
    let wrap = |source| BootError::Mount { fstype, target, source };
    if !Path::new(target).is_dir() {
        std::fs::create_dir_all(target).map_err(wrap)?;
    }
    match mount(fstype, target, fstype, flags, None) {
        // The kernel may have mounted it itself (CONFIG_DEVTMPFS_MOUNT).
        Ok(()) | Err(Errno::BUSY) => Ok(()),
        Err(err) => Err(wrap(err.into())),
    }
}

/// Programs in the guest talk to each other over 127.0.0.1; a kernel without IP has no such
/// programs.
fn loopback() {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    if let Ok(socket) =
        socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
    {
        let _ = crate::sys::loopback_up(socket.as_fd());
    }
}
