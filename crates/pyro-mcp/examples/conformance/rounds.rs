//! Tools that ask by their result, and are called again with the answers, as 2026-07-28 does.

use crate::{Context, from};
use rmcp::ErrorData;
use rmcp::model::*;
use serde_json::{Value, json};

pub const NAMES: &[&str] = &[
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_request_state",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_multi_round",
    "test_input_required_result_tampered_state",
    "test_input_required_result_capabilities",
];

/// What seals the state that a client carries from round to round.
const KEY: [u8; 32] = *b"a key of a test, and of no other";

pub fn elicitation(message: &str, field: &str, kind: &str) -> Value {
    let schema =
        json!({ "type": "object", "properties": { field: { "type": kind } }, "required": [field] });
    json!({
        "method": "elicitation/create",
        "params": { "mode": "form", "message": message, "requestedSchema": schema },
    })
}

fn sampling(prompt: &str, max_tokens: u32) -> Value {
    let message = json!({ "role": "user", "content": { "type": "text", "text": prompt } });
    json!({ "method": "sampling/createMessage", "params": { "messages": [message], "maxTokens": max_tokens } })
}

fn roots() -> Value {
    json!({ "method": "roots/list", "params": {} })
}

/// A result that asks; `state` comes back sealed.
pub fn asks(requests: Value, state: Option<&str>) -> InputRequiredResult {
    let state = state.map(|state| RequestStateCodec::new(KEY).seal(state.as_bytes()));
    InputRequiredResult::new(Some(from(requests)), state)
}

pub fn call(
    call: &CallToolRequestParams,
    context: &Context,
) -> Result<CallToolResponse, ErrorData> {
    let state = call.request_state.as_deref().map(opened).transpose()?;
    let answer = |name: &str| call.input_responses.as_ref().and_then(|answers| answers.get(name));
    let content = |name: &str| {
        answer(name).map(|answer| &answer["content"]).filter(|content| content.is_object())
    };
    let name = || elicitation("What is your name?", "name", "string");
    let says = |text: String| Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into());
    let asked = match &*call.name {
        "test_input_required_result_elicitation" => {
            match content("user_name").and_then(|it| it["name"].as_str()) {
                Some(name) => return says(format!("Hello, {name}!")),
                None => asks(json!({ "user_name": name() }), None),
            }
        }
        "test_input_required_result_sampling" => match answer("capital_question") {
            Some(answer) => return says(format!("The model says: {}", answer["content"]["text"])),
            None => asks(
                json!({ "capital_question": sampling("What is the capital of France?", 100) }),
                None,
            ),
        },
        "test_input_required_result_list_roots" => match answer("client_roots") {
            Some(answer) => return says(format!("The client's roots: {}", answer["roots"])),
            None => asks(json!({ "client_roots": roots() }), None),
        },
        "test_input_required_result_request_state" => {
            match (content("confirm"), state.as_deref()) {
                (Some(_), Some("confirming")) => return says("state-ok".to_owned()),
                _ => asks(
                    json!({ "confirm": elicitation("Please confirm", "ok", "boolean") }),
                    Some("confirming"),
                ),
            }
        }
        "test_input_required_result_tampered_state" => match (content("confirm"), state.as_deref())
        {
            (Some(_), Some("sealed")) => return says("whole".to_owned()),
            _ => asks(
                json!({ "confirm": elicitation("Please confirm", "ok", "boolean") }),
                Some("sealed"),
            ),
        },
        "test_input_required_result_multiple_inputs" => {
            if ["user_name", "greeting", "client_roots"].iter().all(|name| answer(name).is_some()) {
                return says("all three came".to_owned());
            }
            let greeting = sampling("Generate a greeting", 50);
            asks(
                json!({ "user_name": name(), "greeting": greeting, "client_roots": roots() }),
                Some("all"),
            )
        }
        "test_input_required_result_multi_round" => {
            match (state.as_deref(), content("step1"), content("step2")) {
                (Some("two"), _, Some(_)) => return says("three rounds".to_owned()),
                (Some("one"), Some(_), _) => {
                    let step =
                        elicitation("Step 2: What is your favorite color?", "color", "string");
                    asks(json!({ "step2": step }), Some("two"))
                }
                _ => asks(
                    json!({ "step1": elicitation("Step 1: What is your name?", "name", "string") }),
                    Some("one"),
                ),
            }
        }
        _ => asks(within(&context.client_capabilities().unwrap_or_default()), None),
    };
    Ok(CallToolResponse::InputRequired(asked))
}

/// Requests for what the client declared, and for nothing else.
fn within(declared: &ClientCapabilities) -> Value {
    let mut requests = json!({});
    if declared.sampling.is_some() {
        requests["question"] = sampling("What can you do?", 50);
    }
    if declared.elicitation.is_some() {
        requests["user_name"] = elicitation("What is your name?", "name", "string");
    }
    if declared.roots.is_some() {
        requests["client_roots"] = roots();
    }
    requests
}

fn opened(sealed: &str) -> Result<String, ErrorData> {
    let wrong = |_| ErrorData::invalid_params("requestState is not what this server gave", None);
    let bytes = RequestStateCodec::new(KEY).open(sealed).map_err(wrong)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
