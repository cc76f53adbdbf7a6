//! Tools that answer with what the suite expects, after what it expects on the way.

use crate::content::{PNG, WAV};
use crate::{Context, from, rounds};
use rmcp::ErrorData;
use rmcp::model::*;
use serde_json::{Value, json};
use std::time::Duration;

/// Between two notifications, as the suite asks.
const PAUSE: Duration = Duration::from_millis(50);

pub fn all() -> Vec<Tool> {
    let nothing = json!({ "type": "object", "properties": {} });
    let one = |name: &str| json!({ "type": "object", "properties": { name: { "type": "string" } }, "required": [name] });
    let plain = [
        "test_simple_text",
        "test_image_content",
        "test_audio_content",
        "test_embedded_resource",
        "test_multiple_content_types",
        "test_tool_with_logging",
        "test_logging_tool",
        "test_error_handling",
        "test_tool_with_progress",
        "test_elicitation_sep1034_defaults",
        "test_elicitation_sep1330_enums",
        "test_streaming_elicitation",
        "test_missing_capability",
    ];
    let mut tools: Vec<Value> = Vec::new();
    for name in plain.iter().chain(rounds::NAMES) {
        tools.push(json!({ "name": name, "description": format!("Fixture {name}"), "inputSchema": nothing }));
    }
    for (name, parameter) in [("test_sampling", "prompt"), ("test_elicitation", "message")] {
        tools.push(json!({ "name": name, "description": format!("Fixture {name}"), "inputSchema": one(parameter) }));
    }
    tools.into_iter().map(from).collect()
}

pub async fn call(
    call: &CallToolRequestParams,
    context: &Context,
) -> Result<CallToolResult, ErrorData> {
    let text = |text: &str| json!({ "type": "text", "text": text });
    let image = json!({ "type": "image", "data": PNG, "mimeType": "image/png" });
    let resource = |uri: &str, kind: &str, text: &str| json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": text } });
    let content = match &*call.name {
        "test_simple_text" => vec![text("This is a simple text response for testing.")],
        "test_image_content" => vec![image],
        "test_audio_content" => {
            vec![json!({ "type": "audio", "data": WAV, "mimeType": "audio/wav" })]
        }
        "test_embedded_resource" => {
            vec![resource(
                "test://embedded-resource",
                "text/plain",
                "This is an embedded resource content.",
            )]
        }
        "test_multiple_content_types" => {
            let mixed = resource(
                "test://mixed-content-resource",
                "application/json",
                r#"{"test":"data","value":123}"#,
            );
            vec![text("Multiple content types test:"), image, mixed]
        }
        "test_tool_with_logging" => {
            for words in
                ["Tool execution started", "Tool processing data", "Tool execution completed"]
            {
                log(context, words).await?;
                tokio::time::sleep(PAUSE).await;
            }
            vec![text("logged three times")]
        }
        "test_logging_tool" => {
            if context.meta.log_level().is_some() {
                log(context, "asked for").await?;
            }
            vec![text("logged where it was asked for")]
        }
        "test_tool_with_progress" => {
            progress(context).await?;
            vec![text("told its progress")]
        }
        "test_streaming_elicitation" => {
            progress(context).await?;
            vec![text("streamed")]
        }
        "test_error_handling" => {
            let words = "This tool intentionally returns an error for testing";
            return Ok(from(
                json!({ "resultType": "complete", "isError": true, "content": [text(words)] }),
            ));
        }
        "test_missing_capability" => {
            let sampling: ClientCapabilities = from(json!({ "sampling": {} }));
            if context.client_capabilities().is_none_or(|declared| declared.sampling.is_none()) {
                return Err(ErrorData::missing_required_client_capability(sampling));
            }
            vec![text("the client can sample")]
        }
        name => return Err(ErrorData::invalid_params(format!("unknown tool: {name}"), None)),
    };
    Ok(from(json!({ "resultType": "complete", "content": content })))
}

async fn log(context: &Context, words: &str) -> Result<(), ErrorData> {
    let param = from(json!({ "level": "info", "data": words }));
    context
        .peer
        .notify_logging_message(param)
        .await
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

async fn progress(context: &Context) -> Result<(), ErrorData> {
    for done in [0.0, 50.0, 100.0] {
        if let Some(token) = context.meta.get_progress_token() {
            let param = ProgressNotificationParam::new(token, done).with_total(100.0);
            let sent = context.peer.notify_progress(param).await;
            sent.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
