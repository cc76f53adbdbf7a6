//! A tool as its file describes it.

use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The type is the tool's arguments, each field's comment what a model reads of it.
///
/// Fields that several tools share come from one `serde(flatten)`ed struct. Unknown arguments are
/// refused before (`arguments`): serde's `deny_unknown_fields` knows no flattened fields.
pub(super) trait Describe: DeserializeOwned + JsonSchema + Send + 'static {
    /// The contract's name.
    const NAME: &'static str;
    /// For people.
    const TITLE: &'static str;
    /// For models: what it does, when to take it, what to expect.
    const DESCRIPTION: &'static str;
    /// Whether the description goes on with where the rest of a long output is.
    const HAS_OUTPUT: bool = false;
    /// Texts of shared parameters that differ here; an empty one is left out.
    const TEXTS: &'static [(&'static str, &'static str)] = &[];
    /// Parameters that only an alias of it has.
    const LEFT_OUT: &'static [&'static str] = &[];
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
