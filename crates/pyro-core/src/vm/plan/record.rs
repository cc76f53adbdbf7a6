//! From a plan to a vm's record, and from the record to what its supervisor is told.

use super::machine::Plan;
use crate::config::Config;
use crate::store::vm::{NewVm, VmKind, VmRecord, VmState};
use crate::vm::control::protocol::{EngineLaunch, Launch};
use crate::vm::paths;
use crate::vm::shape::Shape;
use std::time::Duration;

/// The record of a new vm of this process, not written yet. Its lifetime begins now.
///
/// # Errors
/// When the host's random generator fails.
pub fn new(
    kind: VmKind,
    state: VmState,
    environment: &str,
    shape: Shape,
    plan: &Plan,
) -> Result<VmRecord, getrandom::Error> {
    let vm = VmRecord::new(NewVm {
        kind,
        environment: environment.to_owned(),
        environment_version: plan.environment_version.clone(),
        backing: plan.backing.clone(),
        vcpu_count: shape.vcpu_count,
        mem_mib: shape.mem_mib,
        ttl_seconds: shape.ttl_seconds,
    })?;
    let lifetime = Duration::from_secs(shape.ttl_seconds.into());
    Ok(VmRecord { state, expires_at: Some(vm.created_at + lifetime), ..vm })
}

/// The shape that a vm was created with.
#[must_use]
pub fn shape(vm: &VmRecord) -> Shape {
    Shape { vcpu_count: vm.vcpu_count, mem_mib: vm.mem_mib, ttl_seconds: vm.ttl_seconds }
}

/// What the supervisor of `vm` is told; its disk is one layer in the vm's own directory.
#[must_use]
pub fn launch(config: &Config, vm: &VmRecord, engine: EngineLaunch) -> Launch {
    Launch {
        id: vm.id,
        kind: vm.kind,
        revision: vm.revision,
        shape: shape(vm),
        expires_at: vm.expires_at,
        layers: vec![paths::layer(config, vm.id)],
        engine,
    }
}
