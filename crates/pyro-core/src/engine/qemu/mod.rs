//! QEMU microvm: starting a confined process for a machine.

pub mod accel;
pub mod argv;
pub mod confine;
pub mod qmp;
mod seccomp;

use super::machine::Tail;
use super::{Accel, EngineError, Machine, MachineSpec};
use crate::host::program;
use crate::host::spawn::{Spawn, tied};
use confine::Sandbox;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::net::UnixStream;

/// The program that runs machines.
pub const PROGRAM: &str = "qemu-system-x86_64";

/// The same for KVM alone, without a sandbox of its own.
const SMALL_PROGRAM: &str = "qemu-system-x86_64-microvm";

/// Find QEMU on `path`.
///
/// # Errors
/// [`EngineError::ProgramMissing`].
pub fn find(path: &OsStr) -> Result<PathBuf, EngineError> {
    program::find(path, PROGRAM).ok_or(EngineError::ProgramMissing { program: PROGRAM, package: "qemu-system-x86" })
}

/// The program for machines of `accel`: Debian's small build where it is beside `program` and can run them.
///
/// It knows KVM and the microvm machine only, loads 10 libraries instead of 51, starts in half the time and takes a third
/// of the memory (measured: ARCHITECTURE.md).
#[must_use]
pub fn for_accel(program: PathBuf, accel: Accel) -> PathBuf {
    let small = program.with_file_name(SMALL_PROGRAM);
    if accel == Accel::Kvm && program::is_executable(&small) { small } else { program }
}

/// Start the machine: confined from its first instruction, tied to this process's life.
///
/// Must be called on the thread that lives as long as the process: the kernel ties the child to that thread.
///
/// `extra` are further descriptors, each at the number of [`argv::fd`] that `spec` implies.
///
/// # Errors
/// [`EngineError::Start`].
pub fn start(program: &Path, spec: &MachineSpec, extra: Vec<(OwnedFd, i32)>) -> Result<Machine, EngineError> {
    start_inner(program, spec, extra).map_err(|source| EngineError::Start { program: PROGRAM.to_owned(), source })
}

fn start_inner(program: &Path, spec: &MachineSpec, extra: Vec<(OwnedFd, i32)>) -> std::io::Result<Machine> {
    let (channel, qemu_channel) = UnixStream::pair()?;
    let (monitor, qemu_monitor) = UnixStream::pair()?;
    let (console, qemu_console) = UnixStream::pair()?;
    let blocking = |stream: UnixStream| stream.into_std().map(OwnedFd::from);
    let mut fds = extra;
    fds.push((blocking(qemu_monitor)?, argv::fd::QMP));
    fds.push((blocking(qemu_channel)?, argv::fd::CHANNEL));
    fds.push((blocking(qemu_console)?, argv::fd::CONSOLE));
    let spawn = Spawn { program, args: argv::argv(spec, Sandbox::of(program)), fds, stderr: Stdio::piped() };
    let mut child = tied(spawn, confine::restriction(program, spec)?)?;
    let stderr = child.stderr.take().map(Tail::follow).unwrap_or_default();
    Ok(Machine {
        child,
        channel: Some(channel),
        monitor: Some(monitor),
        qmp: None,
        console: Tail::follow(console),
        stderr,
    })
}
