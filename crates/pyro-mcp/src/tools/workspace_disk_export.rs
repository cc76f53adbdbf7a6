//! `workspace_disk_export`: the disk of a stopped workspace, or of a snapshot, on the host.

use super::describe::Describe;
use super::{annotations, answers, parameters, workspace};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::roots;
use crate::state::State;
use pyro_core::{DiskExportRequest, DiskFormat};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceDiskExport {
    workspace_id: String,
    /// New host path, below one granted to the server
    output_path: String,
    #[serde(default)]
    format: Format,
    /// Or baseline; it may run
    #[serde(default)]
    snapshot: Option<String>,
    /// Replace what is there
    #[serde(default)]
    force: bool,
}

/// What a disk becomes.
#[derive(Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Ext4,
    Qcow2,
}

impl Describe for WorkspaceDiskExport {
    const NAME: &'static str = "workspace_disk_export";
    const TITLE: &'static str = "Bring a stopped workspace's disk to the host";
    const DESCRIPTION: &'static str = "Write the whole disk of a stopped workspace, or of a snapshot, to a sparse file on the host.";
    type Answer = answers::DiskExported;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::ends()
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let (output, kept) = roots::output(&state, &context, &self.output_path, self.force).await?;
        let request = DiskExportRequest {
            output,
            force: self.force,
            kept,
            format: match self.format {
                Format::Ext4 => DiskFormat::Ext4,
                Format::Qcow2 => DiskFormat::Qcow2,
            },
            snapshot: parameters::snapshot(self.snapshot.as_deref())?,
        };
        let exported =
            workspace::at_rest(&state, &context, "exporting", move |pyro, cancel| async move {
                pyro.export_workspace_disk(id, request, &cancel).await
            });
        answer::object(&exported.await?)
    }
}
