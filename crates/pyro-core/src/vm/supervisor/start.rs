//! Starting the machine of a vm: files, engine, meeting, mount; each stage has its own typed end.

use super::Supervisor;
use crate::engine::machine::{Ended, Machine};
use crate::engine::spec::{Accel, DiskSpec, MachineSpec};
use crate::engine::{EngineError, host, qemu};
use crate::guest::boot::{Identity, MeetError, Port};
use crate::guest::transport::Channel;
use crate::guest::{self, client};
use crate::host::sparse;
use crate::vm::launch::{EngineLaunch, Failure, QemuLaunch, Stage};
use crate::vm::paths;
use crate::vm::timeline::Step;
use pyro_protocol::message::{Mount, Request};
use std::error::Error;
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;
use tokio::net::UnixListener;
use tracing::Instrument;

/// How long a machine may take from its start to its agent's first word. A cold boot takes 1.7 s under TCG and 0.4 s
/// on KVM on an idle host; twenty at once on two cores take twenty times that.
fn boot_limit(accel: Option<Accel>) -> Duration {
    match accel {
        Some(Accel::Tcg) => Duration::from_secs(180),
        Some(Accel::Kvm) => Duration::from_secs(40),
        None => Duration::from_secs(20),
    }
}

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
        let machine = slot.insert(match &self.launch.engine {
            EngineLaunch::Qemu(qemu) => self.start_qemu(qemu)?,
            EngineLaunch::Host => start_host()?,
        });
        if let Some(process) = machine.process() {
            self.store.set_vm_engine(self.launch.id, process).map_err(|error| failure(Stage::Files, &error))?;
        }
        self.stopwatch.mark(Step::Engine);
        let channel = self.meet(machine).await?;
        self.stopwatch.mark(Step::Welcome);
        self.mount(machine, &channel).instrument(tracing::debug_span!("mount")).await?;
        self.stopwatch.mark(Step::Mounted);
        let listener = self.listen().map_err(|error| failure(Stage::Files, &error))?;
        let started = self.store.set_vm_started(self.launch.id, self.execution_mode());
        started.map_err(|error| failure(Stage::Files, &error))?;
        Ok((channel, listener))
    }

    fn start_qemu(&self, qemu: &QemuLaunch) -> Result<Machine, Failure> {
        let layer = paths::layer(self.config, self.launch.id);
        sparse::copy_new(&qemu.blank_layer, &layer).map_err(|error| failure(Stage::Files, &error))?;
        let spec = MachineSpec {
            accel: qemu.accel,
            vcpu_count: self.launch.shape.vcpu_count,
            mem_mib: self.launch.shape.mem_mib,
            kernel: qemu.kernel.clone(),
            disk: DiskSpec { layer, backing: vec![qemu.image.clone()] },
            tsc_khz: qemu.tsc_khz,
        };
        let _span = tracing::debug_span!("engine").entered();
        qemu::start(&qemu.program, &spec).map_err(|error| failure(Stage::Engine, &error))
    }

    async fn meet(&self, machine: &mut Machine) -> Result<Channel, Failure> {
        let accel = match &self.launch.engine {
            EngineLaunch::Qemu(qemu) => Some(qemu.accel),
            EngineLaunch::Host => None,
        };
        let stream = machine.channel.take().ok_or_else(|| failure(Stage::Boot, &client::ClientError::Ended))?;
        let identity = Identity { hostname: format!("pyro-{}", self.launch.id) };
        let met = async {
            let mut port = Port::new(stream);
            port.ready(boot_limit(accel)).instrument(tracing::debug_span!("boot")).await?;
            self.stopwatch.mark(Step::Agent);
            port.hello(&identity, ANSWER_LIMIT).instrument(tracing::debug_span!("hello")).await
        };
        // A machine that ends closes its socket too: what ended it says more than the broken connection.
        let met = met.await;
        match met {
            Ok((channel, welcome)) => {
                tracing::debug!(kernel = welcome.kernel_release, agent = welcome.agent_version, "met the guest");
                Ok(channel)
            }
            Err(MeetError::Channel(error)) => Err(after_broken_channel(machine, Stage::Boot, &error).await),
            Err(error) => Err(Failure { console: machine.console.text(), ..failure(Stage::Boot, &error) }),
        }
    }

    async fn mount(&self, machine: &mut Machine, channel: &Channel) -> Result<(), Failure> {
        let request = Request::Mount(Mount { device: "/dev/vda".to_owned(), fstype: "ext4".to_owned() });
        let mounted = async {
            let stream = channel.open().await.map_err(|error| client::ClientError::Io(io::Error::other(error)))?;
            client::call(stream, &request).await
        };
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

fn start_host() -> Result<Machine, Failure> {
    let agent =
        sparse::executable_in_memory("pyro-agent", guest::AGENT).map_err(|error| failure(Stage::Engine, &error))?;
    let program = format!("/proc/self/fd/{}", agent.as_raw_fd());
    host::start(program.as_ref()).map_err(|error: EngineError| failure(Stage::Engine, &error))
}

/// The channel broke: say how the machine ended if it did, what the channel met otherwise.
async fn after_broken_channel(machine: &mut Machine, stage: Stage, error: &client::ClientError) -> Failure {
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

fn failure(stage: Stage, error: &(dyn Error + 'static)) -> Failure {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string).collect();
    Failure { stage, message: error.to_string(), causes, console: String::new() }
}
