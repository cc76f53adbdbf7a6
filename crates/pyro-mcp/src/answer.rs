//! Results as the contract has them: one text item with the JSON object, and the same object structured.

use crate::refusal::Refusal;
use pyro_core::ErrorKind;
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;

/// The result that carries an object.
pub(crate) fn object(answer: &impl Serialize) -> Result<CallToolResult, Refusal> {
    let text = serde_json::to_string_pretty(answer).map_err(unwritable)?;
    let mut result = CallToolResult::structured(serde_json::to_value(answer).map_err(unwritable)?);
    result.content = vec![ContentBlock::text(text)];
    Ok(result)
}

/// The result that carries a workspace's object under a task's name, the one of pyro's oldest interface.
pub(crate) fn of_task(answer: &impl Serialize) -> Result<CallToolResult, Refusal> {
    let mut value = serde_json::to_value(answer).map_err(unwritable)?;
    if let Some(object) = value.as_object_mut()
        && let Some(id) = object.remove("workspace_id")
    {
        object.insert("task_id".to_owned(), id);
    }
    self::object(&value)
}

/// The result that carries a list: one text item for each element.
pub(crate) fn list<T: Serialize>(items: &[T]) -> Result<CallToolResult, Refusal> {
    let texts: Result<Vec<_>, _> = items.iter().map(serde_json::to_string_pretty).collect();
    let mut result = CallToolResult::structured(serde_json::json!({ "result": items }));
    result.content = texts.map_err(unwritable)?.into_iter().map(ContentBlock::text).collect();
    Ok(result)
}

fn unwritable(error: serde_json::Error) -> Refusal {
    Refusal::new(ErrorKind::Internal, format!("the result cannot be written as JSON: {error}"))
}
