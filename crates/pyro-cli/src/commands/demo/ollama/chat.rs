//! Chat completions as OpenAI's API has them and Ollama answers them: requests written, answers
//! read.

use serde::de::Error;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request for the model's next words.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    pub(super) messages: &'a [Message],
    pub(super) tools: [Value; 1],
    pub(super) stream: bool,
    pub(super) temperature: u8,
}

/// What was said so far.
#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum Message {
    /// By us.
    User { content: String },
    /// By the model.
    Assistant {
        content: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call>,
    },
    /// By its tool.
    Tool { tool_call_id: String, content: String },
}

/// A call of a tool, as the model wrote it.
#[derive(Clone, Serialize)]
pub(super) struct Call {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Named,
}

#[derive(Clone, Serialize)]
struct Named {
    name: String,
    /// JSON, as text.
    arguments: String,
}

impl Call {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn name(&self) -> &str {
        &self.function.name
    }

    pub(super) fn arguments(&self) -> &str {
        &self.function.arguments
    }
}

/// What the model said.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
}

/// Read a completion.
///
/// # Errors
/// When it is not JSON, or nothing that a model said.
pub(super) fn answer(body: &[u8]) -> Result<Answer, serde_json::Error> {
    let completion: Completion = serde_json::from_slice(body)?;
    let Some(choice) = completion.choices.into_iter().next() else {
        return Err(serde_json::Error::custom("it has no choices"));
    };
    let calls = choice.message.tool_calls.unwrap_or_default().into_iter().enumerate();
    Ok(Answer {
        text: choice.message.content.unwrap_or_default(),
        calls: calls.map(|(at, call)| call.named(at)).collect(),
    })
}

/// What an endpoint says of a request that failed: the message in it, or all of it.
pub(super) fn complaint(body: &[u8]) -> String {
    let said: Option<Value> = serde_json::from_slice(body).ok();
    let error = said.as_ref().and_then(|said| said.get("error"));
    let message = error.and_then(|error| error.get("message").unwrap_or(error).as_str());
    message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned)
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    tool_calls: Option<Vec<SaidCall>>,
}

#[derive(Deserialize)]
struct SaidCall {
    /// Some endpoints leave it out.
    id: Option<String>,
    function: SaidFunction,
}

#[derive(Deserialize)]
struct SaidFunction {
    name: String,
    /// Text by the API, an object from some endpoints.
    #[serde(default)]
    arguments: Value,
}

impl SaidCall {
    fn named(self, at: usize) -> Call {
        let arguments = match self.function.arguments {
            Value::String(text) => text,
            value => value.to_string(),
        };
        let id = self.id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{at}"));
        Call { id, kind: "function", function: Named { name: self.function.name, arguments } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(message: &Value) -> Answer {
        answer(json!({ "choices": [{ "message": message }] }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn an_answer_has_words_and_calls() {
        let words = read(&json!({ "role": "assistant", "content": "hello" }));
        assert!(words.text == "hello" && words.calls.is_empty());
        for (arguments, text) in
            [(json!("{\"a\": 1}"), "{\"a\": 1}"), (json!({"a": 1}), "{\"a\":1}")]
        {
            let function = json!({ "name": "vm_run", "arguments": arguments });
            let answer = read(
                &json!({ "content": null, "tool_calls": [{ "id": "x", "function": function }] }),
            );
            let call = &answer.calls[0];
            assert_eq!((call.id(), call.name(), call.arguments()), ("x", "vm_run", text));
            let echoed = Message::Assistant { content: answer.text, tool_calls: answer.calls };
            let function = json!({ "name": "vm_run", "arguments": text });
            let call = json!({ "id": "x", "type": "function", "function": function });
            let expected = json!({ "role": "assistant", "content": "", "tool_calls": [call] });
            assert_eq!(serde_json::to_value(&echoed).unwrap(), expected);
        }
        let nameless = read(
            &json!({ "tool_calls": [{ "function": { "name": "f" } }, { "function": { "name": "g" } }] }),
        );
        assert_eq!((nameless.calls[0].id(), nameless.calls[1].id()), ("call_0", "call_1"));
        assert_eq!(nameless.calls[0].arguments(), "null");
    }

    #[test]
    fn what_is_no_completion_is_an_error() {
        for body in [
            "",
            "<html>",
            "{}",
            "{\"choices\":[]}",
            "{\"choices\":[{\"message\":{\"content\":7}}]}",
        ] {
            assert!(answer(body.as_bytes()).is_err(), "{body}");
        }
        assert!(answer("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn a_complaint_is_found_where_endpoints_put_it() {
        for (body, said) in [
            (r#"{"error":{"message":"model 'x' not found"}}"#, "model 'x' not found"),
            (r#"{"error":"model 'x' not found"}"#, "model 'x' not found"),
            ("404 page not found", "404 page not found"),
            (r#"{"detail":1}"#, r#"{"detail":1}"#),
        ] {
            assert_eq!(complaint(body.as_bytes()), said);
        }
    }
}
