//! `workspace_create`: a machine that stays.

use super::describe::Describe;
use super::machine::Machine;
use super::{annotations, answers, parameters};
use crate::answer;
use crate::arguments::value;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::roots;
use crate::state::State;
use crate::turn;
use pyro_core::{
    CreateRequest, ErrorKind, GivenSecret, PyroError, Secret, SecretSource, SeedRequest,
};
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub(super) struct WorkspaceCreate {
    #[serde(flatten)]
    machine: Machine,
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
    /// name, and value or file_path (host)
    #[serde(default)]
    #[schemars(schema_with = "parameters::secrets")]
    secrets: Option<Vec<SecretArgument>>,
    #[serde(default = "parameters::network_policy", rename = "network_policy")]
    #[schemars(schema_with = "parameters::network_policies")]
    _network_policy: String,
}

/// A secret, by its value or by the file that it is in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretArgument {
    name: String,
    value: Option<Secret>,
    file_path: Option<String>,
}

impl SecretArgument {
    async fn given(
        self,
        state: &State,
        context: &RequestContext<RoleServer>,
    ) -> Result<GivenSecret, Refusal> {
        let Self { name, value, file_path } = self;
        let secret = match (value, file_path) {
            (Some(value), None) => GivenSecret::new(&name, value, SecretSource::Literal),
            (None, Some(path)) => {
                GivenSecret::from_file(&name, roots::path(state, context, &path).await?)
            }
            _ => {
                let told = "each of secrets has a name and either a value or a file_path";
                return Err(Refusal::new(ErrorKind::InvalidInput, told).hint(value::SECRETS));
            }
        };
        Ok(secret.map_err(PyroError::from)?)
    }
}

impl Describe for WorkspaceCreate {
    const NAME: &'static str = "workspace_create";
    const TITLE: &'static str = "Create a workspace";
    const DESCRIPTION: &'static str = "Create and start a workspace: a Linux vm whose /workspace stays between calls, until workspace_delete or long unused. For several steps; for one command vm_run.";
    const LEFT_OUT: &[&str] = &["network"];
    type Answer = answers::Workspace;

    fn annotations(grants: &Grants) -> ToolAnnotations {
        annotations::works(grants)
    }

    async fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        self.machine.check(&state.grants)?;
        if self.machine.network {
            return Err(PyroError::no_network().into());
        }
        let seed = match &self.seed_path {
            Some(path) => Some(SeedRequest {
                path: roots::path(&state, &context, path).await?,
                respect_ignore: self.respect_ignore,
            }),
            None => None,
        };
        let mut secrets = Vec::new();
        for secret in self.secrets.into_iter().flatten() {
            secrets.push(secret.given(&state, &context).await?);
        }
        let request = CreateRequest {
            secrets,
            environment: self.machine.environment,
            vcpu_count: self.machine.vcpu_count,
            mem_mib: self.machine.mem_mib,
            ttl_seconds: self.ttl_seconds,
            name: self.name,
            labels: self.labels.unwrap_or_default(),
            allow_host_compat: self.machine.allow_host_compat,
            seed,
        };
        let pyro = state.pyro.clone();
        let created = turn::take(&state, &context, move |turn| async move {
            turn.reporter.say("creating the workspace");
            let caller = turn.caller(&request.environment);
            pyro.create_workspace(request, caller).await
        });
        answer::object(&created.await?)
    }
}
