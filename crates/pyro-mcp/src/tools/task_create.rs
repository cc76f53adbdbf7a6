//! `task_create`: a machine that stays, by its oldest name.

use super::{Describe, answers, parameters, workspace};
use crate::answer;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use pyro_core::PyroError;
use pyro_core::vm::VmError;
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
pub(super) struct TaskCreate {
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
    /// Host directory or archive to begin with; below a path granted to the server
    #[serde(default)]
    source_path: Option<String>,
    /// Needs the server's --allow-network
    #[serde(default)]
    network: bool,
    /// Use the host if no vm can start; needs the server's --allow-host-compat
    #[serde(default)]
    allow_host_compat: bool,
}

impl Describe for TaskCreate {
    const NAME: &'static str = "task_create";
    const TITLE: &'static str = "Create a task";
    const DESCRIPTION: &'static str = "Create and start a task: a Linux vm whose files in /workspace stay between calls, until task_delete. For one command take vm_run.";
    type Answer = answers::Task;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        super::works(grants)
    }

    async fn call(self, state: Arc<State>, context: RequestContext<RoleServer>) -> Result<CallToolResult, Refusal> {
        state.grants.check(self.network, self.allow_host_compat)?;
        if self.network {
            return Err(PyroError::from(VmError::NoNetwork).into());
        }
        let seed = workspace::seed(&state, &context, self.source_path.as_deref(), false).await?;
        let request = CreateRequest {
            environment: self.environment,
            vcpu_count: self.vcpu_count,
            mem_mib: self.mem_mib,
            ttl_seconds: self.ttl_seconds,
            name: None,
            labels: BTreeMap::new(),
            allow_host_compat: self.allow_host_compat,
            seed,
        };
        answer::of_task(&workspace::create(&state, &context, request).await?)
    }
}
