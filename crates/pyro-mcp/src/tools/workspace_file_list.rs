//! `workspace_file_list`: files of a workspace.

use super::describe::Describe;
use super::{annotations, answers, parameters, workspace};
use crate::answer;
use crate::bounds;
use crate::brief;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use pyro_core::{FileList, FileListRequest};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceFileList {
    workspace_id: String,
    /// At or below /workspace
    #[serde(default = "parameters::root")]
    path: String,
    /// With all below
    #[serde(default)]
    recursive: bool,
    /// next_after of the page before
    #[serde(default)]
    after: Option<String>,
    /// Most entries
    #[serde(default = "parameters::list_limit")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
    #[serde(default = "parameters::output_bytes")]
    #[schemars(schema_with = "parameters::output")]
    max_output_bytes: u32,
}

impl Describe for WorkspaceFileList {
    const NAME: &'static str = "workspace_file_list";
    const TITLE: &'static str = "List files of a workspace";
    const DESCRIPTION: &'static str = "List a directory of a workspace: type, size, mode. Where next_after is not null, call again with it as after.";
    type Answer = answers::Files;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::looks()
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let request = FileListRequest {
            path: parameters::place(&self.path)?,
            recursive: self.recursive,
            after: self.after.as_deref().map(parameters::place).transpose()?,
            limit: self.limit.into(),
        };
        let listed =
            workspace::work(&state, &context, id, "listing", move |pyro, cancel| async move {
                workspace::until(&cancel, pyro.list_workspace_files(id, request)).await
            });
        answer::object(&fitted(
            listed.await?,
            usize::try_from(self.max_output_bytes).unwrap_or(usize::MAX),
        ))
    }
}

/// The page without the entries that do not fit; they are on the next one.
fn fitted(mut listed: FileList, limit: usize) -> FileList {
    let items: Vec<Value> =
        listed.entries.iter().filter_map(|entry| serde_json::to_value(entry).ok()).collect();
    let fits = answer::fitting(&items, limit, |item| {
        bounds::text_length(&brief::entry(&listed.path, item)) + 2
    });
    if fits < listed.entries.len() {
        listed.entries.truncate(fits);
        listed.count = fits;
        listed.next_after = listed.entries.last().map(|entry| entry.path.clone());
    }
    listed
}
