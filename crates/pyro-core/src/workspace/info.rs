//! What surfaces tell of a workspace: one shape for the command line, MCP and Python.

use super::paths::ROOT;
use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use crate::store::command::{CommandRecord, CommandState};
use crate::store::vm::{VmRecord, VmState};
use crate::store::workspace::{SeedRecord, WorkspaceRecord};
use crate::timestamp::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A workspace. The names are those of the contract; `last_error` and `change` are ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkspaceInfo {
    /// Its id.
    pub workspace_id: Id,
    /// What its user calls it.
    pub name: Option<String>,
    /// What it is found by.
    pub labels: BTreeMap<String, String>,
    /// Name of its environment.
    pub environment: String,
    /// Version of that environment as installed; none on the host.
    pub environment_version: Option<String>,
    /// Virtual CPUs.
    pub vcpu_count: u8,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// Lifetime from the last activity, in seconds; 0: none.
    pub ttl_seconds: u32,
    /// Seconds since 1970.
    pub created_at: Timestamp,
    /// Seconds since 1970.
    pub last_activity_at: Timestamp,
    /// Seconds since 1970; from then on it is stopped.
    pub expires_at: Option<Timestamp>,
    /// `created`, `started` or `stopped`, or on the way.
    pub state: VmState,
    /// Always `off`: networking is not built yet.
    pub network_policy: &'static str,
    /// Always false.
    pub network_enabled: bool,
    /// As it was asked for.
    pub allow_host_compat: bool,
    /// Always null.
    pub guest_ip: Option<String>,
    /// Always null.
    pub tap_name: Option<String>,
    /// `pending` before the first start; then `guest_kvm`, `guest_tcg` or `host_compat`.
    pub execution_mode: ExecutionMode,
    /// What its files are below; on the host a directory of another name, in which commands begin.
    pub workspace_path: &'static str,
    /// What it was first filled with.
    pub workspace_seed: SeedRecord,
    /// Its secrets by name.
    pub secrets: Vec<SecretInfo>,
    /// Commands since it was created or reset.
    pub command_count: u64,
    /// The newest of them.
    pub last_command: Option<LastCommand>,
    /// Resets so far.
    pub reset_count: u64,
    /// Seconds since 1970.
    pub last_reset_at: Option<Timestamp>,
    /// Its services, those included that have ended.
    pub service_count: u64,
    /// Those of them that run.
    pub running_service_count: u64,
    /// Always empty: nothing of how it is kept concerns its user.
    pub metadata: BTreeMap<String, String>,
    /// What is being done to it at this moment.
    pub change: Option<&'static str>,
    /// Why its vm stopped by itself.
    pub last_error: Option<String>,
}

/// A secret, of which nobody is told the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretInfo {
    /// Its name.
    pub name: String,
    /// Where its value came from: `literal`, `file` or `variable`.
    pub source_kind: &'static str,
}

/// A command in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LastCommand {
    /// Its number.
    pub sequence: u64,
    /// As given.
    pub command: String,
    /// Where it ran.
    pub cwd: String,
    /// How far it has come.
    pub state: CommandState,
    /// Its status; none unless it has ended.
    pub exit_code: Option<i32>,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// What ran it.
    pub execution_mode: ExecutionMode,
}

/// A workspace in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkspaceSummary {
    /// Its id.
    pub workspace_id: Id,
    /// What its user calls it.
    pub name: Option<String>,
    /// What it is found by.
    pub labels: BTreeMap<String, String>,
    /// Name of its environment.
    pub environment: String,
    /// Where it is in its life.
    pub state: VmState,
    /// Seconds since 1970.
    pub created_at: Timestamp,
    /// Seconds since 1970.
    pub last_activity_at: Timestamp,
    /// Seconds since 1970.
    pub expires_at: Option<Timestamp>,
    /// Commands since it was created or reset.
    pub command_count: u64,
    /// Always 0.
    pub service_count: u64,
    /// Always 0.
    pub running_service_count: u64,
}

/// All workspaces, the one with the newest activity first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkspaceList {
    /// How many.
    pub count: usize,
    /// Each in short.
    pub workspaces: Vec<WorkspaceSummary>,
    /// Ids of workspaces whose records cannot be understood; they can only be deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<String>,
}

/// A workspace whose vm's record was lost is stopped: its next start makes another vm.
fn state(named: Option<Id>, vm: Option<&VmRecord>) -> VmState {
    let without = if named.is_some() { VmState::Stopped } else { VmState::Created };
    vm.map_or(without, |vm| vm.state)
}

/// That a workspace is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkspaceDeleted {
    /// The workspace that was.
    pub workspace_id: Id,
    /// Always true.
    pub deleted: bool,
    /// Always `explicit_delete`.
    pub reason: &'static str,
}

/// A workspace after it was reset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkspaceResetInfo {
    /// It, as it is now.
    #[serde(flatten)]
    pub workspace: WorkspaceInfo,
    /// What it went back to.
    pub workspace_reset: ResetTo,
}

/// What a reset went back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResetTo {
    /// Name of the snapshot.
    pub snapshot_name: String,
    /// `baseline` or `named`.
    pub kind: &'static str,
    /// Where.
    pub destination: &'static str,
    /// Files, directories and links that the seed had, or the snapshot has; null where they could
    /// not be counted.
    pub entry_count: Option<u64>,
    /// Bytes that they have.
    pub bytes_written: Option<u64>,
}

/// Workspaces made from one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkspaceForks {
    /// The one.
    pub workspace_id: Id,
    /// How many.
    pub count: usize,
    /// The new ones.
    pub workspaces: Vec<WorkspaceInfo>,
    /// How long the writes of the one were held, in milliseconds; 0 where it does not run.
    pub held_ms: u64,
}

impl WorkspaceInfo {
    /// What is told of a workspace and its vm.
    #[must_use]
    pub(crate) fn of(
        workspace: WorkspaceRecord,
        vm: Option<&VmRecord>,
        last: Option<CommandRecord>,
        secrets: Vec<SecretInfo>,
        (service_count, running_service_count): (u64, u64),
    ) -> Self {
        Self {
            workspace_id: workspace.id,
            name: workspace.name,
            labels: workspace.labels,
            environment: workspace.environment,
            environment_version: workspace.environment_version,
            vcpu_count: workspace.vcpu_count,
            mem_mib: workspace.mem_mib,
            ttl_seconds: workspace.ttl_seconds,
            created_at: workspace.created_at,
            last_activity_at: workspace.last_activity_at,
            expires_at: workspace.expires_at,
            state: state(workspace.vm, vm),
            network_policy: "off",
            network_enabled: false,
            allow_host_compat: workspace.allow_host_compat,
            guest_ip: None,
            tap_name: None,
            execution_mode: vm.map_or(ExecutionMode::Pending, |vm| vm.execution_mode),
            workspace_path: ROOT,
            workspace_seed: workspace.seed,
            secrets,
            command_count: workspace.command_count,
            last_command: last.map(LastCommand::from),
            reset_count: workspace.reset_count,
            last_reset_at: workspace.last_reset_at,
            service_count,
            running_service_count,
            metadata: BTreeMap::new(),
            change: workspace.change.map(crate::store::workspace::WorkspaceChange::name),
            last_error: vm.and_then(|vm| vm.last_error.clone()),
        }
    }
}

impl From<CommandRecord> for LastCommand {
    fn from(command: CommandRecord) -> Self {
        let (state, exit_code) = (command.state, command.status());
        let CommandRecord { sequence, command, cwd, duration_ms, execution_mode, .. } = command;
        Self { state, sequence, command, cwd, exit_code, duration_ms, execution_mode }
    }
}

impl WorkspaceSummary {
    /// A workspace and its vm in short.
    #[must_use]
    pub(crate) fn of(
        workspace: WorkspaceRecord,
        vm: Option<&VmRecord>,
        (service_count, running_service_count): (u64, u64),
    ) -> Self {
        Self {
            workspace_id: workspace.id,
            name: workspace.name,
            labels: workspace.labels,
            environment: workspace.environment,
            state: state(workspace.vm, vm),
            created_at: workspace.created_at,
            last_activity_at: workspace.last_activity_at,
            expires_at: workspace.expires_at,
            command_count: workspace.command_count,
            service_count,
            running_service_count,
        }
    }
}

impl WorkspaceDeleted {
    /// Somebody asked for it.
    #[must_use]
    pub(crate) fn explicit(workspace_id: Id) -> Self {
        Self { workspace_id, deleted: true, reason: "explicit_delete" }
    }
}
