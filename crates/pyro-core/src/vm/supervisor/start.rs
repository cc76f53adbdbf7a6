//! Starting the machine of a vm: files, engine, meeting, mount; each stage has its own typed end.

use super::failure::{after_broken_channel, failure, not_met, with_room};
use super::record::Supervisor;
use super::services::Home;
use super::sessions::Sessions;
use crate::engine::machine::Machine;
use crate::execution_mode::ExecutionMode;
use crate::guest::boot::{Identity, MeetError, Port};
use crate::guest::client::ClientError;
use crate::guest::stage;
use crate::host::fs;
use crate::host::terminal::printable;
use crate::store::vm::{VmKind, VmState};
use crate::vm::control::protocol::EngineLaunch;
use crate::vm::failure::{Failure, Stage};
use crate::vm::host_tree;
use crate::vm::timeline::Step;
use pyro_protocol::files::Recovered;
use pyro_protocol::message::Mount;
use std::time::Duration;
use tokio::net::UnixListener;
use tracing::Instrument;

/// How long the agent as a plain process may take to be ready.
const HOST_LIMIT: Duration = Duration::from_secs(20);

/// Most bytes of the guest's words that go into a record.
const MAX_TOLD_LEN: usize = 1024;

/// How long an agent that is ready may take for its answer to a hello, and for the mount.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// How long a guest may take to mend what a crash interrupted.
const MEND_LIMIT: Duration = Duration::from_secs(120);

impl Supervisor<'_> {
    pub(super) fn execution_mode(&self) -> ExecutionMode {
        match &self.launch.engine {
            EngineLaunch::Qemu(qemu) => qemu.accel.execution_mode(),
            EngineLaunch::Host => ExecutionMode::HostCompat,
        }
    }

    fn home_of_services(&self) -> Home {
        let tree = match (&self.launch.engine, self.launch.layers.last()) {
            (EngineLaunch::Host, Some(layer)) => {
                Some(fs::canonical(&layer.join(&host_tree::ROOT[1..])))
            }
            _ => None,
        };
        let (config, vm) = (self.config.clone(), self.launch.id);
        Home { config, vm, execution_mode: self.execution_mode(), tree }
    }

    /// Bring the vm up to a mounted disk and an open socket; its machine is put into `slot` as soon
    /// as it runs.
    pub(super) async fn start(
        &self,
        slot: &mut Option<Machine>,
    ) -> Result<(Sessions, UnixListener), Failure> {
        let guest = match &self.launch.engine {
            EngineLaunch::Qemu(qemu) => self.start_guest(slot, qemu).await?,
            EngineLaunch::Host => {
                let machine = self.keep(slot, self.start_host()?)?;
                let port = port_of(machine)?;
                Guest { sessions: self.meet(machine, port, HOST_LIMIT).await?, mounted: true }
            }
        };
        let Some(machine) = slot.as_mut() else {
            return Err(failure(Stage::Engine, &ClientError::Ended));
        };
        let (sessions, amiss) = self.make_ready(machine, guest).await?;
        self.stopwatch.mark(Step::Mounted);
        let listener = self.listen().map_err(|error| failure(Stage::Files, &error))?;
        self.note(|vm| {
            vm.state = VmState::Started;
            vm.execution_mode = self.execution_mode();
            vm.last_error = amiss.map(|amiss| self.without_secrets()(&amiss));
        })?;
        if self.launch.kind == VmKind::Workspace {
            self.store
                .layer_under_was_made(self.launch.id)
                .map_err(|error| failure(Stage::Files, &error))?;
        }
        Ok((sessions, listener))
    }

    /// Bring a met guest to where it can be used; what its user must know of its disk.
    async fn make_ready(
        &self,
        machine: &mut Machine,
        guest: Guest,
    ) -> Result<(Sessions, Option<String>), Failure> {
        let monitor = machine.monitor.clone();
        let ready = async {
            let sessions =
                self.set_up(machine, guest).instrument(tracing::debug_span!("mount")).await?;
            let mut amiss = None;
            if self.launch.kind == VmKind::Workspace {
                amiss = mend(machine, &sessions).instrument(tracing::debug_span!("mend")).await?;
            }
            Ok((sessions, amiss))
        };
        with_room(&self.config.data_dir, monitor.as_ref(), ready).await
    }

    /// Put a started machine where it is killed whatever happens, and into the record.
    pub(super) fn keep<'m>(
        &self,
        slot: &'m mut Option<Machine>,
        machine: Machine,
    ) -> Result<&'m mut Machine, Failure> {
        let machine = slot.insert(machine);
        self.stopwatch.mark(Step::Engine);
        if let Some(process) = machine.process() {
            self.note(|vm| vm.engine = Some(process))?;
        }
        Ok(machine)
    }

    /// Wait for a booting agent, and meet it.
    async fn meet(
        &self,
        machine: &mut Machine,
        mut port: Port,
        limit: Duration,
    ) -> Result<Sessions, Failure> {
        wait_ready(machine, &mut port, limit).await?;
        self.stopwatch.mark(Step::Booted);
        self.greet(machine, port).await
    }

    /// Meet an agent that waits.
    pub(super) async fn greet(
        &self,
        machine: &mut Machine,
        port: Port,
    ) -> Result<Sessions, Failure> {
        let identity = Identity { hostname: format!("pyro-{}", self.launch.id) };
        let met = async { Ok(port.hello(&identity, ANSWER_LIMIT).await) };
        let met = with_room(&self.config.data_dir, machine.monitor.as_ref(), met);
        match met.instrument(tracing::debug_span!("hello")).await? {
            Ok((channel, welcome)) => {
                self.stopwatch.mark(Step::Welcome);
                tracing::debug!(
                    kernel = welcome.kernel_release,
                    agent = welcome.agent_version,
                    "met the guest"
                );
                Ok(Sessions::start(channel, self.home_of_services()))
            }
            Err(error) => Err(not_met(machine, error).await),
        }
    }

    /// Give a met guest the time, and its disk where it has none yet.
    async fn set_up(&self, machine: &mut Machine, guest: Guest) -> Result<Sessions, Failure> {
        let Guest { sessions, mounted } = guest;
        let done = async {
            sessions.set_clock().await?;
            if mounted { Ok(()) } else { sessions.mount(disk()).await }
        };
        match tokio::time::timeout(ANSWER_LIMIT, done).await {
            Ok(Ok(())) => Ok(sessions),
            Ok(Err(error)) => Err(after_broken_channel(machine, Stage::Mount, &error).await),
            Err(_) => Err(Failure {
                console: machine.console.text(),
                ..failure(Stage::Mount, &MeetError::NoHello { after: ANSWER_LIMIT })
            }),
        }
    }
}

/// A guest whose agent was met.
pub(super) struct Guest {
    /// Its agent.
    pub(super) sessions: Sessions,
    /// Whether its disk is mounted already.
    pub(super) mounted: bool,
}

/// The disk that every guest has.
pub(super) fn disk() -> Mount {
    Mount { device: "/dev/vda".to_owned(), fstype: "ext4".to_owned() }
}

/// Finish or undo the changes of files that a crash interrupted, before anybody can see the half of
/// one; what its user must know of one that could not be.
async fn mend(machine: &mut Machine, sessions: &Sessions) -> Result<Option<String>, Failure> {
    let mended = tokio::time::timeout(MEND_LIMIT, sessions.recover()).await;
    match mended.unwrap_or(Err(ClientError::Ended)) {
        Ok(mended) => {
            if mended != Recovered::default() {
                tracing::info!(?mended, "changes that were interrupted are mended");
            }
            let told = mended.set_aside.first().map(|told| {
                let told = printable(&told.as_bytes()[..told.len().min(MAX_TOLD_LEN)]);
                let left = stage::AREA;
                format!(
                    "an interrupted change could not be finished; what it left is in {left}: {told}"
                )
            });
            Ok(told)
        }
        Err(error) => Err(after_broken_channel(machine, Stage::Mount, &error).await),
    }
}

/// The agent's port of a machine that was just started.
pub(super) fn port_of(machine: &mut Machine) -> Result<Port, Failure> {
    let stream = machine.channel.take().ok_or_else(|| failure(Stage::Boot, &ClientError::Ended))?;
    Ok(Port::new(stream))
}

/// Wait until a booting guest's agent is ready for a hello.
pub(super) async fn wait_ready(
    machine: &mut Machine,
    port: &mut Port,
    limit: Duration,
) -> Result<(), Failure> {
    match port.ready(limit).instrument(tracing::debug_span!("boot")).await {
        Ok(()) => Ok(()),
        Err(error) => Err(not_met(machine, error).await),
    }
}
