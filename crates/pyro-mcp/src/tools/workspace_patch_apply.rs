//! `workspace_patch_apply`: a patch applied to a workspace.

use super::describe::Describe;
use super::{annotations, answers, parameters, workspace};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspacePatchApply {
    workspace_id: String,
    #[schemars(length(max = 1_048_576), regex(pattern = r"\S"))]
    patch: String,
}

impl Describe for WorkspacePatchApply {
    const NAME: &'static str = "workspace_patch_apply";
    const TITLE: &'static str = "Apply a patch to a workspace";
    const DESCRIPTION: &'static str = "Apply a patch to a workspace, all of it or nothing: a unified diff ('@@' without numbers where the text is unique), a git format-patch series, or '*** Begin Patch'. A refusal shows what the file holds.";
    type Answer = answers::Patched;

    fn annotations(_: &Grants) -> ToolAnnotations {
        annotations::replaces()
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let id = parameters::workspace_id(&self.workspace_id)?;
        let applied =
            workspace::work(&state, &context, id, "applying", move |pyro, cancel| async move {
                pyro.apply_workspace_patch(id, self.patch.into_bytes(), &cancel).await
            });
        answer::object(&applied.await?)
    }
}
