//! The life of a vm that stays: one operation per file, over one table of states and records that
//! any process may claim.

mod claim;
pub mod create;
pub mod delete;
pub mod exec;
mod gone;
pub mod list;
pub mod network_info;
pub mod reap_expired;
pub mod start;
pub mod state;
pub mod stop;

use super::error::VmError;
use super::operation::Operation;
use super::recover::reap;
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::{VmKind, VmRecord};
use gone::{gone, gone_is_fine, is_over};

/// Find a vm for an operation: what is over is put away first, and its state is one that the
/// operation takes.
///
/// Blocks for as long as it takes to put away what dead processes left.
///
/// # Errors
/// [`VmError::NoSuchVm`], [`VmError::Expired`], [`VmError::WrongState`], [`VmError::Changing`].
pub fn open(
    config: &Config,
    kind: VmKind,
    id: Id,
    operation: Operation,
) -> Result<(Store, VmRecord), VmError> {
    let store = Store::open(&config.data_dir)?;
    let find = || store.vm(id).map(|vm| vm.filter(|vm| vm.kind == kind));
    let known = find()?.ok_or(VmError::NoSuchVm { id })?;
    if is_over(&known) {
        delete::delete(config, &store, known.clone()).or_else(gone_is_fine)?;
        return Err(gone(&known));
    }
    // What resists there does not concern this vm.
    if let Err(error) = reap::clear_leftovers(config, &store) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "leftovers wait for the next command"
        );
    }
    let vm = find()?.ok_or_else(|| gone(&known))?;
    state::check(&vm, operation)?;
    Ok((store, vm))
}
