//! `workspace_export`: a file or a tree of a workspace, on the host.

use super::describe::Describe;
use super::{annotations, answers, parameters, workspace};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::roots;
use crate::state::State;
use pyro_core::{ExportFormat, ExportRequest};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceExport {
    workspace_id: String,
    /// File, directory or link, below /workspace
    path: String,
    /// New host path, below one granted to the server
    output_path: String,
    /// Replace what is there
    #[serde(default)]
    force: bool,
    /// patch: the changes since workspace_create
    #[serde(default)]
    format: Format,
    /// In a patch: report moved files as renames
    #[serde(default)]
    find_renames: bool,
    /// In a patch: also ignored files
    #[serde(default)]
    include_ignored: bool,
    /// Without secrets
    #[serde(default)]
    redact: bool,
}

/// What an export becomes.
#[derive(Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Dir,
    Tar,
    Patch,
}

impl Describe for WorkspaceExport {
    const NAME: &'static str = "workspace_export";
    const TITLE: &'static str = "Bring files of a workspace to the host";
    const DESCRIPTION: &'static str = "Copy a file or directory of a workspace to the host, whole or not at all. Take it for results the user is to keep.";
    type Answer = answers::Exported;

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
        let request = ExportRequest {
            path: parameters::place(&self.path)?,
            output,
            force: self.force,
            kept,
            format: match self.format {
                Format::Dir => ExportFormat::Directory,
                Format::Tar => ExportFormat::Tar,
                Format::Patch => ExportFormat::Patch,
            },
            renames: self.find_renames,
            include_ignored: self.include_ignored,
            redact: self.redact,
            // Not for a model to decide: git on the host would run what it wrote.
            keep_git_config: false,
        };
        let exported =
            workspace::work(&state, &context, id, "exporting", move |pyro, cancel| async move {
                pyro.export_workspace(id, request, &cancel).await
            });
        answer::object(&exported.await?)
    }
}
