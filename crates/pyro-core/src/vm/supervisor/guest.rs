//! A guest's start: from a template where there is one, else by a boot that leaves one behind.

use super::Supervisor;
use super::start::{after_broken_channel, failure, port_of, wait_ready};
use crate::engine::machine::Machine;
use crate::engine::qemu;
use crate::engine::qemu::argv::fd;
use crate::engine::qemu::qmp::{Qmp, QmpError};
use crate::engine::spec::{Accel, MachineSpec, Memory};
use crate::guest::transport::Channel;
use crate::host::{fs, sparse};
use crate::vm::launch::{Failure, QemuLaunch, Stage};
use crate::vm::paths;
use crate::vm::template::save::{SaveError, load, save};
use crate::vm::template::store::Staging;
use crate::vm::template::{Template, TemplateKey, TemplateStore};
use crate::vm::timeline::Step;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tracing::Instrument;

/// How long a machine may take from its start to its agent's first word. A cold boot takes 1.7 s under TCG and 0.4 s
/// on KVM on an idle host; twenty at once on two cores take twenty times that.
fn boot_limit(accel: Accel) -> Duration {
    match accel {
        Accel::Tcg => Duration::from_secs(180),
        Accel::Kvm => Duration::from_secs(40),
    }
}

/// How a start from a template failed.
enum TemplateFailure {
    /// The template is no good: the vm boots instead.
    Unusable(Failure),
    /// Something else ended the machine.
    Other(Failure),
}

impl Supervisor<'_> {
    /// Start the guest of `qemu` and meet its agent.
    pub(super) async fn start_guest(&self, slot: &mut Option<Machine>, qemu: &QemuLaunch) -> Result<Channel, Failure> {
        let spec = self.machine_spec(qemu)?;
        let templates = TemplateStore::new(self.config);
        let key = if qemu.templates { template_key(qemu, &spec) } else { None };
        if let Some(key) = &key
            && let Some(template) = templates.find(key)
        {
            let started = self.resume(slot, qemu, &spec, &template);
            match started.instrument(tracing::debug_span!("template", key = key.name())).await {
                Ok(channel) => return Ok(channel),
                Err(TemplateFailure::Other(failure)) => return Err(failure),
                Err(TemplateFailure::Unusable(failure)) => {
                    tracing::warn!(key = key.name(), %failure, causes = ?failure.causes, "a template failed; the vm boots");
                    templates.set_aside(key);
                    end(slot).await;
                }
            }
        }
        let staging = key.and_then(|key| begin(&templates, &key));
        self.cold(slot, qemu, spec, staging).await
    }

    fn machine_spec(&self, qemu: &QemuLaunch) -> Result<MachineSpec, Failure> {
        let layer = paths::layer(self.config, self.launch.id);
        sparse::copy_new(&qemu.blank_layer, &layer).map_err(|error| failure(Stage::Files, &error))?;
        Ok(qemu.machine(self.launch.shape, layer))
    }

    async fn resume(
        &self,
        slot: &mut Option<Machine>,
        qemu: &QemuLaunch,
        spec: &MachineSpec,
        template: &Template,
    ) -> Result<Channel, TemplateFailure> {
        let spec = MachineSpec { memory: Memory::Template(template.ram()), ..spec.clone() };
        let state =
            fs::open(&template.state()).map_err(|error| TemplateFailure::Unusable(failure(Stage::Files, &error)))?;
        // Somebody may have removed it in this very moment; what else is in the way of a start is in a boot's way too.
        let machine = start(qemu, &spec, vec![(state.into(), fd::STATE)]).map_err(TemplateFailure::Unusable)?;
        let machine = self.keep(slot, machine).map_err(TemplateFailure::Other)?;
        let port = port_of(machine).map_err(TemplateFailure::Other)?;
        let met = match load_state(machine).await {
            Ok(()) => {
                self.stopwatch.mark(Step::Restored);
                self.greet(machine, port).await
            }
            Err(error) => Err(after_broken_channel(machine, Stage::Boot, &error).await),
        };
        match met {
            Ok(channel) => Ok(channel),
            // Killed by somebody, as any machine can be: that says nothing of the template.
            Err(failure) if machine.was_killed() => Err(TemplateFailure::Other(failure)),
            Err(failure) => Err(TemplateFailure::Unusable(failure)),
        }
    }

    /// Boot, and save a template on the way where one is to be made.
    async fn cold(
        &self,
        slot: &mut Option<Machine>,
        qemu: &QemuLaunch,
        mut spec: MachineSpec,
        staging: Option<Staging>,
    ) -> Result<Channel, Failure> {
        let mut fds = Vec::new();
        let mut saving = None;
        if let Some(staging) = staging
            && let Some((memory, theirs)) = shared_memory(&spec)
        {
            spec.memory = Memory::Shared;
            fds.push((theirs, fd::MEMORY));
            saving = Some((staging, memory));
        }
        let machine = self.keep(slot, start(qemu, &spec, fds)?)?;
        let mut port = port_of(machine)?;
        wait_ready(machine, &mut port, boot_limit(spec.accel)).await?;
        self.stopwatch.mark(Step::Booted);
        if let Some((staging, memory)) = saving {
            save_template(machine, staging, &memory).instrument(tracing::debug_span!("save template")).await?;
            self.stopwatch.mark(Step::Saved);
        }
        self.greet(machine, port).await
    }
}

fn start(qemu: &QemuLaunch, spec: &MachineSpec, fds: Vec<(OwnedFd, i32)>) -> Result<Machine, Failure> {
    let _span = tracing::debug_span!("engine").entered();
    qemu::start(&qemu.program, spec, fds).map_err(|error| failure(Stage::Engine, &error))
}

fn template_key(qemu: &QemuLaunch, spec: &MachineSpec) -> Option<TemplateKey> {
    match TemplateKey::of(&qemu.program, spec) {
        Ok(key) => Some(key),
        Err(error) => {
            tracing::warn!(%error, "no template for this machine");
            None
        }
    }
}

/// Begin to make a template; whatever is in the way, the vm boots without.
fn begin(templates: &TemplateStore, key: &TemplateKey) -> Option<Staging> {
    match templates.begin(key) {
        Ok(staging) => staging,
        Err(error) => {
            tracing::warn!(%error, "no template can be made");
            None
        }
    }
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

async fn load_state(machine: &mut Machine) -> Result<(), QmpError> {
    let monitor = machine.monitor.take().ok_or(QmpError::Closed)?;
    load(&mut Qmp::handshake(monitor).await?).await
}

/// Save a template from a booted machine whose agent waits; only a machine that does not go on is a failure.
async fn save_template(machine: &mut Machine, staging: Staging, memory: &File) -> Result<(), Failure> {
    let Some(monitor) = machine.monitor.take() else { return Ok(()) };
    let saved = async { save(&mut Qmp::handshake(monitor).await?, memory, staging).await };
    match saved.await {
        Ok(()) => Ok(()),
        Err(error @ SaveError::NotResumed(_)) => Err(failure(Stage::Boot, &error)),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "no template was saved");
            Ok(())
        }
    }
}

/// Kill and reap what is in `slot`.
async fn end(slot: &mut Option<Machine>) {
    if let Some(mut machine) = slot.take()
        && let Err(error) = machine.kill().await
    {
        tracing::warn!(%error, "the machine's process could not be reaped");
    }
}
