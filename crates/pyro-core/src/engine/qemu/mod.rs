//! QEMU microvm: starting a confined process for a machine.

pub mod abilities;
pub mod accel;
pub mod argv;
pub mod block;
pub mod confine;
pub mod migrate;
mod program;
mod seccomp;

pub use abilities::Abilities;
pub use program::find;

use super::error::EngineError;
use super::machine::{Machine, Tail};
use super::qmp::monitor::Monitor;
use super::spec::MachineSpec;
use crate::config::QemuProgram;
use crate::host::spawn::{Spawn, tied};
use confine::Sandbox;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use tokio::net::UnixStream;

/// Start the machine: confined from its first instruction, tied to this process's life.
///
/// Must be called on the thread that lives as long as the process: the kernel ties the child to
/// that thread.
///
/// `extra` are further descriptors, each at the number of [`argv::fd`] that `spec` implies.
///
/// # Errors
/// [`EngineError::Start`].
pub fn start(
    qemu: &QemuProgram,
    spec: &MachineSpec,
    extra: Vec<(OwnedFd, i32)>,
) -> Result<Machine, EngineError> {
    let failed =
        |source| EngineError::Start { program: qemu.executable.display().to_string(), source };
    start_inner(qemu, spec, extra).map_err(failed)
}

fn start_inner(
    qemu: &QemuProgram,
    spec: &MachineSpec,
    extra: Vec<(OwnedFd, i32)>,
) -> std::io::Result<Machine> {
    let (channel, qemu_channel) = UnixStream::pair()?;
    let (monitor, qemu_monitor) = UnixStream::pair()?;
    let (console, qemu_console) = UnixStream::pair()?;
    let blocking = |stream: UnixStream| stream.into_std().map(OwnedFd::from);
    let mut fds = extra;
    fds.push((blocking(qemu_monitor)?, argv::fd::QMP));
    fds.push((blocking(qemu_channel)?, argv::fd::CHANNEL));
    fds.push((blocking(qemu_console)?, argv::fd::CONSOLE));
    let program = qemu.file();
    let args = qemu
        .leading_args()
        .into_iter()
        .chain(argv::argv(spec, Sandbox::of(&qemu.executable)))
        .collect();
    let spawn =
        Spawn { program: &program, args, variables: qemu.variables(), fds, stderr: Stdio::piped() };
    let mut child = tied(spawn, confine::restriction(qemu, spec)?)?;
    let stderr = child.stderr.take().map(Tail::follow).unwrap_or_default();
    Ok(Machine {
        child,
        channel: Some(channel),
        monitor: Some(Monitor::start(monitor)),
        console: Tail::follow(console),
        stderr,
    })
}
