//! Resources that the suite asks for.

use crate::content::PNG;
use crate::from;
use rmcp::ErrorData;
use rmcp::model::*;
use serde_json::json;

pub fn all() -> Vec<Resource> {
    [
        ("test://static-text", "text/plain"),
        ("test://static-binary", "image/png"),
        ("test://watched-resource", "text/plain"),
    ]
    .into_iter()
    .map(|(uri, kind)| {
        from(json!({ "uri": uri, "name": uri, "description": "Fixture", "mimeType": kind }))
    })
    .collect()
}

pub fn templates() -> Vec<ResourceTemplate> {
    let template = json!({
        "uriTemplate": "test://template/{id}/data", "name": "template", "description": "Fixture",
        "mimeType": "application/json",
    });
    vec![from(template)]
}

pub fn read(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let text = |kind: &str, text: String| json!({ "uri": uri, "mimeType": kind, "text": text });
    let contents = match uri {
        "test://static-text" => {
            text("text/plain", "This is the content of the static text resource.".to_owned())
        }
        "test://watched-resource" => text("text/plain", "It does not change.".to_owned()),
        "test://static-binary" => json!({ "uri": uri, "mimeType": "image/png", "blob": PNG }),
        _ => {
            let id =
                uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
            let Some(id) = id else {
                return Err(ErrorData::resource_not_found(
                    "Resource not found",
                    Some(json!({ "uri": uri })),
                ));
            };
            let data =
                json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            text("application/json", data.to_string())
        }
    };
    Ok(from(json!({ "resultType": "complete", "contents": [contents] })))
}
