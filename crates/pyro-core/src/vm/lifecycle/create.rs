//! Creating a vm: its environment is installed and its record written; nothing runs yet.

use crate::config::Config;
use crate::store::Store;
use crate::store::vm::{VmKind, VmRecord, VmState};
use crate::vm::caller::Caller;
use crate::vm::error::VmError;
use crate::vm::plan::{self, record};
use crate::vm::recover::reap;
use crate::vm::shape::Shape;

/// What to create.
#[derive(Clone, Debug)]
pub struct VmRequest {
    /// Name of the environment; installed first where it is not.
    pub environment: String,
    /// The vm's shape.
    pub shape: Shape,
    /// Whether it may run on the host where no guest can.
    pub allow_host_compat: bool,
    /// Whether the guest is to reach the network.
    pub network: bool,
}

/// Create a vm that stays until it is used by a command, deleted, or its lifetime is over.
///
/// # Errors
/// [`VmError`]; whatever it is, there is no vm.
pub async fn create(
    config: &Config,
    request: &VmRequest,
    caller: &mut Caller,
) -> Result<VmRecord, VmError> {
    let (mut progress, cancel) = caller.parts();
    if request.network {
        return Err(VmError::NoNetwork);
    }
    let store = Store::open(&config.data_dir)?;
    reap::clear_leftovers_or_warn(config, &store);
    let (environment, shape) = (&request.environment, request.shape);
    let plan = tokio::select! {
        plan = plan::plan(config, &store, environment, shape, request.allow_host_compat, &mut progress) => plan?,
        () = cancel.cancelled() => return Err(VmError::Cancelled),
    };
    let vm = record::new(VmKind::Vm, VmState::Created, environment, shape, &plan)?;
    let vm = VmRecord { allow_host_compat: request.allow_host_compat, ..vm };
    store.insert_vm(&vm, None)?;
    Ok(vm)
}
