//! The root: building the file system that commands see, from inside the new world's first process.

use crate::identity::{BOOT_ID, HOSTNAME, MACHINE_ID};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_change, mount_move, move_mount,
    open_tree,
};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Directory of the initramfs that the disk is first mounted on.
pub(crate) const DISK: &str = "/disk";
/// Directory of the initramfs that holds the identity's files.
pub(crate) const NAMES: &str = "/identity";
/// Longest `/etc/hosts` that is kept up to date.
const MAX_HOSTS_LEN: u64 = 1024 * 1024;
/// Ends the one line of `/etc/hosts` that is ours.
const HOSTS_MARK: &str = "# pyro";

/// A step that failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RootError {
    /// What was being done.
    pub(crate) what: String,
    /// Why it failed.
    pub(crate) errno: Errno,
}

fn step(what: impl Into<String>) -> impl FnOnce(Errno) -> RootError {
    move |errno| RootError { what: what.into(), errno }
}

/// Mount `device` and make it this process's root, with all that programs expect around it.
pub(crate) fn build(device: &str, fstype: &str) -> Result<(), RootError> {
    // SAFETY: the file descriptor table stays shared with nobody, and this process has one thread.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS | UnshareFlags::NEWCGROUP) }.map_err(step("new namespaces"))?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(step("private mounts"))?;
    let options = options(fstype);
    mount(device, DISK, fstype, MountFlags::NOATIME, options.as_deref())
        .map_err(step(format!("cannot mount {device} as {fstype}")))?;
    // Taken before the root changes, placed after it: links on the disk are then resolved below the disk's own root.
    let names = Names::take().map_err(step("identity"))?;
    rustix::process::chdir(DISK).map_err(step(DISK))?;
    // The initramfs cannot be left with pivot_root(2); the disk covers it instead.
    mount_move(".", "/").map_err(step("cannot move the disk to /"))?;
    rustix::process::chroot(".").map_err(step("cannot change the root"))?;
    rustix::process::chdir("/").map_err(step("/"))?;
    mount_kernel().map_err(|(target, errno)| RootError { what: format!("cannot mount {target}"), errno })?;
    complete_dev();
    names.place().map_err(step("cannot give the guest its names"))?;
    update_hosts();
    Ok(())
}

/// `discard` lets the host free what the guest deletes. Zeroing unused inode tables in the background would fill the vm's
/// layer with writes that nobody needs.
fn options(fstype: &str) -> Option<CString> {
    (fstype == "ext4").then(|| c"discard,noinit_itable".to_owned())
}

/// A file system of the kernel's: type, where, flags, options, whether the guest can do without it.
type KernelMount = (&'static str, &'static str, MountFlags, Option<&'static CStr>, bool);

fn mount_kernel() -> Result<(), (&'static str, Errno)> {
    let plain = MountFlags::NOSUID | MountFlags::NODEV;
    let strict = plain | MountFlags::NOEXEC;
    let list: [KernelMount; 9] = [
        ("proc", "/proc", strict, None, false),
        ("sysfs", "/sys", strict, None, false),
        ("cgroup2", "/sys/fs/cgroup", strict, None, false),
        ("devtmpfs", "/dev", MountFlags::NOSUID, Some(c"mode=0755"), false),
        (
            "devpts",
            "/dev/pts",
            MountFlags::NOSUID | MountFlags::NOEXEC,
            Some(c"newinstance,gid=5,mode=0620,ptmxmode=0666"),
            false,
        ),
        ("tmpfs", "/dev/shm", plain, Some(c"mode=1777"), false),
        ("mqueue", "/dev/mqueue", strict, None, true),
        ("tmpfs", "/run", plain, Some(c"mode=0755"), false),
        ("tmpfs", "/run/lock", strict, Some(c"mode=1777,size=5m"), true),
    ];
    for (fstype, target, flags, data, optional) in list {
        let made = make_directory(target, 0o755).and_then(|()| mount(fstype, target, fstype, flags, data));
        if let (Err(errno), false) = (made, optional) {
            return Err((target, errno));
        }
    }
    Ok(())
}

fn make_directory(path: &str, mode: u32) -> Result<(), Errno> {
    match rustix::fs::mkdir(path, Mode::from_raw_mode(mode)) {
        Ok(()) => rustix::fs::chmod(path, Mode::from_raw_mode(mode)),
        Err(Errno::EXIST) => Ok(()),
        Err(err) => Err(err),
    }
}

/// What programs expect beside the nodes that the kernel makes. A disk may have a `/tmp` of its own, or none that works.
fn complete_dev() {
    for (target, link) in [
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("/proc/self/fd/1", "/dev/stdout"),
        ("/proc/self/fd/2", "/dev/stderr"),
    ] {
        let _ = rustix::fs::symlink(target, link);
    }
    let _ = make_directory("/tmp", 0o1777);
}

/// The identity's files, on their way into the new root.
struct Names {
    trees: Vec<(OwnedFd, &'static str)>,
}

impl Names {
    fn take() -> Result<Self, Errno> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let places = [
            (MACHINE_ID, "/etc/machine-id"),
            (HOSTNAME, "/etc/hostname"),
            (BOOT_ID, "/proc/sys/kernel/random/boot_id"),
        ];
        let take = |(name, target)| Ok((open_tree(CWD, format!("{NAMES}/{name}"), flags)?, target));
        Ok(Self { trees: places.into_iter().map(take).collect::<Result<_, Errno>>()? })
    }

    /// Bound, not written: they belong to this vm, not to its disk, which others may start from.
    fn place(self) -> Result<(), Errno> {
        make_directory("/etc", 0o755)?;
        for (tree, target) in self.trees {
            if target.starts_with("/etc/") {
                // Something must be there to be covered; empty is what images ship.
                let flags = OFlags::CREATE | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
                rustix::fs::open(target, flags, Mode::from_raw_mode(0o644))?;
            }
            move_mount(tree.as_fd(), "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
        }
        Ok(())
    }
}

/// Make the guest's own name resolve. What cannot be read or written is left as it is: a disk may be anything.
fn update_hosts() {
    let path = Path::new("/etc/hosts");
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let small = std::fs::metadata(path).map_or(true, |meta| meta.is_file() && meta.len() <= MAX_HOSTS_LEN);
    let old = std::fs::read_to_string(path);
    if !small || old.as_ref().is_err_and(|err| err.kind() != std::io::ErrorKind::NotFound) {
        return;
    }
    let old = old.unwrap_or_default();
    let new = hosts(&old, &name);
    if new != old {
        let _ = std::fs::write(path, new);
    }
}

fn hosts(old: &str, name: &str) -> String {
    let old =
        if old.trim().is_empty() { "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n" } else { old };
    let mut new: String =
        old.lines().filter(|line| !line.ends_with(HOSTS_MARK)).flat_map(|line| [line, "\n"]).collect();
    new.push_str(&format!("127.0.1.1 {name} {HOSTS_MARK}\n"));
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_has_one_line_of_ours_and_keeps_the_others() {
        let first = hosts("", "a");
        assert!(first.starts_with("127.0.0.1 localhost\n") && first.ends_with("127.0.1.1 a # pyro\n"));
        assert_eq!(hosts("10.0.0.1 x", "a"), "10.0.0.1 x\n127.0.1.1 a # pyro\n");
        assert_eq!(hosts(&first, "b"), first.replace(" a #", " b #"));
        assert_eq!(hosts(&first, "a"), first);
    }
}
