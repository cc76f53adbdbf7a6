//! What surfaces tell of a vm: one shape for the command line, MCP and Python.

use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use crate::store::vm::{VmRecord, VmState};
use crate::timestamp::Timestamp;
use crate::vm::result::CommandResult;
use serde::Serialize;
use std::collections::BTreeMap;

/// A vm. The names are those of the contract; `last_error` is ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VmInfo {
    /// Its id.
    pub vm_id: Id,
    /// Name of its environment.
    pub environment: String,
    /// Version of that environment as installed.
    pub environment_version: Option<String>,
    /// Virtual CPUs.
    pub vcpu_count: u8,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// Lifetime from creation, in seconds.
    pub ttl_seconds: u32,
    /// Seconds since 1970.
    pub created_at: Timestamp,
    /// Seconds since 1970.
    pub expires_at: Option<Timestamp>,
    /// `created`, `started`, `stopped`, or on the way: `starting`, `stopping`, `deleting`.
    pub state: VmState,
    /// Always false: networking is not built yet.
    pub network_enabled: bool,
    /// Whether it may run on the host where no guest can.
    pub allow_host_compat: bool,
    /// Always null.
    pub guest_ip: Option<String>,
    /// Always null.
    pub tap_name: Option<String>,
    /// `pending` before the first start; then what runs it, or last did: `guest_kvm`, `guest_tcg`
    /// or `host_compat`.
    pub execution_mode: ExecutionMode,
    /// Always empty: nothing of how it is kept concerns its user.
    pub metadata: BTreeMap<String, String>,
    /// Why it stopped by itself, or did not start.
    pub last_error: Option<String>,
}

impl From<VmRecord> for VmInfo {
    fn from(vm: VmRecord) -> Self {
        Self {
            vm_id: vm.id,
            environment: vm.environment,
            environment_version: vm.environment_version,
            vcpu_count: vm.vcpu_count,
            mem_mib: vm.mem_mib,
            ttl_seconds: vm.ttl_seconds,
            created_at: vm.created_at,
            expires_at: vm.expires_at,
            state: vm.state,
            network_enabled: false,
            allow_host_compat: vm.allow_host_compat,
            guest_ip: None,
            tap_name: None,
            execution_mode: vm.execution_mode,
            metadata: BTreeMap::new(),
            last_error: vm.last_error,
        }
    }
}

/// That a vm is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VmDeleted {
    /// The vm that was.
    pub vm_id: Id,
    /// Always true.
    pub deleted: bool,
    /// `explicit_delete`, or `post_exec_cleanup`.
    pub reason: &'static str,
}

impl VmDeleted {
    /// Somebody asked for it.
    #[must_use]
    pub(crate) fn explicit(vm_id: Id) -> Self {
        Self { vm_id, deleted: true, reason: "explicit_delete" }
    }

    /// A command has used it.
    #[must_use]
    pub(crate) fn after_exec(vm_id: Id) -> Self {
        Self { vm_id, deleted: true, reason: "post_exec_cleanup" }
    }
}

/// A command that ran in a vm, which is gone since. The names are those of the contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VmExec {
    /// The vm.
    pub vm_id: Id,
    /// Name of its environment.
    pub environment: String,
    /// Version of that environment; none on the host.
    pub environment_version: Option<String>,
    /// How the command ended, and its output.
    #[serde(flatten)]
    pub result: CommandResult,
    /// That the vm was deleted.
    pub cleanup: VmDeleted,
}
