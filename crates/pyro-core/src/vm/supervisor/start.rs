//! Starting the machine of a vm: files, engine, meeting, mount; each stage has its own typed end.

use super::Supervisor;
use crate::engine::machine::{Ended, Machine};
use crate::engine::qemu::monitor::{Monitor, MonitorError};
use crate::guest::boot::{Identity, MeetError, Port};
use crate::guest::transport::{Channel, GuestStream};
use crate::guest::{client, stage};
use crate::host::clock;
use crate::host::terminal::printable;
use crate::store::vm::{VmKind, VmState};
use crate::vm::launch::{EngineLaunch, Failure, Stage};
use crate::vm::timeline::Step;
use pyro_protocol::GuestPath;
use pyro_protocol::files::Recovered;
use pyro_protocol::message::{Mount, Request, SetClock};
use std::error::Error;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::UnixListener;
use tracing::Instrument;

/// How long the agent as a plain process may take to be ready.
const HOST_LIMIT: Duration = Duration::from_secs(20);

/// How far behind the host's a guest's clock may start; a warm round trip takes 1 to 2 ms.
const CLOCK_ERROR: Duration = Duration::from_millis(20);

/// How often the clock is set at most, on a host that is too busy for that.
const CLOCK_TRIES: usize = 3;

/// Most bytes of the guest's words that go into a record.
const MAX_TOLD_LEN: usize = 1024;

/// How long an agent that is ready may take for its answer to a hello, and for the mount.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// How long a guest may take to mend what a crash interrupted.
const MEND_LIMIT: Duration = Duration::from_secs(120);

impl Supervisor<'_> {
    pub(super) fn execution_mode(&self) -> &'static str {
        match &self.launch.engine {
            EngineLaunch::Qemu(qemu) => qemu.accel.execution_mode(),
            EngineLaunch::Host => "host_compat",
        }
    }

    /// Bring the vm up to a mounted disk and an open socket; its machine is put into `slot` as soon as it runs.
    pub(super) async fn start(&self, slot: &mut Option<Machine>) -> Result<(Channel, UnixListener), Failure> {
        let guest = match &self.launch.engine {
            EngineLaunch::Qemu(qemu) => self.start_guest(slot, qemu).await?,
            EngineLaunch::Host => {
                let machine = self.keep(slot, self.start_host()?)?;
                let port = port_of(machine)?;
                Guest { channel: self.meet(machine, port, HOST_LIMIT).await?, mounted: true }
            }
        };
        let Some(machine) = slot.as_mut() else { return Err(failure(Stage::Engine, &client::ClientError::Ended)) };
        let (channel, amiss) = self.make_ready(machine, guest).await?;
        self.stopwatch.mark(Step::Mounted);
        let listener = self.listen().map_err(|error| failure(Stage::Files, &error))?;
        self.note(|vm| {
            vm.state = VmState::Started;
            vm.execution_mode = self.execution_mode().to_owned();
            vm.last_error = amiss;
        })?;
        if self.launch.kind == VmKind::Workspace {
            self.store.layer_under_was_made(self.launch.id).map_err(|error| failure(Stage::Files, &error))?;
        }
        Ok((channel, listener))
    }

    /// Bring a met guest to where it can be used; what its user must know of its disk.
    async fn make_ready(&self, machine: &mut Machine, guest: Guest) -> Result<(Channel, Option<String>), Failure> {
        let monitor = machine.monitor.clone();
        let ready = async {
            let channel = self.set_up(machine, guest).instrument(tracing::debug_span!("mount")).await?;
            let mut amiss = None;
            if self.launch.kind == VmKind::Workspace {
                amiss = mend(machine, &channel).instrument(tracing::debug_span!("mend")).await?;
            }
            Ok((channel, amiss))
        };
        with_room(&self.config.data_dir, monitor.as_ref(), ready).await
    }

    /// Put a started machine where it is killed whatever happens, and into the record.
    pub(super) fn keep<'m>(&self, slot: &'m mut Option<Machine>, machine: Machine) -> Result<&'m mut Machine, Failure> {
        let machine = slot.insert(machine);
        self.stopwatch.mark(Step::Engine);
        if let Some(process) = machine.process() {
            self.note(|vm| vm.engine = Some(process))?;
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
        let met = async { Ok(port.hello(&identity, ANSWER_LIMIT).await) };
        let met = with_room(&self.config.data_dir, machine.monitor.as_ref(), met);
        match met.instrument(tracing::debug_span!("hello")).await? {
            Ok((channel, welcome)) => {
                self.stopwatch.mark(Step::Welcome);
                tracing::debug!(kernel = welcome.kernel_release, agent = welcome.agent_version, "met the guest");
                Ok(channel)
            }
            Err(error) => Err(not_met(machine, error).await),
        }
    }

    /// Give a met guest the time, and its disk where it has none yet.
    async fn set_up(&self, machine: &mut Machine, guest: Guest) -> Result<Channel, Failure> {
        let Guest { channel, mounted } = guest;
        let done = async {
            let clock = ask_for_clock(&channel).await?;
            if !mounted {
                call(&channel, &Request::Mount(disk())).await?;
            }
            // Whatever else comes on the channel finds the clock set: nobody waits for the answer.
            let channel = channel.clone();
            tokio::spawn(async move {
                if let Err(error) = keep_clock(&channel, clock).await {
                    tracing::warn!(%error, "the guest's clock is as its hello has set it");
                }
            });
            Ok::<(), client::ClientError>(())
        };
        match tokio::time::timeout(ANSWER_LIMIT, done).await {
            Ok(Ok(())) => Ok(channel),
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
    pub(super) channel: Channel,
    /// Whether its disk is mounted already.
    pub(super) mounted: bool,
}

/// The disk that every guest has.
pub(super) fn disk() -> Mount {
    Mount { device: "/dev/vda".to_owned(), fstype: "ext4".to_owned() }
}

pub(super) async fn call(channel: &Channel, request: &Request) -> Result<(), client::ClientError> {
    client::call(open(channel).await?, request).await
}

/// A request to set the guest's clock, under way.
struct ClockRequest {
    sent: Instant,
    stream: GuestStream,
}

/// Ask the guest to set its clock: the hello's time was as old as the guest took to take it in.
async fn ask_for_clock(channel: &Channel) -> Result<ClockRequest, client::ClientError> {
    let mut stream = open(channel).await?;
    let sent = Instant::now();
    client::send_message(&mut stream, &Request::SetClock(SetClock { wall_clock_ns: clock::wall_ns() })).await?;
    Ok(ClockRequest { sent, stream })
}

/// Finish or undo the changes of files that a crash interrupted, before anybody can see the half of one; what its user must
/// know of one that could not be.
async fn mend(machine: &mut Machine, channel: &Channel) -> Result<Option<String>, Failure> {
    let area = GuestPath::parse(stage::AREA.as_bytes()).unwrap_or_else(|_| GuestPath::root());
    let mended = tokio::time::timeout(MEND_LIMIT, async { stage::recover(open(channel).await?, area).await });
    match mended.await.unwrap_or(Err(client::ClientError::Ended)) {
        Ok(mended) => {
            if mended != Recovered::default() {
                tracing::info!(?mended, "changes that were interrupted are mended");
            }
            let told = mended.set_aside.first().map(|told| {
                let told = printable(&told.as_bytes()[..told.len().min(MAX_TOLD_LEN)]);
                format!("an interrupted change could not be finished; what it left is in {}: {told}", stage::AREA)
            });
            Ok(told)
        }
        Err(error) => Err(after_broken_channel(machine, Stage::Mount, &error).await),
    }
}

/// Ask again until one round trip was short.
async fn keep_clock(channel: &Channel, mut asked: ClockRequest) -> Result<(), client::ClientError> {
    for tries_left in (0..CLOCK_TRIES).rev() {
        let answer = tokio::time::timeout(ANSWER_LIMIT, client::done(asked.stream)).await;
        answer.map_err(|_| client::ClientError::Ended)??;
        if asked.sent.elapsed() <= CLOCK_ERROR || tries_left == 0 {
            break;
        }
        asked = ask_for_clock(channel).await?;
    }
    Ok(())
}

pub(super) async fn open(channel: &Channel) -> Result<GuestStream, client::ClientError> {
    channel.open().await.map_err(|error| client::ClientError::Io(io::Error::other(error)))
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

pub(super) async fn not_met(machine: &mut Machine, error: MeetError) -> Failure {
    match error {
        // A machine that ends closes its socket too: what ended it says more than the broken connection.
        MeetError::Channel(error) => after_broken_channel(machine, Stage::Boot, &error).await,
        error => Failure { console: machine.console.text(), ..failure(Stage::Boot, &error) },
    }
}

/// The channel broke: say how the machine ended if it did, what the channel met otherwise.
pub(super) async fn after_broken_channel(
    machine: &mut Machine,
    stage: Stage,
    error: &(dyn Error + 'static),
) -> Failure {
    let limit = if is_broken(error) { REAP_LIMIT } else { LOOK_LIMIT };
    if let Some(ended) = just_ended(machine, limit).await {
        return machine_ended(machine, ended, stage);
    }
    Failure { console: machine.console.text(), ..failure(stage, error) }
}

/// Whether this is what a machine that ends leaves of a conversation, and no answer of one that lives.
fn is_broken(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source()).any(|error| {
        error.is::<io::Error>()
            || matches!(error.downcast_ref(), Some(client::ClientError::Ended | client::ClientError::Io(_)))
            || matches!(error.downcast_ref(), Some(MonitorError::Closed | MonitorError::Io(_)))
    })
}

/// How long a killed machine may take until its process can be reaped: its memory is given back before.
const REAP_LIMIT: Duration = Duration::from_secs(10);

/// How long it is looked whether a machine has ended that may live.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// How a machine ended whose socket closed: that happens a moment before its process can be reaped.
async fn just_ended(machine: &mut Machine, limit: Duration) -> Option<io::Result<Ended>> {
    tokio::time::timeout(limit, machine.ended()).await.ok()
}

/// The failure of a machine whose process ended.
pub(super) fn machine_ended(machine: &Machine, ended: io::Result<Ended>, stage: Stage) -> Failure {
    let stage = match &ended {
        Ok(ended) if stage != Stage::Running && ended.is_killed() => Stage::Killed,
        _ => stage,
    };
    let message = match ended {
        Ok(ended) => format!("the machine's process {ended}"),
        Err(error) => format!("the machine's process is lost: {error}"),
    };
    let stderr = machine.stderr.text();
    let causes = if stderr.is_empty() { Vec::new() } else { vec![stderr] };
    Failure { stage, message, causes, console: machine.console.text() }
}

/// The failure of a running vm whose channel closed: how its machine ended if it did, that the agent is gone otherwise.
pub(super) async fn agent_gone(machine: &mut Machine) -> Failure {
    if let Some(ended) = just_ended(machine, REAP_LIMIT).await {
        return machine_ended(machine, ended, Stage::Running);
    }
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

/// Do what a guest may write to its disk for: one that is held because the host has no room for that does nothing more.
pub(super) async fn with_room<T>(
    data_dir: &Path,
    monitor: Option<&Monitor>,
    act: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = act => done,
        () = until_no_room(monitor) => Err(no_room(data_dir)),
    }
}

/// Wait until the engine holds the guest because the host's disk is full; for ever where there is no
/// monitor. Cancel-safe.
pub(super) async fn until_no_room(monitor: Option<&Monitor>) {
    match monitor {
        Some(monitor) => monitor.no_room().await,
        None => std::future::pending().await,
    }
}

/// The failure of a vm whose guest is held because the host's disk has no room for what it writes. What it has flushed is
/// there; the rest would never come to its end, and whoever waits for it is to know.
pub(super) fn no_room(data_dir: &Path) -> Failure {
    Failure {
        stage: Stage::HostFull,
        message: format!("the host's disk is full; free some of it: {}", data_dir.display()),
        causes: Vec::new(),
        console: String::new(),
    }
}

/// The failure of a vm whose engine writes where no record says so.
pub(super) fn unrecorded() -> Failure {
    Failure {
        stage: Stage::Running,
        message: "a new disk layer could not be recorded; the guest was ended before it wrote to it".to_owned(),
        causes: Vec::new(),
        console: String::new(),
    }
}
