//! Request bodies, before rmcp has them: repaired or refused as lines are on stdio, and batches
//! taken apart.

use crate::message::{self, Refused, WITH_BATCHES};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// Longest request body, in bytes.
pub(super) const LIMIT: usize = 16 * 1024 * 1024;

/// Where a client says which revision it speaks, after the handshake.
const REVISION: &str = "mcp-protocol-version";

/// Longest answer to one message of a batch, in bytes.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

/// Hand a request on with a body that rmcp can read, or say what is wrong with it.
pub(super) async fn take(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !is_json(request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match message::parsed(&body) {
        Ok(Value::Array(batch)) => {
            // A client that does not say which revision it speaks speaks this one.
            let allowed =
                parts.headers.get(REVISION).is_none_or(|revision| revision == WITH_BATCHES);
            match message::batch(batch, allowed) {
                Ok(batch) => answer_batch(parts, batch, next).await,
                Err(refused) => refusal(&refused),
            }
        }
        // Of the rest rmcp says what the revision asks for.
        Ok(value) => match message::misread(&value) {
            None => next.run(with_body(parts, &value)).await,
            Some(refused) => refusal(&refused),
        },
        Err(refused) => refusal(&refused),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

fn refusal(refused: &Refused) -> Response {
    // A call with wrong parameters is a request that is answered; anything else is none.
    let status = if refused.is_of_parameters() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    json(status, &refused.to_json())
}

fn json(status: StatusCode, value: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

fn with_body(mut parts: Parts, value: &Value) -> Request {
    let body = value.to_string();
    parts.headers.insert(CONTENT_LENGTH, body.len().into());
    Request::from_parts(parts, Body::from(body))
}

/// The answers to the requests of a batch, one after another.
async fn answer_batch(parts: Parts, batch: Vec<Value>, next: Next) -> Response {
    let mut answers = Vec::new();
    for value in batch {
        if value["method"] == "initialize" {
            answers.push(Refused::invalid("initialize may not be part of a batch").to_json());
            continue;
        }
        if let Err(refused) = message::typed(value.clone()) {
            answers.push(refused.to_json());
            continue;
        }
        let response = next.clone().run(with_body(parts.clone(), &value)).await;
        let (head, body) = response.into_parts();
        let Ok(body) = to_bytes(body, ANSWER_LIMIT).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        if !head.status.is_success() {
            return Response::from_parts(head, Body::from(body));
        }
        answers.extend(answers_in(&body));
    }
    match answers.is_empty() {
        true => StatusCode::ACCEPTED.into_response(),
        false => json(StatusCode::OK, &Value::Array(answers)),
    }
}

/// The answers in a body: one as JSON, or those among the events of a stream.
fn answers_in(body: &[u8]) -> Vec<Value> {
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        return vec![value];
    }
    let text = String::from_utf8_lossy(body);
    let events = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let messages = events.filter_map(|event| serde_json::from_str::<Value>(event.trim()).ok());
    messages
        .filter(|message| message.get("result").is_some() || message.get("error").is_some())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_found_in_either_kind_of_body() {
        let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
        assert_eq!(answers_in(answer.to_string().as_bytes()), std::slice::from_ref(&answer));
        let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress" });
        let stream = format!(
            ": ping\n\nid: 0\ndata:\n\ndata: {progress}\n\nevent: message\ndata: {answer}\n\n"
        );
        assert_eq!(answers_in(stream.as_bytes()), [answer]);
        assert!(answers_in(b"").is_empty());
    }
}
