//! A tool of the server, made of what its file describes: as it is listed, and as it is called.

use super::alias::{self, ALIASES, Alias};
use super::describe::Describe;
use crate::answer::{self, Telling};
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::state::State;
use crate::{bounds, schema};
use pyro_core::ErrorKind;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, JsonObject};
use rmcp::service::RequestContext;
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;

/// Parameters that only the full profile offers.
const ONLY_FULL: [&str; 4] = ["network_policy", "redact", "secrets", "secret_env"];

/// A call under way.
type Called = Pin<Box<dyn Future<Output = Result<CallToolResult, Refusal>> + Send>>;

/// A tool of the server.
pub(crate) struct Tool {
    /// As `tools/list` shows it.
    pub(crate) model: rmcp::model::Tool,
    /// Under which other name its file does not know it.
    alias: Option<&'static Alias>,
    /// Answers a call whose arguments fit.
    act: fn(Arc<State>, JsonObject, RequestContext<RoleServer>) -> Called,
}

impl Tool {
    /// The tool under its own name, or under another one; `rest` says where the rest of a long
    /// output is.
    fn new<T: Describe>(alias: Option<&'static Alias>, grants: &Grants, rest: &str) -> Self {
        let (name, title, description) = match alias {
            Some(alias) => (alias.name, alias.title, alias.description),
            None => (T::NAME, T::TITLE, T::DESCRIPTION),
        };
        let description = match T::HAS_OUTPUT {
            true => format!("{description}; the rest is {rest}."),
            false => description.to_owned(),
        };
        let mut answer = schema::of_answer::<T::Answer>();
        if alias.is_some() {
            alias::rename_answer(&mut answer);
        }
        let model = rmcp::model::Tool::new(name, description, parameters::<T>(alias, grants))
            .with_title(title)
            .with_annotations(T::annotations(grants))
            .with_raw_output_schema(Arc::new(answer));
        Self { model, alias, act: act::<T> }
    }

    /// Leave out the parameters that only the full profile offers.
    pub(super) fn make_small(&mut self) {
        leave_out(Arc::make_mut(&mut self.model.input_schema), &ONLY_FULL);
    }

    /// The names of its parameters.
    pub(crate) fn parameters(&self) -> Vec<String> {
        let properties = self.model.input_schema.get("properties").and_then(Value::as_object);
        properties.into_iter().flat_map(JsonObject::keys).cloned().collect()
    }

    /// Answer a call whose arguments fit the schema.
    pub(crate) async fn call(
        &self,
        state: &Arc<State>,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Refusal> {
        let telling = telling(state, &self.model.input_schema, &arguments);
        let arguments = match self.alias {
            Some(alias) => alias.arguments(arguments)?,
            None => arguments,
        };
        let mut result = (self.act)(Arc::clone(state), arguments, context).await?;
        if let (Some(_), Some(content)) = (self.alias, &mut result.structured_content) {
            alias::rename_id(content);
        }
        Ok(answer::told(result, &telling))
    }
}

/// The tool and its aliases; `rest` says where the rest of a long output is.
pub(super) fn offered<T: Describe>(grants: &Grants, rest: &str) -> Vec<Tool> {
    let aliases = ALIASES.iter().filter(|alias| alias.of == T::NAME).map(Some);
    [None].into_iter().chain(aliases).map(|alias| Tool::new::<T>(alias, grants, rest)).collect()
}

/// The schema of a tool's parameters.
pub(super) fn parameters<T: Describe>(alias: Option<&Alias>, grants: &Grants) -> JsonObject {
    let mut parameters = schema::of_arguments::<T>();
    leave_out(&mut parameters, alias.map_or(T::LEFT_OUT, |alias| alias.left_out));
    describe(&mut parameters, T::TEXTS);
    grants.describe(&mut parameters);
    if let Some(alias) = alias {
        alias.rename_parameters(&mut parameters);
        describe(&mut parameters, alias.texts);
    }
    parameters
}

fn properties(schema: &mut JsonObject) -> Option<&mut JsonObject> {
    schema.get_mut("properties").and_then(Value::as_object_mut)
}

/// Replace texts of parameters; an empty one goes.
fn describe(schema: &mut JsonObject, texts: &[(&str, &str)]) {
    let Some(properties) = properties(schema) else { return };
    for (name, text) in texts {
        let Some(property) = properties.get_mut(*name).and_then(Value::as_object_mut) else {
            continue;
        };
        property.remove("description");
        if !text.is_empty() {
            property.insert("description".to_owned(), (*text).into());
        }
    }
}

/// Take parameters that need not be given out of a schema.
fn leave_out(schema: &mut JsonObject, names: &[&str]) {
    if let Some(properties) = properties(schema) {
        properties.retain(|name, _| !names.contains(&name.as_str()));
    }
}

fn act<T: Describe>(
    state: Arc<State>,
    arguments: JsonObject,
    context: RequestContext<RoleServer>,
) -> Called {
    Box::pin(async move {
        let arguments = serde_json::from_value::<T>(arguments.into())
            .map_err(|error| Refusal::new(ErrorKind::InvalidInput, error.to_string()))?;
        arguments.call(state, context).await
    })
}

/// How the result of a call is told.
fn telling(state: &State, schema: &JsonObject, arguments: &JsonObject) -> Telling {
    let mut given = arguments.clone();
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        if let Some(default) = property.get("default") {
            given.entry(name).or_insert_with(|| default.clone());
        }
    }
    let number = |name: &str| {
        let number = given.get(name).and_then(Value::as_u64);
        number.and_then(|number| usize::try_from(number).ok())
    };
    // A page of so many bytes is asked for in its own words; JSON writes six for one.
    let page = number("length").map(|length| bounds::DEFAULT.max(6 * length + bounds::FIELDS));
    let limit = number("max_output_bytes").or(page).unwrap_or(bounds::DEFAULT);
    Telling { given, limit, links: !state.reads_outputs }
}
