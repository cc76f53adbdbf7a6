//! What the QEMU process may still do: a guest that takes QEMU over has won very little.

use super::program::SMALL_PROGRAM;
use super::seccomp;
use crate::config::QemuProgram;
use crate::engine::spec::{Accel, MachineSpec, Memory};
use crate::host::spawn::Restriction;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope,
};
use std::io;
use std::path::{Path, PathBuf};

/// Highest Landlock version whose rights are handled; a kernel with less gives what it has.
const LANDLOCK_ABI: ABI = ABI::V6;

/// Directories and files that QEMU itself reads: its libraries, its firmware, what the C library
/// looks at.
const QEMU_READS: &[&str] = &[
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/local/lib",
    "/usr/share/qemu",
    "/usr/share/seabios",
    "/usr/share/qemu-efi",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/dev/urandom",
    "/proc/self",
    "/sys/devices/system",
];

/// Who keeps QEMU from system calls that no machine needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// QEMU itself, with `-sandbox`.
    Qemu,
    /// The one who starts it: it was built without.
    Ours,
}

impl Sandbox {
    /// What this program needs.
    #[must_use]
    pub fn of(program: &Path) -> Self {
        if program.file_name() == Some(SMALL_PROGRAM.as_ref()) { Self::Ours } else { Self::Qemu }
    }
}

/// The restriction for the QEMU process of `spec`: Landlock down to its files, no network, few
/// descriptors.
///
/// On a kernel without Landlock the remaining bounds (seccomp, `no_new_privs`, limits) hold;
/// `doctor` says so.
///
/// # Errors
/// When a file of the vm cannot be opened for its rule.
pub(super) fn restriction(qemu: &QemuProgram, spec: &MachineSpec) -> io::Result<Restriction> {
    let mut ruleset = Some(ruleset(qemu, spec)?);
    let filters = match Sandbox::of(&qemu.executable) {
        Sandbox::Ours => seccomp::filters()?.into(),
        Sandbox::Qemu => Vec::new(),
    };
    Ok(Box::new(move || {
        let limit = rustix::process::Rlimit { current: Some(1024), maximum: Some(1024) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit)?;
        let ruleset = ruleset.take().ok_or(io::ErrorKind::InvalidInput)?;
        ruleset.restrict_self().map_err(io::Error::other)?;
        filters
            .iter()
            .try_for_each(|filter| seccompiler::apply_filter(filter).map_err(io::Error::other))
    }))
}

fn ruleset(qemu: &QemuProgram, spec: &MachineSpec) -> io::Result<RulesetCreated> {
    let read = AccessFs::from_read(LANDLOCK_ABI);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK_ABI))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(LANDLOCK_ABI)))
        .and_then(|rules| rules.scope(Scope::AbstractUnixSocket | Scope::Signal))
        .and_then(Ruleset::create)
        .map_err(io::Error::other)?;
    let program = &qemu.executable;
    let itself =
        QEMU_READS.iter().map(PathBuf::from).chain([program.clone()]).chain(beside(program));
    for path in itself.chain(qemu.files()) {
        ruleset = allow(ruleset, &path, read, false)?;
    }
    let write = read | AccessFs::WriteFile | AccessFs::Truncate;
    let (top, below) = match spec.disk.layers.split_last() {
        Some((top, below)) => (Some(top), below),
        None => (None, &[][..]),
    };
    for path in
        [&spec.kernel.vmlinux, &spec.kernel.initramfs, &spec.disk.image].into_iter().chain(below)
    {
        ruleset = allow(ruleset, path, read, true)?;
    }
    if let Some(layer) = top {
        ruleset = allow(ruleset, layer, write, true)?;
    }
    // Its image locks are tried out on it.
    ruleset = allow(ruleset, Path::new("/dev/null"), write, false)?;
    if let Memory::Template(path) = &spec.memory {
        // QEMU before 9.0 opens even what it maps privately for writing; a changed template is
        // found by its times before anybody starts from it again.
        ruleset = allow(ruleset, path, write, true)?;
    }
    if spec.accel == Accel::Kvm {
        ruleset = allow(
            ruleset,
            Path::new("/dev/kvm"),
            read | AccessFs::WriteFile | AccessFs::IoctlDev,
            true,
        )?;
    }
    Ok(ruleset)
}

/// Where a distribution elsewhere (Nix, a prefix of the user's) keeps programs, libraries and
/// firmware beside its QEMU; never the prefix itself, which may be the user's home.
fn beside(program: &Path) -> Vec<PathBuf> {
    let is_bin = |directory: &&Path| directory.ends_with("bin") && !directory.starts_with("/usr");
    let prefix = program.parent().filter(is_bin).and_then(Path::parent);
    let names =
        ["bin", "lib", "lib64", "libexec", "share/qemu", "share/qemu-firmware", "share/seabios"];
    prefix.map(|prefix| names.iter().map(|name| prefix.join(name)).collect()).unwrap_or_default()
}

/// Allow `access` below `path`; what is not `required` may be absent.
fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
    required: bool,
) -> io::Result<RulesetCreated> {
    let handle = match PathFd::new(path) {
        Ok(handle) => handle,
        Err(_) if !required => return Ok(ruleset),
        Err(error) => return Err(io::Error::other(error)),
    };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(LANDLOCK_ABI) };
    ruleset.add_rule(PathBeneath::new(handle, access)).map_err(io::Error::other)
}

/// Version of Landlock that the host's kernel offers, zero for none.
#[must_use]
pub fn landlock_version() -> i32 {
    const VERSION: libc::c_uint = 1;
    // SAFETY: with the version flag the kernel takes no pointer and answers with a number.
    let version = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0usize, VERSION)
    };
    i32::try_from(version).unwrap_or(0).max(0)
}
