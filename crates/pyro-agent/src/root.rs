//! The root: building the file system that commands see, from inside the new world's first process.

use crate::identity::{BOOT_ID, HOSTNAME, HOSTS, MACHINE_ID};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_change,
    mount_move, move_mount, open_tree,
};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

/// Directory of the initramfs that the disk is first mounted on.
pub(crate) const DISK: &str = "/disk";
/// Directory of the initramfs that holds the identity's files.
pub(crate) const NAMES: &str = "/identity";

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

/// Directory of the initramfs on which the kernel's filesystems wait for the disk.
pub(crate) const KERNEL: &str = "/kernel";

/// What is built before there is a disk: namespaces, and the kernel's filesystems on their way into
/// the new root.
///
/// A vm that starts from a template goes on after this: what is done here is never done while
/// somebody waits, and an emulated processor never has to translate it again.
pub(crate) struct Prepared {
    /// Roots of mounts, each with its place.
    kernel: Vec<(OwnedFd, &'static str)>,
}

/// Enter new namespaces and mount what does not need the disk.
pub(crate) fn prepare() -> Result<Prepared, RootError> {
    // SAFETY: the file descriptor table stays shared with nobody, and this process has one thread.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS | UnshareFlags::NEWCGROUP) }
        .map_err(step("new namespaces"))?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(step("private mounts"))?;
    mount_kernel()
        .map_err(|(target, errno)| RootError { what: format!("cannot mount {target}"), errno })?;
    complete_dev();
    let root = |target: &'static str| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(format!("{KERNEL}{target}"), flags, Mode::empty());
        opened.map(|root| (root, target)).map_err(step(target))
    };
    Ok(Prepared {
        kernel: ["/proc", "/sys", "/dev", "/run"]
            .into_iter()
            .map(root)
            .collect::<Result<_, _>>()?,
    })
}

impl Prepared {
    /// Mount `device` and make it this process's root, with all that programs expect around it.
    pub(crate) fn complete(self, device: &str, fstype: &str) -> Result<(), RootError> {
        let options = options(fstype);
        mount(device, DISK, fstype, MountFlags::NOATIME, options.as_deref())
            .map_err(step(format!("cannot mount {device} as {fstype}")))?;
        // Taken before the root changes, placed after it: links on the disk are then resolved below
        // the disk's own root.
        let names = Names::take().map_err(step("identity"))?;
        rustix::process::chdir(DISK).map_err(step(DISK))?;
        // The initramfs cannot be left with pivot_root(2); the disk covers it instead.
        mount_move(".", "/").map_err(step("cannot move the disk to /"))?;
        rustix::process::chroot(".").map_err(step("cannot change the root"))?;
        rustix::process::chdir("/").map_err(step("/"))?;
        for (tree, target) in self.kernel {
            make_directory(target, 0o755)
                .and_then(|()| {
                    move_mount(
                        tree.as_fd(),
                        "",
                        CWD,
                        target,
                        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
                    )
                })
                .map_err(step(target))?;
        }
        let _ = make_directory("/tmp", 0o1777);
        names.place().map_err(step("cannot give the guest its names"))?;
        // A guest works without it, and a disk may be full.
        let _ = trust_repositories();
        Ok(())
    }
}

/// Settings of git for all users of the guest.
const GIT_SETTINGS: &str = "/etc/gitconfig";

/// Let git work in a repository whoever owns it: all users of a guest are one user's, and a seed
/// belongs to root. Written where the disk has no such file, so that what its user sets is left
/// alone; bound, `git config --system` could not replace it.
fn trust_repositories() -> Result<(), Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(GIT_SETTINGS, flags, Mode::from_raw_mode(0o644))?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(0o644))?;
    rustix::io::write(&file, b"[safe]\n\tdirectory = *\n").map(drop)
}

/// `discard` lets the host free what the guest deletes. Zeroing unused inode tables in the
/// background would fill the vm's layer with writes that nobody needs. With `dioread_lock` a file's
/// blocks are written as they are to be, not converted later by one more entry in the journal for
/// each file.
fn options(fstype: &str) -> Option<CString> {
    (fstype == "ext4").then(|| c"discard,noinit_itable,dioread_lock".to_owned())
}

/// A file system of the kernel's: type, where, flags, options, whether the guest can do without it.
type KernelMount = (&'static str, &'static str, MountFlags, Option<&'static CStr>, bool);

/// What is in memory has a bound, and all of it together leaves memory for programs.
fn mount_kernel() -> Result<(), (&'static str, Errno)> {
    let plain = MountFlags::NOSUID | MountFlags::NODEV;
    let strict = plain | MountFlags::NOEXEC;
    let list: [KernelMount; 9] = [
        ("proc", "/proc", strict, None, false),
        ("sysfs", "/sys", strict, None, false),
        ("cgroup2", "/sys/fs/cgroup", strict, None, false),
        ("devtmpfs", "/dev", MountFlags::NOSUID, Some(c"mode=0755,size=4m"), false),
        (
            "devpts",
            "/dev/pts",
            MountFlags::NOSUID | MountFlags::NOEXEC,
            Some(c"newinstance,gid=5,mode=0620,ptmxmode=0666"),
            false,
        ),
        ("tmpfs", "/dev/shm", plain, Some(c"mode=1777,size=50%"), false),
        ("mqueue", "/dev/mqueue", strict, None, true),
        ("tmpfs", "/run", plain, Some(c"mode=0755,size=10%"), false),
        ("tmpfs", "/run/lock", strict, Some(c"mode=1777,size=5m"), true),
    ];
    for (fstype, target, flags, data, optional) in list {
        let place = format!("{KERNEL}{target}");
        let made =
            make_directory(&place, 0o755).and_then(|()| mount(fstype, &place, fstype, flags, data));
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

/// What programs expect beside the nodes that the kernel makes.
fn complete_dev() {
    for (target, link) in [
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("/proc/self/fd/1", "/dev/stdout"),
        ("/proc/self/fd/2", "/dev/stderr"),
    ] {
        let _ = rustix::fs::symlink(target, format!("{KERNEL}{link}"));
    }
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
            (HOSTS, "/etc/hosts"),
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
