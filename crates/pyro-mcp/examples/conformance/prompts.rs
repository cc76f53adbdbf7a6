//! Prompts that the suite asks for.

use crate::content::PNG;
use crate::{from, rounds};
use rmcp::ErrorData;
use rmcp::model::*;
use serde_json::{Value, json};

pub fn all() -> Vec<Prompt> {
    let argument = |name: &str| json!({ "name": name, "description": format!("Argument {name}"), "required": true });
    [
        ("test_simple_prompt", vec![]),
        ("test_prompt_with_arguments", vec![argument("arg1"), argument("arg2")]),
        ("test_prompt_with_embedded_resource", vec![argument("resourceUri")]),
        ("test_prompt_with_image", vec![]),
        ("test_input_required_result_prompt", vec![]),
    ]
    .into_iter()
    .map(|(name, arguments)| {
        from(json!({ "name": name, "description": format!("Fixture {name}"), "arguments": arguments }))
    })
    .collect()
}

pub fn get(asked: &GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    let argument = |name: &str| {
        let value = asked.arguments.as_ref().and_then(|arguments| arguments.get(name));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let text = |text: String| json!({ "type": "text", "text": text });
    let content = match &*asked.name {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.".to_owned())],
        "test_prompt_with_arguments" => {
            let words = format!(
                "Prompt with arguments: arg1='{}', arg2='{}'",
                argument("arg1"),
                argument("arg2")
            );
            vec![text(words)]
        }
        "test_prompt_with_embedded_resource" => {
            let words = "Embedded resource content for testing.";
            let resource =
                json!({ "uri": argument("resourceUri"), "mimeType": "text/plain", "text": words });
            let resource = json!({ "type": "resource", "resource": resource });
            vec![resource, text("Please process the embedded resource above.".to_owned())]
        }
        "test_prompt_with_image" => {
            let image = json!({ "type": "image", "data": PNG, "mimeType": "image/png" });
            vec![image, text("Please analyze the image above.".to_owned())]
        }
        "test_input_required_result_prompt" => {
            let answer =
                asked.input_responses.as_ref().and_then(|answers| answers.get("user_context"));
            let Some(answer) = answer else {
                let request =
                    rounds::elicitation("What context should the prompt use?", "context", "string");
                let asks = rounds::asks(json!({ "user_context": request }), None);
                return Ok(GetPromptResponse::InputRequired(asks));
            };
            vec![text(format!("In the context of {}", answer["content"]["context"]))]
        }
        name => return Err(ErrorData::invalid_params(format!("unknown prompt: {name}"), None)),
    };
    let messages: Vec<Value> =
        content.into_iter().map(|content| json!({ "role": "user", "content": content })).collect();
    Ok(from::<GetPromptResult>(json!({ "resultType": "complete", "messages": messages })).into())
}
