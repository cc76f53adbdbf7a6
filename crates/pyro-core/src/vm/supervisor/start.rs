//! Starting the machine of a vm: files, engine, meeting, mount; each stage has its own typed end.

use super::Supervisor;
use crate::engine::machine::{Ended, Machine};
use crate::engine::{EngineError, host};
use crate::guest::boot::{Identity, MeetError, Port};
use crate::guest::transport::Channel;
use crate::guest::{self, client};
use crate::host::{clock, sparse};
use crate::vm::launch::{EngineLaunch, Failure, Stage};
use crate::vm::timeline::Step;
use pyro_protocol::message::{Mount, Request, SetClock};
use std::error::Error;
use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use tokio::net::UnixListener;
use tracing::Instrument;

/// How long the agent as a plain process may take to be ready.
const HOST_LIMIT: Duration = Duration::from_secs(20);

/// How far behind the host's a guest's clock may start; a warm round trip takes 1 to 2 ms.
const CLOCK_ERROR: Duration = Duration::from_millis(20);

/// How often the clock is set at most, on a host that is too busy for that.
const CLOCK_TRIES: usize = 3;

/// How long an agent that is ready may take for its answer to a hello, and for the mount.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

impl Supervisor<'_> {
    pub(super) fn execution_mode(&self) -> &'static str {
        match &self.launch.engine {
            EngineLaunch::Qemu(qemu) => qemu.accel.execution_mode(),
            EngineLaunch::Host => "host_compat",
        }
    }

    /// Bring the vm up to a mounted disk and an open socket; its machine is put into `slot` as soon as it runs.
    pub(super) async fn start(&self, slot: &mut Option<Machine>) -> Result<(Channel, UnixListener), Failure> {
        let channel = match &self.launch.engine {
            EngineLaunch::Qemu(qemu) => self.start_guest(slot, qemu).await?,
            EngineLaunch::Host => {
                let machine = self.keep(slot, start_host()?)?;
                let port = port_of(machine)?;
                self.meet(machine, port, HOST_LIMIT).await?
            }
        };
        let Some(machine) = slot.as_mut() else { return Err(failure(Stage::Engine, &client::ClientError::Ended)) };
        self.mount(machine, &channel).instrument(tracing::debug_span!("mount")).await?;
        self.stopwatch.mark(Step::Mounted);
        let listener = self.listen().map_err(|error| failure(Stage::Files, &error))?;
        let started = self.store.set_vm_started(self.launch.id, self.execution_mode());
        started.map_err(|error| failure(Stage::Files, &error))?;
        Ok((channel, listener))
    }

    /// Put a started machine where it is killed whatever happens, and into the record.
    pub(super) fn keep<'m>(&self, slot: &'m mut Option<Machine>, machine: Machine) -> Result<&'m mut Machine, Failure> {
        let machine = slot.insert(machine);
        self.stopwatch.mark(Step::Engine);
        if let Some(process) = machine.process() {
            self.store.set_vm_engine(self.launch.id, process).map_err(|error| failure(Stage::Files, &error))?;
        }
        Ok(machine)
    }

    /// Wait for a booting agent, and meet it.
    async fn meet(&self, machine: &mut Machine, mut port: Port, limit: Duration) -> Result<Channel, Failure> {
        wait_ready(machine, &mut port, limit).await?;
        self.stopwatch.mark(Step::Booted);
        self.greet(machine, port).await
    }

    /// Meet an agent that waits.
    pub(super) async fn greet(&self, machine: &mut Machine, port: Port) -> Result<Channel, Failure> {
        let identity = Identity { hostname: format!("pyro-{}", self.launch.id) };
        let met = port.hello(&identity, ANSWER_LIMIT).instrument(tracing::debug_span!("hello")).await;
        match met {
            Ok((channel, welcome)) => {
                self.stopwatch.mark(Step::Welcome);
                tracing::debug!(kernel = welcome.kernel_release, agent = welcome.agent_version, "met the guest");
                Ok(channel)
            }
            Err(error) => Err(not_met(machine, error).await),
        }
    }

    async fn mount(&self, machine: &mut Machine, channel: &Channel) -> Result<(), Failure> {
        let request = Request::Mount(Mount { device: "/dev/vda".to_owned(), fstype: "ext4".to_owned() });
        // The agent sets the clock while the disk is mounted by another process: nobody waits for it.
        let mounted = async { tokio::try_join!(call(channel, &request), set_clock(channel)).map(drop) };
        match tokio::time::timeout(ANSWER_LIMIT, mounted).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(after_broken_channel(machine, Stage::Mount, &error).await),
            Err(_) => Err(Failure {
                console: machine.console.text(),
                ..failure(Stage::Mount, &MeetError::NoHello { after: ANSWER_LIMIT })
            }),
        }
    }
}

async fn call(channel: &Channel, request: &Request) -> Result<(), client::ClientError> {
    let stream = channel.open().await.map_err(|error| client::ClientError::Io(io::Error::other(error)))?;
    client::call(stream, request).await
}

/// Set the guest's clock until one round trip was short: the hello's took as long as the guest needed to take it in.
async fn set_clock(channel: &Channel) -> Result<(), client::ClientError> {
    for _ in 0..CLOCK_TRIES {
        let sent = Instant::now();
        call(channel, &Request::SetClock(SetClock { wall_clock_ns: clock::wall_ns() })).await?;
        if sent.elapsed() <= CLOCK_ERROR {
            break;
        }
    }
    Ok(())
}

/// The agent's port of a machine that was just started.
pub(super) fn port_of(machine: &mut Machine) -> Result<Port, Failure> {
    let stream = machine.channel.take().ok_or_else(|| failure(Stage::Boot, &client::ClientError::Ended))?;
    Ok(Port::new(stream))
}

/// Wait until a booting guest's agent is ready for a hello.
pub(super) async fn wait_ready(machine: &mut Machine, port: &mut Port, limit: Duration) -> Result<(), Failure> {
    match port.ready(limit).instrument(tracing::debug_span!("boot")).await {
        Ok(()) => Ok(()),
        Err(error) => Err(not_met(machine, error).await),
    }
}

async fn not_met(machine: &mut Machine, error: MeetError) -> Failure {
    match error {
        // A machine that ends closes its socket too: what ended it says more than the broken connection.
        MeetError::Channel(error) => after_broken_channel(machine, Stage::Boot, &error).await,
        error => Failure { console: machine.console.text(), ..failure(Stage::Boot, &error) },
    }
}

fn start_host() -> Result<Machine, Failure> {
    let agent =
        sparse::executable_in_memory("pyro-agent", guest::AGENT).map_err(|error| failure(Stage::Engine, &error))?;
    let program = format!("/proc/self/fd/{}", agent.as_raw_fd());
    host::start(program.as_ref()).map_err(|error: EngineError| failure(Stage::Engine, &error))
}

/// The channel broke: say how the machine ended if it did, what the channel met otherwise.
pub(super) async fn after_broken_channel(
    machine: &mut Machine,
    stage: Stage,
    error: &(dyn Error + 'static),
) -> Failure {
    // The socket closes a moment before the process can be reaped.
    if let Ok(ended) = tokio::time::timeout(Duration::from_secs(1), machine.ended()).await {
        return machine_ended(machine, ended, stage);
    }
    Failure { console: machine.console.text(), ..failure(stage, error) }
}

/// The failure of a machine whose process ended.
pub(super) fn machine_ended(machine: &Machine, ended: io::Result<Ended>, stage: Stage) -> Failure {
    let message = match ended {
        Ok(ended) => format!("the machine's process {ended}"),
        Err(error) => format!("the machine's process is lost: {error}"),
    };
    let stderr = machine.stderr.text();
    let causes = if stderr.is_empty() { Vec::new() } else { vec![stderr] };
    Failure { stage, message, causes, console: machine.console.text() }
}

/// The failure of a running vm whose agent closed the channel.
pub(super) fn agent_gone(machine: &Machine) -> Failure {
    Failure {
        stage: Stage::Running,
        message: "the guest ended, or its agent did".to_owned(),
        causes: Vec::new(),
        console: machine.console.text(),
    }
}

pub(super) fn failure(stage: Stage, error: &(dyn Error + 'static)) -> Failure {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string).collect();
    Failure { stage, message: error.to_string(), causes, console: String::new() }
}
