//! Boots that nobody's command waits for: templates ahead of need, and the trial whether this host
//! runs guests at all.

use super::control::protocol::{EngineLaunch, Launch};
use super::control::starter::Leased;
use super::error::VmError;
use super::plan::Plan;
use super::recover::reap;
use super::shape::Shape;
use super::template::{TemplateKey, TemplateStore};
use super::{one_shot, plan};
use crate::config::Config;
use crate::engine::EngineError;
use crate::environment::{InstallStage, Progress};
use crate::execution_mode::ExecutionMode;
use crate::store::Store;
use crate::store::vm::VmKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Memory of the guest of a trial: a host with little of it can try, too.
const TRIAL_MIB: u32 = 512;

/// Make the templates that an installed environment's vms of the default shape start from, where
/// they are missing. Without one they boot: a failure is told to the log only.
pub async fn prepare(
    config: &Config,
    environment: &str,
    progress: &mut (dyn FnMut(Progress) + Send),
) {
    if !config.templates {
        return;
    }
    match boot_first(config, environment, progress).await {
        Ok(()) => {}
        Err(VmError::Engine(error @ EngineError::ProgramMissing { .. })) => {
            tracing::debug!(%error, "nothing to make a template with");
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "no template was made")
        }
    }
}

async fn boot_first(
    config: &Config,
    environment: &str,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), VmError> {
    let store = Store::open(&config.data_dir)?;
    reap::clear_leftovers(config, &store)?;
    let shape = Shape::default();
    let plan = plan::plan(config, &store, environment, shape, false, progress).await?;
    if has_template(config, &plan.engine, shape)? {
        return Ok(());
    }
    progress(Progress::Stage(InstallStage::Template));
    boot(config, &store, environment, shape, plan).await.map(drop)
}

/// A trial boot that went well.
#[derive(Clone, Debug)]
pub struct Booted {
    /// `guest_kvm` or `guest_tcg`.
    pub execution_mode: ExecutionMode,
    /// From the supervisor's start to a mounted disk.
    pub took: Duration,
}

/// Boot a vm of an installed environment, without a template, until its disk is mounted, and end
/// it.
///
/// # Errors
/// Whatever keeps guests from running on this host; nothing of the vm is left.
pub async fn try_boot(
    config: &Config,
    store: &Store,
    environment: &str,
) -> Result<Booted, VmError> {
    let config = Config { templates: false, ..config.clone() };
    let shape = Shape { mem_mib: TRIAL_MIB, ..Shape::default() };
    let plan = plan::plan(&config, store, environment, shape, false, &mut |_| {}).await?;
    boot(&config, store, environment, shape, plan).await
}

async fn boot(
    config: &Config,
    store: &Store,
    environment: &str,
    shape: Shape,
    plan: Plan,
) -> Result<Booted, VmError> {
    let launch = one_shot::record(config, store, VmKind::OneShot, environment, shape, plan)?;
    let ended = start_and_end(config, &launch).await;
    one_shot::clear_if_abandoned(config, store, launch.id);
    ended
}

fn has_template(config: &Config, engine: &EngineLaunch, shape: Shape) -> Result<bool, VmError> {
    let EngineLaunch::Qemu(qemu) = engine else { return Ok(true) };
    // No key holds a vm's own layer.
    let bare = TemplateKey::of(&qemu.program, &qemu.machine(shape, vec![PathBuf::new()], false))?;
    let mounted = bare.mounted(&qemu.image, &qemu.warm)?;
    let templates = TemplateStore::new(config);
    Ok(templates.find(&bare).is_some() && templates.find(&mounted).is_some())
}

async fn start_and_end(config: &Config, launch: &Launch) -> Result<Booted, VmError> {
    let began = Instant::now();
    let vm = Leased::start(config, launch).await?;
    let booted = Booted { execution_mode: vm.execution_mode, took: began.elapsed() };
    match vm.end().await? {
        None => Ok(booted),
        Some(failure) => Err(VmError::Failed(failure)),
    }
}
