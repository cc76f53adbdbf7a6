//! Results: the contract's object structured, and in one text item what a model needs of it.

use crate::bounds;
use crate::brief::{self, brief};
use crate::refusal::Refusal;
use pyro_core::ErrorKind;
use pyro_core::environment::elsewhere;
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, Resource};
use serde::Serialize;
use serde_json::Value;

/// How a result is told.
pub(crate) struct Telling {
    /// What the call said, and what it left out and has a default.
    pub(crate) given: JsonObject,
    /// Bytes that its text may have.
    pub(crate) limit: usize,
    /// Whether what is left out of an output is a resource: there is no tool to read it.
    pub(crate) links: bool,
}

/// The result that carries an object; [`told`] makes its text.
pub(crate) fn object(answer: &impl Serialize) -> Result<CallToolResult, Refusal> {
    let mut result = CallToolResult::structured(value(answer)?);
    result.content = Vec::new();
    Ok(result)
}

/// The result that carries a workspace's object under a task's name, the one of pyro's oldest interface.
pub(crate) fn of_task(answer: &impl Serialize) -> Result<CallToolResult, Refusal> {
    let mut value = value(answer)?;
    if let Some(object) = value.as_object_mut()
        && let Some(id) = object.remove("workspace_id")
    {
        object.insert("task_id".to_owned(), id);
    }
    self::object(&value)
}

/// The result that carries a list: one text item for each element.
pub(crate) fn list<T: Serialize>(items: &[T]) -> Result<CallToolResult, Refusal> {
    object(&serde_json::json!({ "result": value(&items)? }))
}

/// The result of a command; where it called for a program that another environment has, it says which.
pub(crate) fn ran(mut result: CallToolResult) -> CallToolResult {
    let Some(object) = result.structured_content.as_mut().and_then(Value::as_object_mut) else { return result };
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_missing = object.get("exit_code").is_some_and(|status| *status == 127);
    let found = is_missing.then(|| elsewhere(text("environment"), text("stderr"))).flatten();
    if let Some((program, other)) = found {
        let hint = format!("{} has no {program}; environment {} has it", text("environment"), other.name);
        object.insert("hint".to_owned(), hint.into());
    }
    result
}

/// The result with its text, and no longer than it may be.
pub(crate) fn told(mut result: CallToolResult, telling: &Telling) -> CallToolResult {
    let Some(mut value) = result.structured_content.take() else { return result };
    trim_lists(&mut value, telling);
    bounds::bounded(&mut value, bounds::STRUCTURED * telling.limit);
    let texts = match value.get("result").and_then(Value::as_array) {
        Some(items) => items.iter().map(brief_environment).collect(),
        None => vec![brief(&value, &telling.given)],
    };
    for mut text in texts {
        bounds::bounded(&mut text, telling.limit);
        result.content.push(ContentBlock::text(text.to_string()));
    }
    if telling.links {
        result.content.extend(["stdout", "stderr"].into_iter().filter_map(|stream| link(&value, stream)));
    }
    result.structured_content = Some(value);
    result
}

/// Cut lists so that text and structured content hold the same of them, and say how many are left out.
fn trim_lists(value: &mut Value, telling: &Telling) {
    let Some(object) = value.as_object_mut() else { return };
    // A page was made to fit before, and says where the next one begins.
    if object.contains_key("next_after") {
        return;
    }
    for name in ["entries", "workspaces", "left_out"] {
        let Some(items) = object.get_mut(name).and_then(Value::as_array_mut) else { continue };
        let fits = fitting(items, telling.limit, cost);
        let left_out = items.len() - fits;
        items.truncate(fits);
        if left_out > 0 {
            object.insert("omitted".to_owned(), format!("{left_out} more: ask for a part, such as one path").into());
            if object.contains_key("count") {
                object.insert("count".to_owned(), fits.into());
            }
        }
    }
}

/// Bytes of an item in the text: a line, or what is told of it.
fn cost(item: &Value) -> usize {
    match item["path"].is_string() && item["why"].is_null() {
        true => bounds::text_length(&brief::entry("/workspace", item)) + 2,
        false => bounds::length(&brief(item, &JsonObject::new())),
    }
}

/// How many items of a list fit, in the text, where each costs so much, and in the structured content.
pub(crate) fn fitting(items: &[Value], limit: usize, cost: impl Fn(&Value) -> usize) -> usize {
    let text = bounds::count(items, limit.saturating_sub(bounds::FIELDS), cost);
    let whole = bounds::STRUCTURED * limit;
    text.min(bounds::count(items, whole.saturating_sub(2 * bounds::FIELDS), bounds::length))
}

/// What a model chooses an environment by.
fn brief_environment(item: &Value) -> Value {
    let names = ["name", "description", "default_packages", "installed"];
    names.iter().map(|name| ((*name).to_owned(), item[*name].clone())).collect::<JsonObject>().into()
}

/// The link to an output of which something was left out.
fn link(value: &Value, stream: &str) -> Option<ContentBlock> {
    let name = value[format!("{stream}_file")].as_str()?;
    let bytes = value[format!("{stream}_bytes")].as_u64().unwrap_or(0);
    let link = Resource::new(format!("{}{name}", crate::resources::OUTPUT), name)
        .with_description(format!("all {bytes} bytes of {stream}, in pages: add ?offset=N"));
    Some(ContentBlock::resource_link(link))
}

fn value(answer: &impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|error| {
        Refusal::new(ErrorKind::Internal, format!("the result cannot be written as JSON: {error}")).hint("try again")
    })
}
