//! A vm for one purpose: recorded before it starts, and nothing of it left afterwards.

use super::error::VmError;
use super::launch::Launch;
use super::plan::Plan;
use super::reap;
use super::shape::Shape;
use crate::config::Config;
use crate::host::clock;
use crate::host::process::{self, ProcessId};
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::{VmKind, VmRecord, VmState};
use std::time::Duration;

/// How long a supervisor that closed its sockets may take to be gone.
const DEATH_LIMIT: Duration = Duration::from_secs(5);

/// Record a vm of this process that ends with it.
///
/// # Errors
/// When the records cannot be written.
pub(super) fn record(store: &Store, environment: &str, shape: Shape, plan: Plan) -> Result<Launch, VmError> {
    let created_at = clock::wall_seconds();
    let record = VmRecord {
        id: Id::random()?,
        kind: VmKind::OneShot,
        environment: environment.to_owned(),
        environment_version: plan.environment_version,
        vcpu_count: shape.vcpu_count,
        mem_mib: shape.mem_mib,
        ttl_seconds: shape.ttl_seconds,
        created_at,
        expires_at: created_at + f64::from(shape.ttl_seconds),
        state: VmState::Starting,
        execution_mode: "pending".to_owned(),
        boot_id: process::boot_id(),
        owner: ProcessId::current(),
        supervisor: None,
        engine: None,
    };
    store.insert_vm(&record)?;
    Ok(Launch { id: record.id, shape, expires_at: record.expires_at, engine: plan.engine, leased: true })
}

/// A supervisor clears away its own vm; this is for one that was killed, or that never came to be.
pub(super) fn clear_if_abandoned(config: &Config, store: &Store, id: Id) {
    let vm = match store.vm(id) {
        Ok(Some(vm)) => vm,
        Ok(None) => return,
        Err(error) => return tracing::warn!(%error, "cannot look for leftovers"),
    };
    // A dying process closes its sockets a moment before it is gone.
    if vm.supervisor.is_some_and(|supervisor| !supervisor.wait_gone(DEATH_LIMIT)) {
        return;
    }
    if let Err(error) = reap::clear_vm(config, store, &vm) {
        tracing::warn!(%error, "leftovers wait for the next command");
    }
}
