//! From a request to what a supervisor is told: which engine, which kernel, which image.

use crate::backing::Backing;
use crate::config::{Config, QemuProgram};
use crate::engine::qemu::Abilities;
use crate::engine::qemu::accel::{self, KvmVerdict};
use crate::engine::spec::KernelSpec;
use crate::engine::{Accel, EngineError, qemu};
use crate::environment::{
    Agent, Environment, EnvironmentError, EnvironmentStore, Installed, KernelAccel, Progress,
};
use crate::guest::agent;
use crate::host::clock;
use crate::host::fs::Stamp;
use crate::store::Store;
use crate::vm::control::protocol::{EngineLaunch, QemuLaunch};
use crate::vm::error::VmError;
use crate::vm::shape::Shape;
use crate::vm::template::TemplateStore;
use std::time::Duration;

/// How long the time stamp counter is measured, once per boot of the host; 100 ms give its rate to
/// about one part in a million.
const TSC_WINDOW: Duration = Duration::from_millis(100);

/// What a vm is started with.
#[derive(Debug)]
pub struct Plan {
    /// For its supervisor.
    pub engine: EngineLaunch,
    /// Version of the environment, where one is used.
    pub environment_version: Option<String>,
    /// What its disk stands on.
    pub backing: Backing,
}

impl Plan {
    /// The agent as a plain process of the host.
    pub(in crate::vm) fn host() -> Self {
        Self { engine: EngineLaunch::Host, environment_version: None, backing: Backing::HostTree }
    }
}

/// Plan a vm: a guest, or the host where that is allowed and no guest can be had.
///
/// # Errors
/// [`VmError::Engine`] when this host runs no guest, [`VmError::Environment`].
pub async fn plan(
    config: &Config,
    store: &Store,
    environment: &str,
    shape: Shape,
    allow_host_compat: bool,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Plan, VmError> {
    // The name is checked first, so that a wrong one is never hidden by a fallback.
    Environment::find(environment)?;
    let program = match qemu::find(config) {
        Ok(program) => program,
        // No image is installed that would not be used.
        Err(EngineError::ProgramMissing { .. }) if allow_host_compat => {
            return Ok(on_host(progress));
        }
        Err(error) => return Err(error.into()),
    };
    // What is asked for and cannot be had, whatever the kernel, is known before an image is
    // installed for it.
    match accel::choose(config.accel, &[], || kvm_verdict(store)) {
        Err(EngineError::KvmUnusable { .. }) if allow_host_compat => return Ok(on_host(progress)),
        chosen => drop(chosen?),
    }
    let abilities = match abilities(store, &program).await {
        Err(EngineError::TooOld { .. }) if allow_host_compat => return Ok(Plan::host()),
        asked => asked?,
    };
    let environments = EnvironmentStore::new(config);
    let installed = installed(&environments, environment, progress).await?;
    let kernel = &installed.kernel;
    let accels: Vec<Accel> = kernel.accel.iter().copied().map(Accel::from).collect();
    let accel = accel::choose(config.accel, &accels, || kvm_verdict(store))?;
    if !accels.contains(&accel) {
        return Err(EngineError::KernelNeedsOther { kernel: kernel.vmlinux.clone(), accel }.into());
    }
    if let Some(max) = kernel.max_vcpus.filter(|max| u32::from(shape.vcpu_count) > *max) {
        return Err(VmError::TooManyVcpus { max });
    }
    let engine = QemuLaunch {
        program: program.for_accel(accel, &abilities),
        abilities,
        accel,
        kernel: KernelSpec {
            vmlinux: kernel.vmlinux.clone(),
            initramfs: environments.initramfs(
                kernel,
                &Agent { executable: agent::executable, digest: agent::digest() },
            )?,
            acpi: kernel.acpi,
            args: kernel.args.clone(),
        },
        image: installed.image.clone(),
        blank_layer: installed.blank.clone(),
        warm: installed.environment.warm,
        tsc_khz: TemplateStore::new(config).tsc_khz(|| clock::measure_tsc_khz(TSC_WINDOW)),
        templates: config.templates,
    };
    Ok(Plan {
        engine: EngineLaunch::Qemu(Box::new(engine)),
        environment_version: Some(installed.environment.version),
        backing: Backing::Image(installed.image_digest.into()),
    })
}

fn on_host(progress: &mut (dyn FnMut(Progress) + Send)) -> Plan {
    progress(Progress::OnHost);
    Plan::host()
}

async fn installed(
    environments: &EnvironmentStore,
    name: &str,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Installed, VmError> {
    match environments.open(name) {
        Err(EnvironmentError::NotInstalled { .. }) => Ok(environments.pull(name, progress).await?),
        opened => Ok(opened?),
    }
}

impl From<KernelAccel> for Accel {
    fn from(accel: KernelAccel) -> Self {
        match accel {
            KernelAccel::Kvm => Self::Kvm,
            KernelAccel::Tcg => Self::Tcg,
        }
    }
}

/// What a QEMU said of itself on this boot of the host; it is asked where that is not remembered,
/// or it was replaced.
///
/// # Errors
/// As [`Abilities::ask`].
pub async fn abilities(store: &Store, qemu: &QemuProgram) -> Result<Abilities, EngineError> {
    let now = format!("{:?}", Stamp::of(&qemu.executable).ok());
    let name = format!("qemu {:?} {:?}", qemu.executable, qemu.libraries);
    let remembered = store.boot_fact(&name).ok().flatten();
    if let Some((stamp, abilities)) =
        remembered.and_then(|text| serde_json::from_str::<(String, _)>(&text).ok())
        && stamp == now
    {
        return Ok(abilities);
    }
    let abilities = Abilities::ask(qemu).await?;
    if let Ok(text) = serde_json::to_string(&(now, &abilities))
        && let Err(error) = store.remember_boot_fact(&name, &text)
    {
        tracing::warn!(%error, "cannot remember what QEMU said of itself");
    }
    Ok(abilities)
}

/// What the probe found on this boot of the host; measured when it is not remembered.
#[must_use]
pub fn kvm_verdict(store: &Store) -> KvmVerdict {
    let remembered = store.boot_fact("kvm").ok().flatten();
    // A verdict that says "may not be opened" is looked at again: a group may have been joined
    // since.
    if let Some(verdict) =
        remembered.and_then(|text| serde_json::from_str::<KvmVerdict>(&text).ok())
        && !matches!(verdict, KvmVerdict::Unusable { .. })
    {
        return verdict;
    }
    let verdict = accel::probe();
    if let Ok(text) = serde_json::to_string(&verdict)
        && let Err(error) = store.remember_boot_fact("kvm", &text)
    {
        tracing::warn!(%error, "cannot remember what KVM is worth");
    }
    verdict
}
