//! The life of one vm that stands by: started, warmed, claimed at most once, ended.

use super::claimed::{Claim, Ended};
use super::in_use::InUse;
use super::pool::{Pool, Starting};
use super::waiting::Waiting;
use crate::backing::Backing;
use crate::config::Config;
use crate::environment::EnvironmentStore;
use crate::store::Store;
use crate::store::vm::VmKind;
use crate::vm::blocking::blocking;
use crate::vm::control::protocol::{EngineLaunch, Launch};
use crate::vm::control::starter::Leased;
use crate::vm::error::VmError;
use crate::vm::exec::{ExecIo, ExecRequest, exec};
use crate::vm::recover::reap;
use crate::vm::shape::Shape;
use crate::vm::{one_shot, plan};
use pyro_protocol::message::Command;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// How long one line may take to warm: an emulated guest on a busy host starts a program within a
/// second.
const WARM_LIMIT: Duration = Duration::from_secs(20);

/// A recorded vm.
struct Recorded {
    store: Store,
    launch: Launch,
    backing: Backing,
    environment_version: Option<String>,
}

/// Have one vm of `environment` stand by until it was used or is not wanted any more.
///
/// # Errors
/// When it could not be started; nothing of it is left.
pub(super) async fn stand(
    pool: &Pool,
    environment: &str,
    starting: Starting,
) -> Result<(), VmError> {
    let (config, name, closing) =
        (pool.config.clone(), environment.to_owned(), pool.closing.clone());
    // On a thread of its own: this looks at files and takes locks, and no call may wait for that.
    let Some(recorded) = blocking(move || record(&config, &name, &closing)).await? else {
        return Ok(());
    };
    let how = in_vm(pool, &recorded, environment, starting).await;
    let config = pool.config.clone();
    blocking(move || {
        one_shot::clear_if_abandoned(&config, &recorded.store, recorded.launch.id);
        Ok(())
    })
    .await?;
    if let How::Used { tell, ended, in_use } = how? {
        drop(in_use);
        // A claimant that is gone needs no answer.
        let _ = tell.send(ended);
    }
    Ok(())
}

/// Plan a vm and record it; none when nobody wants it any more.
fn record(
    config: &Config,
    environment: &str,
    closing: &CancellationToken,
) -> Result<Option<Recorded>, VmError> {
    // Nobody waits for it, so nothing is installed for it.
    EnvironmentStore::new(config).open(environment)?;
    let store = Store::open(&config.data_dir)?;
    if let Err(error) = reap::clear_leftovers(config, &store) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "leftovers wait for the next command"
        );
    }
    let shape = Shape::default();
    let mut progress = |_| {};
    let planned = plan::plan(config, &store, environment, shape, false, &mut progress);
    let Some(plan) = Handle::current().block_on(closing.run_until_cancelled(planned)) else {
        return Ok(None);
    };
    let plan = plan?;
    let (backing, environment_version) = (plan.backing.clone(), plan.environment_version.clone());
    let launch = one_shot::record(config, &store, VmKind::Standby, environment, shape, plan)?;
    Ok(Some(Recorded { store, launch, backing, environment_version }))
}

/// How a started vm ended.
enum How {
    Unused,
    Used { tell: oneshot::Sender<Ended>, ended: Ended, in_use: InUse },
}

async fn in_vm(
    pool: &Pool,
    recorded: &Recorded,
    environment: &str,
    starting: Starting,
) -> Result<How, VmError> {
    let launch = &recorded.launch;
    let mut vm = tokio::select! {
        biased;
        () = pool.closing.cancelled() => return Ok(How::Unused),
        started = Leased::start(&pool.config, launch) => started?,
    };
    tokio::select! {
        biased;
        () = pool.closing.cancelled() => return not_wanted(vm).await,
        warmed = warm(&vm, &launch.engine) => warmed?,
    }
    let (claim, claimed) = oneshot::channel();
    starting.into_waiting(Waiting {
        id: launch.id,
        environment: environment.to_owned(),
        backing: recorded.backing.clone(),
        environment_version: recorded.environment_version.clone(),
        execution_mode: vm.execution_mode,
        claim,
    });
    tracing::info!(id = %launch.id, environment, counts = ?pool.counts(), "a vm stands by");
    let claim = tokio::select! {
        // What was claimed is used, whatever else happens.
        biased;
        claim = claimed => claim.ok(),
        ended = vm.ended() => {
            let why = ended.map(|failure| failure.map(|failure| failure.message));
            tracing::warn!(id = %launch.id, ?why, "a vm died while it stood by");
            pool.died();
            return Ok(How::Unused);
        }
    };
    let Some(Claim { released, ended: tell, in_use }) = claim else { return not_wanted(vm).await };
    let ended = tokio::select! {
        failure = vm.ended() => failure,
        _ = released => vm.end().await,
    };
    Ok(How::Used { tell, ended, in_use })
}

async fn not_wanted(vm: Leased<'_>) -> Result<How, VmError> {
    if let Err(error) = vm.end().await {
        tracing::debug!(%error, "it had died, or died of this");
    }
    Ok(How::Unused)
}

/// Run what the environment's template was warmed with: an emulated processor has translated it
/// then.
async fn warm(vm: &Leased<'_>, engine: &EngineLaunch) -> Result<(), VmError> {
    let EngineLaunch::Qemu(qemu) = engine else { return Ok(()) };
    for line in &qemu.warm {
        let request = ExecRequest::new(Command::Shell(line.clone()), WARM_LIMIT);
        let (mut stdout, mut stderr) = (tokio::io::sink(), tokio::io::sink());
        exec(
            vm.client(),
            request,
            ExecIo { stdin: None, stdout: &mut stdout, stderr: &mut stderr, sizes: None },
        )
        .await?;
    }
    Ok(())
}
