//! One command in a started vm, after which the vm is gone.

use super::gone::gone;
use super::state;
use crate::config::Config;
use crate::store::Store;
use crate::store::vm::VmRecord;
use crate::vm::blocking::blocking;
use crate::vm::control::client::{Lease, SupervisorClient};
use crate::vm::error::VmError;
use crate::vm::exec::line::LineRequest;
use crate::vm::exec::{Began, ExecIo, ExecOutcome, ExecRequest, exec_noting};
use crate::vm::failure::Failure;
use crate::vm::limits::CLEAR_LIMIT;
use crate::vm::operation::Operation;
use crate::vm::paths;
use crate::vm::recover::reconcile;
use pyro_protocol::GuestPath;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Run a line for the guest's login shell in `vm`, then delete the vm, whatever the command's
/// status. Where the command never began, as `began` then says, the vm lives on; where this process is killed the vm is
/// gone.
///
/// # Errors
/// [`VmError::InUse`] when another command has the vm, [`VmError::Failed`] when the vm ended under
/// the command.
pub async fn exec_and_delete(
    config: &Config,
    vm: &VmRecord,
    line: &LineRequest,
    io: ExecIo<'_>,
    cancel: &CancellationToken,
    began: &Began,
) -> Result<ExecOutcome, VmError> {
    let client = SupervisorClient::new(config, vm.id);
    let lease = match client.lease().await {
        Ok(Some(lease)) => lease,
        Ok(None) => return Err(VmError::InUse { id: vm.id }),
        Err(error) => {
            return Err(tokio::select! {
                error = no_longer_started(config, vm, error) => error,
                () = cancel.cancelled() => VmError::Cancelled,
            });
        }
    };
    let in_guest = !vm.backing.is_host_tree();
    let request = ExecRequest { in_guest, ..line.exec_request(working_directory(config, vm)) };
    let executed = tokio::select! {
        executed = exec_noting(client, request, io, began).instrument(tracing::debug_span!("exec")) => executed,
        () = cancel.cancelled() => Err(VmError::Cancelled),
    };
    match executed {
        Err(error) if began.is_impossible() => {
            if let Err(error) = lease.release().await {
                tracing::warn!(%error, "the vm could not be given back");
            }
            Err(error)
        }
        executed => end(lease, executed).await,
    }
}

/// End the used vm. Why it had ended says more than the broken connection that told of it.
async fn end(lease: Lease, executed: Result<ExecOutcome, VmError>) -> Result<ExecOutcome, VmError> {
    match (lease.end().instrument(tracing::debug_span!("end")).await, executed) {
        (Err(failed @ VmError::Failed(_)), Err(VmError::Guest(_) | VmError::Control(_))) => {
            Err(failed)
        }
        // Whoever ended the vm has ended the command, or a child that its shell waited for; only
        // one that succeeded was not.
        (Err(failed @ VmError::Failed(_)), Ok(ExecOutcome { exit_code: 1.., .. })) => Err(failed),
        (Ok(()), Err(VmError::Guest(_) | VmError::Control(_))) => {
            Err(VmError::Failed(Failure::stopped()))
        }
        (_, executed) => executed,
    }
}

/// The supervisor is gone: say what became of the vm rather than that.
async fn no_longer_started(config: &Config, vm: &VmRecord, error: VmError) -> VmError {
    let (config, vm) = (config.clone(), vm.clone());
    let now = blocking(move || {
        let store = Store::open(&config.data_dir)?;
        let now = store.vm(vm.id)?.ok_or_else(|| gone(&vm))?;
        // It listens no more, and clears away at this moment.
        if let Some(supervisor) = now.supervisor {
            let _ = supervisor.wait_gone(CLEAR_LIMIT);
        }
        let now = store.vm(vm.id)?.ok_or_else(|| gone(&vm))?;
        reconcile::settle(&config, &store, &now)?;
        let now = store.vm(vm.id)?.ok_or_else(|| gone(&vm))?;
        state::check(&now, Operation::Exec)
    });
    now.await.err().unwrap_or(error)
}

/// `/` in a guest; on the host the vm's own directory.
fn working_directory(config: &Config, vm: &VmRecord) -> GuestPath {
    use std::os::unix::ffi::OsStrExt;
    if !vm.backing.is_host_tree() {
        return GuestPath::root();
    }
    let directory = paths::vm_dir(config, vm.id);
    GuestPath::parse(directory.as_os_str().as_bytes()).unwrap_or_else(|_| GuestPath::root())
}
