//! A guest's start: from a template where there is one, else by a boot that leaves one behind.

use super::boot_watch;
use super::failure::{after_broken_channel, failure};
use super::maker::Making;
use super::record::Supervisor;
use super::sessions::Sessions;
use super::start::{Guest, port_of, wait_ready};
use crate::disk::set_backing_name;
use crate::engine::machine::Machine;
use crate::engine::qemu;
use crate::engine::qemu::argv::fd;
use crate::engine::qmp::monitor::MonitorError;
use crate::engine::spec::{Accel, MachineSpec, Memory};
use crate::guest::boot::Port;
use crate::host::{fs, pipe, sparse};
use crate::store::vm::VmKind;
use crate::vm::control::protocol::QemuLaunch;
use crate::vm::failure::{Failure, Stage};
use crate::vm::template::save::load;
use crate::vm::template::{MakerLock, Template, TemplateKey, TemplateStore};
use crate::vm::timeline::Step;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;
use tokio::net::unix::pipe::Sender;
use tracing::Instrument;

/// How long a machine may take from its start to its agent's first word, however well it gets on. A
/// cold boot takes 1.7 s under TCG and 0.4 s on KVM on an idle host; twenty at once on two cores
/// take twenty times that.
fn boot_limit(accel: Accel) -> Duration {
    match accel {
        Accel::Tcg => Duration::from_secs(180),
        Accel::Kvm => Duration::from_secs(40),
    }
}

/// Most bytes of the devices' state of a machine; one of a single processor takes 60 KiB.
const STATE_LEN: u64 = 16 << 20;

/// How a start from a template failed.
enum TemplateFailure {
    /// The template is no good: the vm boots instead.
    Unusable(Failure),
    /// Something else ended the machine.
    Other(Failure),
}

/// The templates that fit a vm.
struct Keys {
    /// With no disk mounted.
    bare: TemplateKey,
    /// With this disk mounted; only for a disk that nothing was written to yet.
    mounted: Option<TemplateKey>,
}

impl Supervisor<'_> {
    /// Start the guest of `qemu` and meet its agent.
    pub(super) async fn start_guest(
        &self,
        slot: &mut Option<Machine>,
        qemu: &QemuLaunch,
    ) -> Result<Guest, Failure> {
        let templates = TemplateStore::new(self.config);
        let new = self.is_new();
        let Some(keys) = self.keys(qemu) else {
            let spec = self.machine_spec(qemu, &qemu.blank_layer, new).map_err(no_files)?;
            return self.cold(slot, qemu, spec, None).await;
        };
        if let Some(guest) = self.resume_mounted(slot, qemu, &templates, &keys, new).await? {
            return Ok(guest);
        }
        let mut bare = templates.find(&keys.bare);
        // Whoever may make what is missing boots for it; all others start from what there is.
        let lock =
            if bare.is_none() || keys.mounted.is_some() { maker_lock(&templates) } else { None };
        if lock.is_some() {
            // Whoever had the lock may have made it since.
            if let Some(guest) = self.resume_mounted(slot, qemu, &templates, &keys, new).await? {
                return Ok(guest);
            }
            bare = templates.find(&keys.bare);
        }
        let missing = [bare.is_none().then_some(&keys.bare), keys.mounted.as_ref()];
        let lock = lock.filter(|_| missing.iter().any(Option::is_some));
        if lock.is_none()
            && let Some(template) = &bare
            && let Some(sessions) = self.resume(slot, qemu, &keys.bare, template, new).await?
        {
            return Ok(Guest { sessions, mounted: false });
        }
        let spec = self.machine_spec(qemu, &qemu.blank_layer, new).map_err(no_files)?;
        let ([bare, mounted], data_dir) = (missing, self.config.data_dir.as_path());
        let making = lock.as_ref().map(|lock| Making {
            templates: &templates,
            lock,
            bare,
            mounted,
            qemu,
            data_dir,
        });
        self.cold(slot, qemu, spec, making).await
    }

    /// Start from the template that has the vm's disk mounted, where there is one that is good.
    async fn resume_mounted(
        &self,
        slot: &mut Option<Machine>,
        qemu: &QemuLaunch,
        templates: &TemplateStore,
        keys: &Keys,
        new: bool,
    ) -> Result<Option<Guest>, Failure> {
        if let Some(key) = &keys.mounted
            && let Some(template) = templates.find(key)
        {
            let resumed = self.resume(slot, qemu, key, &template, new).await?;
            return Ok(resumed.map(|sessions| Guest { sessions, mounted: true }));
        }
        Ok(None)
    }

    /// The templates that fit; the mounted one only where the vm's disk is still to be made.
    fn keys(&self, qemu: &QemuLaunch) -> Option<Keys> {
        if !qemu.templates {
            return None;
        }
        let bare = TemplateKey::of(&qemu.program, &self.spec(qemu));
        let keys = bare.and_then(|bare| {
            let mounted =
                self.is_new().then(|| bare.mounted(&qemu.image, &qemu.warm)).transpose()?;
            Ok(Keys { bare, mounted })
        });
        keys.inspect_err(|error| tracing::warn!(%error, "no template for this machine")).ok()
    }

    /// Whether nothing was written to the vm's disk yet, which stands on no other's layers.
    fn is_new(&self) -> bool {
        match self.launch.layers.as_slice() {
            [own] => !self.launch.kind.stays() || !own.exists(),
            _ => false,
        }
    }

    fn spec(&self, qemu: &QemuLaunch) -> MachineSpec {
        // What a vm that stays has flushed must be there after a power cut.
        qemu.machine(self.launch.shape, self.launch.layers.clone(), self.launch.kind.stays())
    }

    /// The vm's machine; a disk that is still to be made is a copy of `layer`.
    fn machine_spec(&self, qemu: &QemuLaunch, layer: &Path, new: bool) -> io::Result<MachineSpec> {
        if let Some(own) = self.launch.layers.last()
            && (new || !own.exists())
        {
            let copy = if self.launch.kind.stays() { sparse::copy_whole } else { sparse::copy_new };
            // One that a template which failed has left is of no use.
            fs::remove_file(own).map_err(io::Error::other)?;
            copy(layer, own)?;
        }
        self.name_layers(qemu);
        Ok(self.spec(qemu))
    }

    /// Let each layer that others may stand on name the one below it as QEMU will know that. Those
    /// of a vm that was moved, or closed while it ran, say something else.
    fn name_layers(&self, qemu: &QemuLaunch) {
        if self.launch.kind != VmKind::Workspace {
            return;
        }
        let layers = &self.launch.layers;
        for (below, layer) in std::iter::once(&qemu.image).chain(layers).zip(layers) {
            if let Err(error) = set_backing_name(layer, below) {
                tracing::debug!(%error, layer = %layer.display(), "a layer keeps its name");
            }
        }
    }

    /// Start from a template; none when it is no good, and is then set aside.
    async fn resume(
        &self,
        slot: &mut Option<Machine>,
        qemu: &QemuLaunch,
        key: &TemplateKey,
        template: &Template,
        new: bool,
    ) -> Result<Option<Sessions>, Failure> {
        let resumed = self.try_resume(slot, qemu, template, new);
        match resumed.instrument(tracing::debug_span!("template", key = key.name())).await {
            Ok(sessions) => Ok(Some(sessions)),
            Err(TemplateFailure::Other(failure)) => Err(failure),
            Err(TemplateFailure::Unusable(failure)) => {
                tracing::warn!(key = key.name(), %failure, causes = ?failure.causes, "a template failed; the vm starts without");
                TemplateStore::new(self.config).set_aside(key);
                end(slot).await;
                Ok(None)
            }
        }
    }

    async fn try_resume(
        &self,
        slot: &mut Option<Machine>,
        qemu: &QemuLaunch,
        template: &Template,
        new: bool,
    ) -> Result<Sessions, TemplateFailure> {
        let layer = template.layer();
        let layer = layer.as_deref().unwrap_or(&qemu.blank_layer);
        let spec =
            self.machine_spec(qemu, layer, new).map_err(|error| match fs::is_full(&error) {
                true => TemplateFailure::Other(no_files(error)),
                false => TemplateFailure::Unusable(no_files(error)),
            })?;
        let spec = MachineSpec { memory: Memory::Template(template.ram()), ..spec };
        let state = fs::read_bounded(&template.state(), STATE_LEN);
        let state =
            state.map_err(|error| TemplateFailure::Unusable(failure(Stage::Files, &error)))?;
        let (pipe, theirs) =
            pipe::to_program().map_err(|error| TemplateFailure::Other(no_files(error)))?;
        // Somebody may have removed it in this very moment; what else is in the way of a start is
        // in a boot's way too.
        let machine =
            start(qemu, &spec, vec![(theirs, fd::STATE)]).map_err(TemplateFailure::Unusable)?;
        let machine = self.keep(slot, machine).map_err(TemplateFailure::Other)?;
        let port = port_of(machine).map_err(TemplateFailure::Other)?;
        let met = match load_state(machine, pipe, &state).await {
            Ok(()) => {
                self.stopwatch.mark(Step::Restored);
                self.greet(machine, port).await
            }
            Err(error) => Err(after_broken_channel(machine, Stage::Boot, &error).await),
        };
        match met {
            Ok(sessions) => Ok(sessions),
            // Killed by somebody, as any machine can be, or held for want of room: that says
            // nothing of the template.
            Err(failure) if machine.was_killed() || failure.stage == Stage::HostFull => {
                Err(TemplateFailure::Other(failure))
            }
            Err(failure) => Err(TemplateFailure::Unusable(failure)),
        }
    }

    /// Boot, and save templates on the way where some are to be made.
    async fn cold(
        &self,
        slot: &mut Option<Machine>,
        qemu: &QemuLaunch,
        mut spec: MachineSpec,
        making: Option<Making<'_>>,
    ) -> Result<Guest, Failure> {
        let mut fds = Vec::new();
        let mut memory = None;
        if making.is_some()
            && let Some((ours, theirs)) = shared_memory(&spec)
        {
            spec.memory = Memory::Shared;
            fds.push((theirs, fd::MEMORY));
            memory = Some(ours);
        }
        let machine = self.keep(slot, start(qemu, &spec, fds)?)?;
        let mut port = port_of(machine)?;
        boot(machine, &mut port, spec.accel, &qemu.abilities.version).await?;
        self.stopwatch.mark(Step::Booted);
        let mut mounted = false;
        if let (Some(making), Some(memory)) = (making, memory) {
            let made = making.make(machine, &mut port, &memory, spec.disk.layers.last());
            mounted = made.instrument(tracing::debug_span!("make templates")).await?;
            self.stopwatch.mark(Step::Saved);
        }
        Ok(Guest { sessions: self.greet(machine, port).await?, mounted })
    }
}

/// Wait for a booting guest's agent, for as long as the guest gets on.
async fn boot(
    machine: &mut Machine,
    port: &mut Port,
    accel: Accel,
    qemu: &str,
) -> Result<(), Failure> {
    let (pid, console) = (machine.child.id(), machine.console.clone());
    let hang = tokio::select! {
        ready = wait_ready(machine, port, boot_limit(accel)) => return ready,
        hang = boot_watch::until_hung(pid, &console) => hang,
    };
    Err(boot_watch::failure(machine, hang, accel, qemu))
}

fn start(
    qemu: &QemuLaunch,
    spec: &MachineSpec,
    fds: Vec<(OwnedFd, i32)>,
) -> Result<Machine, Failure> {
    let _span = tracing::debug_span!("engine").entered();
    qemu::start(&qemu.program, spec, fds).map_err(|error| failure(Stage::Engine, &error))
}

fn no_files(error: io::Error) -> Failure {
    failure(Stage::Files, &error)
}

/// Be the one that makes templates; whatever is in the way, the vm starts without.
fn maker_lock(templates: &TemplateStore) -> Option<MakerLock> {
    let locked =
        templates.lock().inspect_err(|error| tracing::warn!(%error, "no template can be made"));
    locked.ok().flatten()
}

/// Memory for a machine that is to be saved: one descriptor for us, one for the engine.
fn shared_memory(spec: &MachineSpec) -> Option<(File, OwnedFd)> {
    let made = sparse::in_memory("pyro-template", u64::from(spec.mem_mib) << 20)
        .and_then(|memory| memory.try_clone().map(|theirs| (memory, theirs.into())));
    match made {
        Ok(made) => Some(made),
        Err(error) => {
            tracing::warn!(%error, "no memory for a template");
            None
        }
    }
}

async fn load_state(machine: &Machine, pipe: Sender, state: &[u8]) -> Result<(), MonitorError> {
    load(machine.monitor()?, pipe, state).await
}

/// Kill and reap what is in `slot`.
async fn end(slot: &mut Option<Machine>) {
    if let Some(mut machine) = slot.take()
        && let Err(error) = machine.kill().await
    {
        tracing::warn!(%error, "the machine's process could not be reaped");
    }
}
