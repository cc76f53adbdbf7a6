//! Results: the contract's object structured, and in one text item what a model needs of it.

use crate::bounds;
use crate::brief::{self, brief};
use crate::output;
use crate::refusal::Refusal;
use pyro_core::{ErrorKind, find_missing_program};
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

/// The result that carries a list: one text item for each element.
pub(crate) fn list<T: Serialize>(items: &[T]) -> Result<CallToolResult, Refusal> {
    object(&serde_json::json!({ "result": value(&items)? }))
}

/// The result of a command; where it called for a program that another environment has, it says
/// which.
pub(crate) fn ran(mut result: CallToolResult) -> CallToolResult {
    let Some(object) = result.structured_content.as_mut().and_then(Value::as_object_mut) else {
        return result;
    };
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    // The host's programs are no environment's.
    let is_missing = object.get("exit_code").is_some_and(|status| *status == 127)
        && text("execution_mode").starts_with("guest_");
    let found =
        is_missing.then(|| find_missing_program(text("environment"), text("stderr"))).flatten();
    if let Some((program, other)) = found {
        let hint =
            format!("{} has no {program}; environment {} has it", text("environment"), other.name);
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
        result
            .content
            .extend(["stdout", "stderr"].into_iter().filter_map(|stream| link(&value, stream)));
    }
    result.structured_content = Some(value);
    result
}

/// Cut lists so that text and structured content hold the same of them, and say how many are left
/// out.
fn trim_lists(value: &mut Value, telling: &Telling) {
    let Some(object) = value.as_object_mut() else { return };
    // A page was made to fit before, and says where the next one begins.
    if object.contains_key("next_after") {
        return;
    }
    // A patch that the call did not give itself stands beside the list.
    let has_patch =
        object.get("patch").and_then(Value::as_str).is_some_and(|patch| !patch.is_empty());
    let limit = if has_patch && !telling.given.contains_key("patch") {
        telling.limit / 2
    } else {
        telling.limit
    };
    for name in ["entries", "snapshots", "workspaces", "left_out"] {
        let Some(items) = object.get_mut(name).and_then(Value::as_array_mut) else { continue };
        let fits = fitting(items, limit, cost);
        let left_out = items.len() - fits;
        if left_out == 0 {
            continue;
        }
        items.truncate(fits);
        bounds::add_omitted(object, left_out);
        if object.contains_key("count") {
            object.insert("count".to_owned(), fits.into());
        }
        object.entry("hint").or_insert_with(|| rest(name, telling).into());
    }
}

/// How a call gets what a list was cut by.
fn rest(list: &str, telling: &Telling) -> &'static str {
    match list {
        _ if telling.given.contains_key("max_output_bytes") => {
            "give a larger max_output_bytes for the rest"
        }
        "entries" => "workspace_diff lists every change",
        "snapshots" => "snapshot_list has the rest",
        "workspaces" => "workspace_list has the rest",
        _ => "export smaller directories one by one to see the rest",
    }
}

/// Bytes of an item in the text: a line, or what is told of it.
fn cost(item: &Value) -> usize {
    match item["path"].is_string() && item["why"].is_null() {
        true => bounds::text_length(&brief::entry("/workspace", item)) + 2,
        false => bounds::length(&brief(item, &JsonObject::new())),
    }
}

/// How many items of a list fit, in the text, where each costs so much, and in the structured
/// content.
pub(crate) fn fitting(items: &[Value], limit: usize, cost: impl Fn(&Value) -> usize) -> usize {
    let text = bounds::count(items, limit.saturating_sub(bounds::FIELDS), cost);
    let whole = bounds::STRUCTURED * limit;
    text.min(bounds::count(items, whole.saturating_sub(2 * bounds::FIELDS), bounds::length))
}

/// What a model chooses an environment by.
fn brief_environment(item: &Value) -> Value {
    let names = ["name", "description", "default_packages", "installed"];
    names
        .iter()
        .map(|name| ((*name).to_owned(), item[*name].clone()))
        .collect::<JsonObject>()
        .into()
}

/// The link to an output of which something was left out.
fn link(value: &Value, stream: &str) -> Option<ContentBlock> {
    let name = value[format!("{stream}_file")].as_str()?;
    let bytes = value[format!("{stream}_bytes")].as_u64().unwrap_or(0);
    let link = Resource::new(format!("{}{name}", output::ADDRESS), name)
        .with_description(format!("all {bytes} bytes of {stream}, in pages: add ?offset=N"));
    Some(ContentBlock::resource_link(link))
}

fn value(answer: &impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|error| {
        Refusal::new(ErrorKind::Internal, format!("the result cannot be written as JSON: {error}"))
            .hint("try again")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn telling(given: Value) -> Telling {
        Telling { given: given.as_object().unwrap().clone(), limit: bounds::DEFAULT, links: false }
    }

    fn text(result: &CallToolResult) -> Value {
        serde_json::from_str(&result.content[0].as_text().unwrap().text).unwrap()
    }

    #[test]
    fn a_program_of_another_environment_is_named_where_a_guest_lacked_it() {
        for (mode, is_told) in [("guest_kvm", true), ("guest_tcg", true), ("host_compat", false)] {
            let ran = json!({
                "environment": "debian:12", "exit_code": 127, "execution_mode": mode,
                "stderr": "bash: line 1: python3: command not found\n",
            });
            let hint = ran_value(&ran)["hint"].clone();
            assert_eq!(hint.is_string(), is_told, "{mode}: {hint}");
        }
    }

    fn ran_value(value: &Value) -> Value {
        ran(object(value).unwrap()).structured_content.unwrap()
    }

    #[test]
    fn what_a_list_was_cut_by_is_one_number() {
        let workspace =
            |at: usize| json!({ "workspace_id": format!("{at:012}"), "name": "x".repeat(60) });
        let all: Vec<Value> = (0..1000).map(workspace).collect();
        for (given, hint) in [
            (
                json!({ "max_output_bytes": bounds::DEFAULT }),
                "give a larger max_output_bytes for the rest",
            ),
            (json!({}), "workspace_list has the rest"),
        ] {
            let listed = object(&json!({ "count": 1000, "workspaces": all })).unwrap();
            let listed = told(listed, &telling(given));
            let whole = listed.structured_content.as_ref().unwrap();
            let held = whole["workspaces"].as_array().unwrap().len();
            assert!(held > 50, "{held}");
            assert_eq!((&whole["count"], &whole["omitted"]), (&json!(held), &json!(1000 - held)));
            assert_eq!(whole["hint"], hint);
            let text = text(&listed);
            assert_eq!(
                (text["workspaces"].as_array().unwrap().len(), &text["omitted"]),
                (held, &json!(1000 - held))
            );
        }
    }

    #[test]
    fn both_cuts_of_a_list_are_added_up() {
        let mut value =
            json!({ "entries": vec!["a path that is like any other"; 1000], "omitted": 7 });
        bounds::bounded(&mut value, 4000);
        let held = value["entries"].as_array().unwrap().len();
        assert!(held > 30 && value["omitted"] == 1007 - held, "{value}");
    }

    #[test]
    fn a_list_and_a_patch_have_half_of_the_room_each() {
        let entry =
            |at: usize| json!({ "path": format!("/workspace/some/file{at}"), "status": "added" });
        let entries: Vec<Value> = (0..2000).map(entry).collect();
        let diff = json!({ "patch": "+a\n".repeat(2500), "patch_complete": false, "hint": "as core says", "entries": entries });
        let result =
            told(object(&diff).unwrap(), &telling(json!({ "max_output_bytes": bounds::DEFAULT })));
        let (text, whole) = (text(&result), result.structured_content.unwrap());
        let held = whole["entries"].as_array().unwrap().len();
        assert_eq!(text["entries"].as_array().unwrap().len(), held);
        assert!(
            held > 100 && text["omitted"] == 2000 - held && whole["omitted"] == 2000 - held,
            "{held}"
        );
        assert_eq!((&text["patch"], &text["hint"]), (&diff["patch"], &diff["hint"]));
    }
}
