//! The tools: one file for each, as a model sees it and as it is called.

mod answers;
mod background;
mod history;
mod line;
pub(crate) mod output_read;
mod parameters;
mod task_create;
mod task_delete;
mod task_exec;
mod task_logs;
mod task_status;
mod task_sync_push;
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

use crate::answer::{self, Telling};
use crate::bounds;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::schema;
use crate::state::State;
use pyro_core::ErrorKind;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, JsonObject, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;

/// A call under way.
type Called = Pin<Box<dyn Future<Output = Result<CallToolResult, Refusal>> + Send>>;

/// A tool of the server.
pub(crate) struct Tool {
    /// As `tools/list` shows it.
    pub(crate) model: rmcp::model::Tool,
    /// Answers a call whose arguments fit the schema.
    pub(crate) call: fn(Arc<State>, JsonObject, RequestContext<RoleServer>) -> Called,
}

impl Tool {
    /// The names of its parameters.
    pub(crate) fn parameters(&self) -> Vec<String> {
        let properties = self.model.input_schema.get("properties").and_then(Value::as_object);
        properties.into_iter().flat_map(JsonObject::keys).cloned().collect()
    }
}

/// A tool as its file describes it: the type is its arguments, each field's comment what a model reads of it.
trait Describe: DeserializeOwned + JsonSchema + Send + 'static {
    /// The contract's name.
    const NAME: &'static str;
    /// For people.
    const TITLE: &'static str;
    /// For models: what it does, when to take it, what to expect.
    const DESCRIPTION: &'static str;
    /// Whether the description goes on with where the rest of a long output is.
    const HAS_OUTPUT: bool = false;
    /// What a successful call's structured content is.
    type Answer: JsonSchema;

    /// What a host may know before it lets a call happen.
    fn annotations(grants: &Grants) -> ToolAnnotations;

    /// Do it.
    fn call(
        self,
        state: Arc<State>,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CallToolResult, Refusal>> + Send;
}

/// Every tool that is built.
pub(crate) fn all(grants: &Grants, reads_outputs: bool) -> Vec<Tool> {
    let rest = if reads_outputs { "stdout_file" } else { "in a linked resource" };
    vec![
        tool::<vm_run::VmRun>(grants, rest),
        tool::<output_read::OutputRead>(grants, rest),
        tool::<task_create::TaskCreate>(grants, rest),
        tool::<task_delete::TaskDelete>(grants, rest),
        tool::<task_exec::TaskExec>(grants, rest),
        tool::<task_logs::TaskLogs>(grants, rest),
        tool::<task_status::TaskStatus>(grants, rest),
        tool::<task_sync_push::TaskSyncPush>(grants, rest),
        tool::<vm_create::VmCreate>(grants, rest),
        tool::<vm_delete::VmDelete>(grants, rest),
        tool::<vm_exec::VmExec>(grants, rest),
        tool::<vm_list_environments::VmListEnvironments>(grants, rest),
        tool::<vm_network_info::VmNetworkInfo>(grants, rest),
        tool::<vm_reap_expired::VmReapExpired>(grants, rest),
        tool::<vm_start::VmStart>(grants, rest),
        tool::<vm_status::VmStatus>(grants, rest),
        tool::<vm_stop::VmStop>(grants, rest),
        tool::<workspace_create::WorkspaceCreate>(grants, rest),
        tool::<workspace_delete::WorkspaceDelete>(grants, rest),
        tool::<workspace_diff::WorkspaceDiff>(grants, rest),
        tool::<workspace_exec::WorkspaceExec>(grants, rest),
        tool::<workspace_export::WorkspaceExport>(grants, rest),
        tool::<workspace_file_list::WorkspaceFileList>(grants, rest),
        tool::<workspace_file_read::WorkspaceFileRead>(grants, rest),
        tool::<workspace_file_write::WorkspaceFileWrite>(grants, rest),
        tool::<workspace_fork::WorkspaceFork>(grants, rest),
        tool::<workspace_list::WorkspaceList>(grants, rest),
        tool::<workspace_logs::WorkspaceLogs>(grants, rest),
        tool::<workspace_patch_apply::WorkspacePatchApply>(grants, rest),
        tool::<workspace_reset::WorkspaceReset>(grants, rest),
        tool::<workspace_start::WorkspaceStart>(grants, rest),
        tool::<workspace_status::WorkspaceStatus>(grants, rest),
        tool::<workspace_stop::WorkspaceStop>(grants, rest),
        tool::<workspace_sync_push::WorkspaceSyncPush>(grants, rest),
        tool::<workspace_update::WorkspaceUpdate>(grants, rest),
    ]
}

fn tool<T: Describe>(grants: &Grants, rest: &str) -> Tool {
    let mut parameters = schema::of_arguments::<T>();
    grants.describe(&mut parameters);
    let description = match T::HAS_OUTPUT {
        true => format!("{}; the rest is {rest}.", T::DESCRIPTION),
        false => T::DESCRIPTION.to_owned(),
    };
    let model = rmcp::model::Tool::new(T::NAME, description, parameters)
        .with_title(T::TITLE)
        .with_annotations(T::annotations(grants))
        .with_raw_output_schema(Arc::new(schema::of_answer::<T::Answer>()));
    Tool { model, call: call::<T> }
}

fn call<T: Describe>(state: Arc<State>, arguments: JsonObject, context: RequestContext<RoleServer>) -> Called {
    Box::pin(async move {
        let telling = telling::<T>(&state, &arguments);
        let arguments = serde_json::from_value::<T>(arguments.into())
            .map_err(|error| Refusal::new(ErrorKind::InvalidInput, error.to_string()))?;
        Ok(answer::told(arguments.call(state, context).await?, &telling))
    })
}

/// How the result of a call is told.
fn telling<T: Describe>(state: &State, arguments: &JsonObject) -> Telling {
    let mut given = arguments.clone();
    for (name, property) in
        schema::of_arguments::<T>().get("properties").and_then(Value::as_object).into_iter().flatten()
    {
        if let Some(default) = property.get("default") {
            given.entry(name).or_insert_with(|| default.clone());
        }
    }
    let number = |name: &str| given.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    // A page of so many bytes is asked for in its own words; JSON writes six for one.
    let page = number("length").map(|length| bounds::DEFAULT.max(6 * length + bounds::FIELDS));
    let limit = number("max_output_bytes").or(page).unwrap_or(bounds::DEFAULT);
    Telling { given, limit, links: !state.reads_outputs }
}

/// Annotations of a tool that only looks.
fn looks() -> ToolAnnotations {
    ToolAnnotations::new().read_only(true).open_world(false)
}

/// Annotations of a tool that ends vms, with what is in them.
fn ends() -> ToolAnnotations {
    ToolAnnotations::new().read_only(false).destructive(true).idempotent(false).open_world(false)
}

/// Annotations of a tool that may replace or delete what a workspace holds; the workspace stays.
fn replaces() -> ToolAnnotations {
    ends()
}

/// Annotations of a tool that takes nothing away that a workspace holds.
fn keeps() -> ToolAnnotations {
    ToolAnnotations::new().read_only(false).destructive(false).idempotent(false).open_world(false)
}

/// Annotations of a tool that works on machines of its own. Where the machine was there before, the tool is destructive too.
fn works(grants: &Grants) -> ToolAnnotations {
    // A command on the host may destroy what is the user's; in a guest there is nothing but the guest.
    ToolAnnotations::new()
        .read_only(false)
        .destructive(grants.host_compat)
        .idempotent(false)
        .open_world(grants.network || grants.host_compat)
}
