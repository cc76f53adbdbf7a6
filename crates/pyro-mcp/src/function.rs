//! `vm_run` as a function of a chat-completions API: for a model that calls tools without speaking
//! MCP.

use crate::arguments;
use crate::grants::Grants;
use crate::refusal::Refusal;
use crate::tools::vm_run::VmRun;
use pyro_contract::Tools;
use pyro_core::{ErrorKind, PyroError, RunRequest};
use rmcp::model::JsonObject;
use serde_json::{Value, json};

/// The one function that there is.
pub const NAME: &str = "vm_run";

/// What a model reads of it; there is no tool beside it to page through long output.
const DESCRIPTION: &str = "Run a shell command in a fresh, disposable Linux vm (sandbox). Join steps with &&: no file outlives \
     the call. exit_code is the command's, 124 on timeout. Long output keeps head and tail.";

/// The function `vm_run`, with the parameters of the tool and nothing granted: neither a network
/// nor the host.
#[derive(Debug)]
pub struct Function {
    parameters: JsonObject,
}

impl Default for Function {
    fn default() -> Self {
        Self { parameters: VmRun::parameters(&Grants::default()) }
    }
}

impl Function {
    /// An element of a request's `tools`.
    #[must_use]
    pub fn definition(&self) -> Value {
        json!({
            "type": "function",
            "function": { "name": NAME, "description": DESCRIPTION, "parameters": self.parameters },
        })
    }

    /// What a call asks to be run, and its stdin; `arguments` is JSON as the model wrote it.
    ///
    /// # Errors
    /// `not_found` for another function, `invalid_input` that names each fault of the arguments,
    /// `denied` for what is never granted.
    pub fn request(
        &self,
        name: &str,
        arguments: &str,
    ) -> Result<(RunRequest, Option<String>), Refusal> {
        if name != NAME {
            return Err(Refusal::new(ErrorKind::NotFound, "there is no such tool")
                .hint(format!("call {NAME}")));
        }
        let arguments: JsonObject = serde_json::from_str(arguments).map_err(|error| {
            Refusal::new(
                ErrorKind::InvalidInput,
                format!("the arguments are no JSON object: {error}"),
            )
            .hint("write them as one object with environment and command")
        })?;
        let arguments = arguments::checked(NAME, &self.parameters, arguments)?;
        let call: VmRun = serde_json::from_value(arguments.into())
            .map_err(|error| Refusal::new(ErrorKind::InvalidInput, error.to_string()))?;
        call.request(&Grants::default()).map_err(|refusal| self.told(refusal))
    }

    /// What the model is told of a call that could not be run.
    #[must_use]
    pub fn refusal(&self, error: PyroError) -> Refusal {
        self.told(error.into())
    }

    fn told(&self, refusal: Refusal) -> Refusal {
        let parameters = self.parameters.get("properties").and_then(Value::as_object);
        let names: Vec<String> =
            parameters.into_iter().flat_map(JsonObject::keys).cloned().collect();
        // Nobody started a server with a flag, and nobody can.
        let refusal = if refusal.is_denied() { refusal.hint("leave it out") } else { refusal };
        refusal.in_words_of(&Tools {
            offered: &[NAME],
            called: Some(NAME),
            parameters: &names,
            grants_host: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, arguments: &str) -> (String, String) {
        let refusal = Function::default().request(name, arguments).unwrap_err();
        let told = serde_json::to_value(&refusal).unwrap();
        (told["kind"].as_str().unwrap().to_owned(), told["message"].as_str().unwrap().to_owned())
    }

    #[test]
    fn it_has_the_parameters_of_the_tool() {
        let definition = Function::default().definition();
        let tools = crate::tools::all(&Grants::default(), false, false);
        let tool = tools.iter().find(|tool| tool.model.name == NAME).unwrap();
        assert_eq!(definition["type"], "function");
        assert_eq!(definition["function"]["name"], NAME);
        assert_eq!(
            definition["function"]["parameters"],
            Value::Object((*tool.model.input_schema).clone())
        );
        assert_eq!(
            definition["function"]["parameters"]["required"],
            json!(["environment", "command"])
        );
    }

    #[test]
    fn a_call_is_a_request_with_the_defaults_of_the_tool() {
        let arguments = r#"{"environment":"debian:12","command":"cat","vcpu_count":"2","stdin":"a","cwd":null}"#;
        let (request, stdin) = Function::default().request(NAME, arguments).unwrap();
        assert_eq!(
            (request.environment.as_str(), request.line.command.as_str()),
            ("debian:12", "cat")
        );
        assert_eq!(
            (request.shape.vcpu_count, request.shape.mem_mib, request.shape.ttl_seconds),
            (2, 1024, 600)
        );
        assert_eq!((request.line.timeout.as_secs(), stdin.as_deref()), (30, Some("a")));
        assert!(!request.network && !request.allow_host_compat);
    }

    #[test]
    fn what_is_wrong_with_a_call_is_told() {
        let call = |more: &str| format!(r#"{{"environment":"debian:12","command":"true"{more}}}"#);
        for (name, arguments, kind, message) in [
            ("rm", call(""), "not_found", "there is no such tool"),
            (
                NAME,
                "{\"command\"".to_owned(),
                "invalid_input",
                "the arguments are no JSON object: EOF",
            ),
            (
                NAME,
                "[]".to_owned(),
                "invalid_input",
                "the arguments are no JSON object: invalid type",
            ),
            (NAME, "{}".to_owned(), "invalid_input", "environment is missing; command is missing"),
            (NAME, call(",\"flavour\":1"), "invalid_input", "unknown argument \"flavour\""),
            (NAME, call(",\"mem_mib\":\"much\""), "invalid_input", "mem_mib must be an integer"),
            (NAME, call(",\"cwd\":\"a\\u0000b\""), "invalid_input", ""),
            (NAME, call(",\"network\":true"), "denied", "guests have no network"),
            (
                NAME,
                call(",\"allow_host_compat\":true"),
                "denied",
                "allow_host_compat is not granted",
            ),
        ] {
            let (told, words) = refused(name, &arguments);
            assert!(told == kind && words.starts_with(message), "{arguments}: {told} {words}");
        }
    }
}
