//! What answers look like to a model. Core's own types are what is sent; these name the fields that
//! a model goes by, for each name costs it tokens in every list of tools. What a call said itself
//! is not named.
#![allow(dead_code, reason = "they describe; nothing is made of them")]

use schemars::JsonSchema;

/// A command that ran.
#[derive(JsonSchema)]
pub(super) struct Ran {
    exit_code: i32,
    timed_out: bool,
    execution_mode: String,
    stdout: String,
    stdout_truncated: bool,
    stderr: String,
    stderr_truncated: bool,
    out_of_memory: String,
    hint: String,
}

/// A vm.
#[derive(JsonSchema)]
pub(super) struct Vm {
    vm_id: String,
    environment: String,
    state: String,
    execution_mode: String,
    created_at: f64,
    vcpu_count: u32,
    mem_mib: u32,
    network_enabled: bool,
}

/// A vm that is gone.
#[derive(JsonSchema)]
pub(super) struct Deleted {
    vm_id: String,
    deleted: bool,
    reason: String,
}

/// A vm's network.
#[derive(JsonSchema)]
pub(super) struct Network {
    vm_id: String,
    network_enabled: bool,
    outbound_connectivity_expected: bool,
    reason: String,
}

/// Vms that are gone.
#[derive(JsonSchema)]
pub(super) struct Reaped {
    deleted_vm_ids: Vec<String>,
    count: u32,
}

/// The environments.
#[derive(JsonSchema)]
pub(super) struct Environments {
    result: Vec<Environment>,
}

#[derive(JsonSchema)]
struct Environment {
    name: String,
    description: String,
    default_packages: Vec<String>,
    installed: bool,
}

/// A stretch of an output.
#[derive(JsonSchema)]
pub(super) struct Page {
    text: String,
    offset: u64,
    total_bytes: u64,
}

/// A workspace.
#[derive(JsonSchema)]
pub(super) struct Workspace {
    workspace_id: String,
    environment: String,
    state: String,
    execution_mode: String,
    command_count: u64,
    expires_at: Option<f64>,
}

/// A workspace that was reset.
#[derive(JsonSchema)]
pub(super) struct WorkspaceReset {
    state: String,
    command_count: u64,
    reset_count: u64,
}

/// A workspace that is gone.
#[derive(JsonSchema)]
pub(super) struct WorkspaceDeleted {
    deleted: bool,
}

/// All workspaces.
#[derive(JsonSchema)]
pub(super) struct Workspaces {
    count: u64,
    workspaces: Vec<Found>,
}

#[derive(JsonSchema)]
struct Found {
    workspace_id: String,
    name: Option<String>,
    labels: Labels,
    state: String,
}

#[derive(JsonSchema)]
struct Labels {}

/// A snapshot that was taken.
#[derive(JsonSchema)]
pub(super) struct SnapshotCreated {
    snapshot: Snapshot,
}

#[derive(JsonSchema)]
struct Snapshot {
    snapshot_name: String,
    created_at: f64,
    entry_count: Option<u64>,
    bytes_written: Option<u64>,
}

/// The snapshots of a workspace.
#[derive(JsonSchema)]
pub(super) struct Snapshots {
    count: u64,
    snapshots: Vec<Snapshot>,
}

/// A snapshot that is gone.
#[derive(JsonSchema)]
pub(super) struct SnapshotDeleted {
    deleted: bool,
}

/// New workspaces.
#[derive(JsonSchema)]
pub(super) struct Forks {
    count: u64,
    workspaces: Vec<Forked>,
}

#[derive(JsonSchema)]
struct Forked {
    workspace_id: String,
    state: String,
}

/// A command that ran in a workspace.
#[derive(JsonSchema)]
pub(super) struct Executed {
    sequence: u64,
    exit_code: i32,
    timed_out: bool,
    stdout: String,
    stdout_truncated: bool,
    stderr: String,
    stderr_truncated: bool,
    out_of_memory: String,
    hint: String,
}

/// A page of a history.
#[derive(JsonSchema)]
pub(super) struct Logs {
    entries: Vec<Logged>,
    next_after: Option<u64>,
    background: Option<Vec<Left>>,
}

/// What processes of the background have printed.
#[derive(JsonSchema)]
struct Left {
    sequence: u64,
    running: bool,
    output: String,
}

#[derive(JsonSchema)]
struct Logged {
    sequence: u64,
    command: String,
    state: String,
    exit_code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// A tree that was brought in.
#[derive(JsonSchema)]
pub(super) struct Synced {
    workspace_sync: Sync,
}

#[derive(JsonSchema)]
struct Sync {
    entry_count: u64,
    bytes_written: u64,
    deleted: u64,
    changed: bool,
    left_out: Vec<Lacking>,
    git_note: String,
}

/// Something that was not carried, or not whole.
#[derive(JsonSchema)]
struct Lacking {}

/// What changed.
#[derive(JsonSchema)]
pub(super) struct Differences {
    changed: bool,
    summary: Summary,
    entries: Vec<Changed>,
    patch: String,
    patch_complete: bool,
    not_in_patch: Vec<String>,
    hint: String,
}

#[derive(JsonSchema)]
struct Summary {
    total: u64,
    added: u64,
    modified: u64,
    deleted: u64,
}

#[derive(JsonSchema)]
struct Changed {
    path: String,
    status: String,
}

/// A page of files.
#[derive(JsonSchema)]
pub(super) struct Files {
    entries: Vec<File>,
    next_after: Option<String>,
}

#[derive(JsonSchema)]
struct File {
    path: String,
    artifact_type: String,
    size_bytes: u64,
    link_target: Option<String>,
}

/// A part of a file.
#[derive(JsonSchema)]
pub(super) struct FileText {
    real_path: String,
    content: String,
    bytes_read: u64,
    size_bytes: u64,
    truncated: bool,
}

/// A file that was written.
#[derive(JsonSchema)]
pub(super) struct Written {
    bytes_written: u64,
}

/// A patch that was applied.
#[derive(JsonSchema)]
pub(super) struct Patched {
    changed: bool,
    entries: Vec<Changed>,
    skipped: Vec<String>,
}

/// What was brought to the host.
#[derive(JsonSchema)]
pub(super) struct Exported {
    entry_count: u64,
    bytes_written: u64,
    left_out: Vec<Lacking>,
}

/// A disk that was brought to the host.
#[derive(JsonSchema)]
pub(super) struct DiskExported {
    bytes_written: u64,
    needs_recovery: bool,
}

/// A shell.
#[derive(JsonSchema)]
pub(super) struct Shell {
    shell_id: String,
    state: String,
    exit_code: Option<i32>,
}

/// What was read of a shell.
#[derive(JsonSchema)]
pub(super) struct ShellRead {
    output: String,
    next_cursor: u64,
    truncated: bool,
    missed_bytes: u64,
    state: String,
    exit_code: Option<i32>,
    screen: Option<ShellScreen>,
}

/// Where the cursor is.
#[derive(JsonSchema)]
struct ShellScreen {
    cursor_row: u16,
    cursor_col: u16,
}

/// A shell that is gone.
#[derive(JsonSchema)]
pub(super) struct ShellClosed {
    closed: bool,
}

/// A service.
#[derive(JsonSchema)]
pub(super) struct Service {
    service_name: String,
    state: String,
    exit_code: Option<i32>,
    stop_reason: Option<String>,
    stdout_tail: Option<String>,
    stderr_tail: Option<String>,
}

/// The services of a workspace.
#[derive(JsonSchema)]
pub(super) struct ServiceList {
    services: Vec<OneService>,
}

/// A service in a list.
#[derive(JsonSchema)]
struct OneService {
    service_name: String,
    state: String,
}

/// What a service has printed.
#[derive(JsonSchema)]
pub(super) struct ServiceLogs {
    stdout: String,
    stderr: String,
    truncated: bool,
    state: String,
}
