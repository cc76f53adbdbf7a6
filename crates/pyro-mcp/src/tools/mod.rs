//! The tools: one file for each, as a model sees it and as it is called.

mod alias;
mod annotations;
mod answers;
mod background;
mod describe;
mod history;
mod line;
mod machine;
mod output_read;
mod parameters;
mod service;
mod service_list;
mod service_logs;
mod service_start;
mod service_status;
mod service_stop;
mod shell;
mod shell_close;
mod shell_open;
mod shell_read;
mod shell_signal;
mod shell_write;
mod snapshot_create;
mod snapshot_delete;
mod snapshot_list;
pub(crate) mod tool;
mod vm_create;
mod vm_delete;
mod vm_exec;
mod vm_list_environments;
mod vm_network_info;
mod vm_reap_expired;
pub(crate) mod vm_run;
mod vm_start;
mod vm_status;
mod vm_stop;
pub(crate) mod workspace;
mod workspace_create;
mod workspace_delete;
mod workspace_diff;
mod workspace_disk_export;
mod workspace_disk_list;
mod workspace_disk_read;
mod workspace_exec;
mod workspace_export;
mod workspace_file_list;
mod workspace_file_read;
mod workspace_file_write;
mod workspace_fork;
mod workspace_list;
mod workspace_logs;
mod workspace_patch_apply;
mod workspace_reset;
mod workspace_start;
mod workspace_status;
mod workspace_stop;
mod workspace_sync_push;
mod workspace_update;

use crate::grants::Grants;
use tool::{Tool, offered};

/// What offers each of them, with its aliases.
const TOOLS: &[fn(&Grants, &str) -> Vec<Tool>] = &[
    offered::<vm_run::VmRun>,
    offered::<output_read::OutputRead>,
    offered::<service_list::ServiceList>,
    offered::<service_logs::ServiceLogs>,
    offered::<service_start::ServiceStart>,
    offered::<service_status::ServiceStatus>,
    offered::<service_stop::ServiceStop>,
    offered::<shell_close::ShellClose>,
    offered::<shell_open::ShellOpen>,
    offered::<shell_read::ShellRead>,
    offered::<shell_signal::ShellSignal>,
    offered::<shell_write::ShellWrite>,
    offered::<snapshot_create::SnapshotCreate>,
    offered::<snapshot_delete::SnapshotDelete>,
    offered::<snapshot_list::SnapshotList>,
    offered::<vm_create::VmCreate>,
    offered::<vm_delete::VmDelete>,
    offered::<vm_exec::VmExec>,
    offered::<vm_list_environments::VmListEnvironments>,
    offered::<vm_network_info::VmNetworkInfo>,
    offered::<vm_reap_expired::VmReapExpired>,
    offered::<vm_start::VmStart>,
    offered::<vm_status::VmStatus>,
    offered::<vm_stop::VmStop>,
    offered::<workspace_create::WorkspaceCreate>,
    offered::<workspace_delete::WorkspaceDelete>,
    offered::<workspace_diff::WorkspaceDiff>,
    offered::<workspace_disk_export::WorkspaceDiskExport>,
    offered::<workspace_disk_list::WorkspaceDiskList>,
    offered::<workspace_disk_read::WorkspaceDiskRead>,
    offered::<workspace_exec::WorkspaceExec>,
    offered::<workspace_export::WorkspaceExport>,
    offered::<workspace_file_list::WorkspaceFileList>,
    offered::<workspace_file_read::WorkspaceFileRead>,
    offered::<workspace_file_write::WorkspaceFileWrite>,
    offered::<workspace_fork::WorkspaceFork>,
    offered::<workspace_list::WorkspaceList>,
    offered::<workspace_logs::WorkspaceLogs>,
    offered::<workspace_patch_apply::WorkspacePatchApply>,
    offered::<workspace_reset::WorkspaceReset>,
    offered::<workspace_start::WorkspaceStart>,
    offered::<workspace_status::WorkspaceStatus>,
    offered::<workspace_stop::WorkspaceStop>,
    offered::<workspace_sync_push::WorkspaceSyncPush>,
    offered::<workspace_update::WorkspaceUpdate>,
];

/// Every tool that is built, by each of its names.
///
/// A small profile has no room for the parameters that few calls need.
pub(crate) fn all(grants: &Grants, reads_outputs: bool, is_full: bool) -> Vec<Tool> {
    let rest = if reads_outputs { "stdout_file" } else { "in a linked resource" };
    let mut tools: Vec<Tool> = TOOLS.iter().flat_map(|offered| offered(grants, rest)).collect();
    if !is_full {
        tools.iter_mut().for_each(Tool::make_small);
    }
    tools
}
