//! The agent as a plain process of the host: its start in the directory of a workspace, and its end
//! with all that it began.

use super::failure::failure;
use super::record::Supervisor;
use crate::engine::{Machine, host};
use crate::guest::agent;
use crate::host::{fs, sparse};
use crate::store::vm::VmKind;
use crate::vm::control::protocol::EngineLaunch;
use crate::vm::failure::{Failure, Stage};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// How long the agent may take to end what its commands have started.
const END_LIMIT: Duration = Duration::from_secs(5);

impl Supervisor<'_> {
    /// Start the agent. That of a workspace reads and writes files in its layer only; its commands
    /// have the whole host.
    pub(super) fn start_host(&self) -> Result<Machine, Failure> {
        let root = match self.launch.layers.last() {
            Some(layer) if self.launch.kind == VmKind::Workspace => {
                Some(fs::open(layer).map_err(|error| failure(Stage::Files, &error))?.into())
            }
            _ => None,
        };
        let agent = agent::executable()
            .and_then(|bytes| sparse::executable_in_memory("pyro-agent", &bytes))
            .map_err(|error| failure(Stage::Engine, &error))?;
        let program = format!("/proc/self/fd/{}", agent.as_raw_fd());
        host::start(program.as_ref(), root).map_err(|error| failure(Stage::Engine, &error))
    }

    /// Let the agent end what its commands have started: their files may be removed next.
    pub(super) async fn end_host(&self, machine: &mut Machine) {
        if matches!(self.launch.engine, EngineLaunch::Host) {
            machine.terminate();
            if tokio::time::timeout(END_LIMIT, machine.ended()).await.is_err() {
                tracing::warn!("the agent does not end by itself");
            }
        }
    }
}
