//! `workspace_create`: a machine that stays.

use super::{Describe, answers, parameters, workspace};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use pyro_core::workspace::create::CreateRequest;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkspaceCreate {
    #[schemars(schema_with = "parameters::environment")]
    environment: String,
    /// Virtual CPUs
    #[serde(default = "parameters::vcpu_count")]
    #[schemars(range(min = 1, max = 8))]
    vcpu_count: u32,
    /// Memory
    #[serde(default = "parameters::mem_mib")]
    #[schemars(range(min = 256, max = 32_768))]
    mem_mib: u32,
    /// Idle time until it is stopped (files stay); 0: none, else at least 60
    #[serde(default = "parameters::ttl_seconds")]
    #[schemars(range(min = 0))]
    ttl_seconds: u32,
    /// To find it by
    #[serde(default)]
    #[schemars(length(min = 1, max = 120))]
    name: Option<String>,
    /// To find it by
    #[serde(default)]
    #[schemars(schema_with = "parameters::labels")]
    labels: Option<BTreeMap<String, String>>,
    /// Host directory or archive to begin with; below a path granted to the server
    #[serde(default)]
    seed_path: Option<String>,
    /// Leave out what git ignores
    #[serde(default)]
    respect_ignore: bool,
    /// Use the host if no vm can start; needs the server's --allow-host-compat
    #[serde(default)]
    allow_host_compat: bool,
}

impl Describe for WorkspaceCreate {
    const NAME: &'static str = "workspace_create";
    const TITLE: &'static str = "Create a workspace";
    const DESCRIPTION: &'static str = "Create and start a workspace: a Linux vm whose /workspace stays between calls, until workspace_delete or long unused. For several steps; for one command vm_run.";
    type Answer = answers::Workspace;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        super::works(grants)
    }

    async fn call(self, state: Arc<State>, context: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        state.grants.check(false, self.allow_host_compat)?;
        let seed = workspace::seed(&state, &context, self.seed_path.as_deref(), self.respect_ignore).await?;
        let request = CreateRequest {
            environment: self.environment,
            vcpu_count: self.vcpu_count,
            mem_mib: self.mem_mib,
            ttl_seconds: self.ttl_seconds,
            name: self.name,
            labels: self.labels.unwrap_or_default(),
            allow_host_compat: self.allow_host_compat,
            seed,
        };
        answer::object(&workspace::create(&state, &context, request).await?)
    }
}
