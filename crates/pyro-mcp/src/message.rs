//! Messages of a client, as both transports take them: repaired where that is harmless, refused
//! with JSON-RPC's own codes.

use rmcp::RoleServer;
use rmcp::model::{ClientRequest, JsonRpcMessage};
use rmcp::service::RxJsonRpcMessage;
use serde_json::{Value, json};
use std::borrow::Cow;

/// A message that a client sent.
pub(crate) type Message = RxJsonRpcMessage<RoleServer>;

/// The one revision in which several messages may come as an array.
pub(crate) const WITH_BATCHES: &str = "2025-03-26";

/// Most messages of a batch.
const BATCH_LIMIT: usize = 100;

/// Requests that the protocol defines. One of them that does not parse has wrong parameters; it is
/// no unknown method.
const REQUESTS: [&str; 14] = [
    "completion/complete",
    "initialize",
    "logging/setLevel",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "server/discover",
    "tools/call",
    "tools/list",
];

/// What a client is told of a message that cannot be routed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused {
    /// The message's id, where one can be read.
    id: Option<Value>,
    code: i32,
    message: String,
}

impl Refused {
    /// It is no JSON.
    fn malformed(error: &serde_json::Error) -> Self {
        Self { id: None, code: -32700, message: format!("parse error: {error}") }
    }

    /// It is JSON, and no request.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { id: None, code: -32600, message: message.into() }
    }

    /// Whether it is the message's parameters alone that are wrong.
    pub(crate) fn is_of_parameters(&self) -> bool {
        self.code == -32602
    }

    /// As it is sent.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "jsonrpc": "2.0", "id": self.id, "error": { "code": self.code, "message": self.message } })
    }
}

/// The JSON of a message or of a batch.
///
/// # Errors
/// -32700
pub(crate) fn parsed(text: &[u8]) -> Result<Value, Refused> {
    serde_json::from_slice(&repaired(text)).map_err(|error| Refused::malformed(&error))
}

/// The messages of a batch; `revision` is the client's, where it is known.
///
/// # Errors
/// -32600 where there may be none, or where it is empty or too long.
pub(crate) fn batch(value: Vec<Value>, allowed: bool) -> Result<Vec<Value>, Refused> {
    match value.len() {
        _ if !allowed => {
            Err(Refused::invalid(format!("batches exist in revision {WITH_BATCHES} only")))
        }
        0 => Err(Refused::invalid("the batch is empty")),
        BATCH_LIMIT.. => {
            Err(Refused::invalid(format!("a batch may have {} messages", BATCH_LIMIT - 1)))
        }
        _ => Ok(value),
    }
}

/// Why a call cannot be routed whose `arguments` are no object; rmcp takes it for an unknown
/// method.
pub(crate) fn misread(value: &Value) -> Option<Refused> {
    let message = wrong_arguments(value)?;
    let id = value.get("id").filter(|id| id.is_string() || id.is_i64()).cloned();
    Some(Refused { id, code: -32602, message })
}

/// One message.
///
/// # Errors
/// -32602 for a request of the protocol whose parameters are wrong, -32600 for what is no message.
pub(crate) fn typed(value: Value) -> Result<Message, Refused> {
    let given = value.get("id").filter(|_| value.get("method").is_some());
    let id = given.filter(|id| id.is_string() || id.is_i64()).cloned();
    if given.is_some() && id.is_none() {
        return Err(Refused::invalid("the id of a request must be a string or an integer"));
    }
    if let Some(message) = wrong_arguments(&value) {
        return Err(Refused { id, code: -32602, message });
    }
    let method = value["method"]
        .as_str()
        .filter(|method| id.is_some() && REQUESTS.contains(method))
        .map(str::to_owned);
    let is_message = value.is_object() && value["jsonrpc"] == "2.0";
    let typed = serde_json::from_value(value);
    let is_custom = |request: &ClientRequest| matches!(request, ClientRequest::CustomRequest(_));
    match (typed, method) {
        (Ok(JsonRpcMessage::Request(request)), Some(method)) if is_custom(&request.request) => {
            Err(Refused {
                id,
                code: -32602,
                message: format!("the parameters of {method} are wrong or missing"),
            })
        }
        (Ok(message), _) => Ok(message),
        (Err(_), Some(method)) if is_message => Err(Refused {
            id,
            code: -32602,
            message: format!("the parameters of {method} are wrong"),
        }),
        (Err(_), _) => Err(Refused { id, ..Refused::invalid("not a JSON-RPC 2.0 message of MCP") }),
    }
}

/// What is wrong with the `arguments` of a call, where they are no object.
fn wrong_arguments(value: &Value) -> Option<String> {
    let is_call = value.get("method").is_some_and(|method| method == "tools/call");
    let arguments = value.get("params")?.get("arguments").filter(|_| is_call)?;
    let kind = match arguments {
        Value::Object(_) | Value::Null => return None,
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
    };
    Some(format!("arguments must be an object, such as {{\"name\": \"value\"}}, not {kind}"))
}

/// The text with U+FFFD for what no Rust string holds: bytes that are not UTF-8, and escapes of
/// half a surrogate pair, which `JSON.stringify` makes of a character that was cut.
fn repaired(text: &[u8]) -> Cow<'_, [u8]> {
    let text = match String::from_utf8_lossy(text) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    };
    let lone = lone_surrogates(&text);
    if lone.is_empty() {
        return text;
    }
    let mut text = text.into_owned();
    for at in lone {
        text[at..at + ESCAPE].copy_from_slice(b"\\ufffd");
    }
    Cow::Owned(text)
}

/// Bytes of `\ud83d`.
const ESCAPE: usize = 6;

/// Where the escapes stand that are one half of a pair without the other. A backslash stands in
/// strings only.
fn lone_surrogates(text: &[u8]) -> Vec<usize> {
    let mut lone = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].iter().position(|byte| *byte == b'\\') {
        at += next;
        at += match escaped_unit(&text[at..]) {
            Some(0xd800..=0xdbff)
                if matches!(escaped_unit(&text[at + ESCAPE..]), Some(0xdc00..=0xdfff)) =>
            {
                2 * ESCAPE
            }
            Some(0xd800..=0xdfff) => {
                lone.push(at);
                ESCAPE
            }
            Some(_) => ESCAPE,
            None => 2.min(text.len() - at),
        };
    }
    lone
}

/// The UTF-16 unit of the escape that the text begins with.
fn escaped_unit(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(text: &str) -> (i32, Value) {
        let refused = parsed(text.as_bytes()).and_then(typed).unwrap_err().to_json();
        (i32::try_from(refused["error"]["code"].as_i64().unwrap()).unwrap(), refused["id"].clone())
    }

    #[test]
    fn what_cannot_be_routed_is_refused_with_the_code_of_json_rpc() {
        let call = |arguments: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{{"name":"x","arguments":{arguments}}}}}"#
            )
        };
        for (text, code, id) in [
            ("{".to_owned(), -32700, Value::Null),
            ("not json".to_owned(), -32700, Value::Null),
            ("\u{0}".to_owned(), -32700, Value::Null),
            (format!("{}{}", "[".repeat(1000), "]".repeat(1000)), -32700, Value::Null),
            (call(r#""{}""#), -32602, json!("a")),
            (call("[]"), -32602, json!("a")),
            (call("7"), -32602, json!("a")),
            (r#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#.to_owned(), -32602, json!(7)),
            (
                r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":[]}"#.to_owned(),
                -32602,
                json!(7),
            ),
            (
                r#"{"jsonrpc":"2.0","id":7,"method":"resources/read","params":{}}"#.to_owned(),
                -32602,
                json!(7),
            ),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#.to_owned(), -32600, Value::Null),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#.to_owned(), -32600, Value::Null),
            (r#"{"jsonrpc":"2.0"}"#.to_owned(), -32600, Value::Null),
            (r#"{"jsonrpc":"1.0","id":3,"method":"ping"}"#.to_owned(), -32600, json!(3)),
            ("7".to_owned(), -32600, Value::Null),
        ] {
            assert_eq!(refused(&text), (code, id), "{text}");
        }
    }

    #[test]
    fn what_can_be_routed_is() {
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":null}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"somebody/elses","params":{}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":"roots","result":{"roots":[]}}"#,
        ] {
            assert!(parsed(text.as_bytes()).and_then(typed).is_ok(), "{text}");
        }
    }

    #[test]
    fn half_a_character_is_replaced_and_whole_ones_stay() {
        for (text, read) in [
            (&br#""echo \ud83d""#[..], "echo \u{fffd}"),
            (br#""\ud83d\ude00""#, "\u{1f600}"),
            (br#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (br#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (br#""\\ud83d""#, "\\ud83d"),
            (br#""\\\ud83d""#, "\\\u{fffd}"),
            (br#""\n\u00e9""#, "\n\u{e9}"),
            (b"\"a\xed\xa0\xbdb\"", "a\u{fffd}\u{fffd}\u{fffd}b"),
            (b"\"\xff\"", "\u{fffd}"),
        ] {
            assert_eq!(parsed(text).unwrap(), read, "{}", String::from_utf8_lossy(text));
        }
        assert!(parsed(br#""\ud83"#).is_err() && parsed(b"\"\\").is_err());
    }

    #[test]
    fn batches_are_for_the_revision_that_has_them() {
        assert!(batch(vec![json!(1)], false).is_err());
        assert!(batch(vec![], true).is_err() && batch(vec![json!(1); BATCH_LIMIT], true).is_err());
        assert_eq!(batch(vec![json!(1); 2], true).unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn any_utf16_is_read(units in proptest::collection::vec(any::<u16>(), 0..20)) {
            let text: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let read = parsed(format!("\"{text}\"").as_bytes()).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parsed(&bytes).and_then(typed);
        }
    }
}
