//! The `host` engine: the real agent as a plain process over a socket pair, for hosts that can run
//! no guest.

use super::error::EngineError;
use super::machine::{Machine, Tail};
use crate::host::spawn::{Spawn, tied};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use tokio::net::UnixStream;

/// Descriptor at which the agent finds its channel.
const CHANNEL_FD: i32 = 3;

/// Descriptor at which the agent finds the directory that is `/` to its operations on files.
const ROOT_FD: i32 = 4;

/// Start `agent` with its channel on an inherited socket; its commands run as the calling user. Its
/// operations on files are confined to `root` where one is given.
///
/// # Errors
/// [`EngineError::Start`].
pub fn start(agent: &Path, root: Option<OwnedFd>) -> Result<Machine, EngineError> {
    start_inner(agent, root)
        .map_err(|source| EngineError::Start { program: agent.display().to_string(), source })
}

fn start_inner(agent: &Path, root: Option<OwnedFd>) -> std::io::Result<Machine> {
    let (channel, agent_channel) = UnixStream::pair()?;
    let mut args = vec!["--host".into(), "--fd".into(), CHANNEL_FD.to_string().into()];
    let mut fds = vec![(agent_channel.into_std()?.into(), CHANNEL_FD)];
    if let Some(root) = root {
        args.extend(["--root-fd".into(), ROOT_FD.to_string().into()]);
        fds.push((root, ROOT_FD));
    }
    let mut child = tied(
        Spawn { program: agent, args, variables: Vec::new(), fds, stderr: Stdio::piped() },
        Box::new(|| Ok(())),
    )?;
    let stderr = child.stderr.take().map(Tail::follow).unwrap_or_default();
    Ok(Machine { child, channel: Some(channel), monitor: None, console: Tail::default(), stderr })
}
