//! What a model is told when a call fails: kind, message, hint.

use crate::bounds;
use pyro_contract::Tools;
use pyro_core::hints::{Hint, worded};
use pyro_core::{ErrorKind, PyroError};
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;

/// Longest refusal, in bytes: it may say what a patch met.
const LONGEST: usize = 8 * 1024;

/// A call that failed; the model reads it.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Refusal {
    /// What to branch on, by its name.
    kind: &'static str,
    /// What happened.
    message: String,
    /// What caused it, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// What core hints at, until [`Refusal::in_words_of`] says it.
    #[serde(skip)]
    hints: Vec<Hint>,
}

impl Refusal {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind: kind.name(),
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            hints: Vec::new(),
        }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), hints: Vec::new(), ..self }
    }

    /// With what core hints at in the words of the server.
    pub(crate) fn in_words_of(mut self, tools: &Tools<'_>) -> Self {
        let hints = std::mem::take(&mut self.hints);
        if !hints.is_empty() {
            self.hint = worded(&hints, tools).or_else(|| tools.ask_for_help());
        }
        self
    }

    /// Whether what was asked for is not there.
    pub(crate) fn is_missing(&self) -> bool {
        self.kind == ErrorKind::NotFound.name()
    }

    /// Whether what was asked for was not granted.
    pub(crate) fn is_denied(&self) -> bool {
        self.kind == ErrorKind::Denied.name()
    }

    /// The result that carries it: an error that the model can read, not one of the protocol.
    pub(crate) fn into_result(self) -> CallToolResult {
        let mut told = serde_json::to_value(&self).unwrap_or_else(|_| self.message.clone().into());
        bounds::bounded(&mut told, LONGEST);
        CallToolResult::error(vec![ContentBlock::text(told.to_string())])
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.message)
    }
}

impl From<PyroError> for Refusal {
    fn from(error: PyroError) -> Self {
        Self {
            kind: error.kind().name(),
            message: error.to_string(),
            causes: error.causes(),
            hint: None,
            hints: error.hints().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Profile;
    use pyro_core::testing::{EngineError, FileError, WorkspaceChange, WorkspaceError};
    use pyro_core::{Id, Shape};

    /// The hint of an error after a call of `tool`, whose parameters are `parameters`.
    fn hint(
        error: impl Into<PyroError>,
        profile: Profile,
        tool: &str,
        parameters: &[&str],
    ) -> String {
        let tools = profile.tools();
        let offered: Vec<&str> = tools.iter().map(String::as_str).collect();
        let parameters: Vec<String> = parameters.iter().map(ToString::to_string).collect();
        let tools = Tools {
            offered: &offered,
            called: Some(tool),
            parameters: &parameters,
            grants_host: false,
        };
        Refusal::from(error.into()).in_words_of(&tools).hint.unwrap()
    }

    fn id() -> Id {
        Id::parse("0123456789ab").unwrap()
    }

    #[test]
    fn a_parameter_has_the_name_that_the_tool_gives_it() {
        let error = Shape::new(1, 1024, 1).unwrap_err();
        assert_eq!(
            hint(error, Profile::VmRun, "vm_run", &["ttl_seconds"]),
            "set ttl_seconds to at least 60"
        );
    }

    #[test]
    fn an_operation_is_told_as_the_tool_that_does_it() {
        let none = || WorkspaceError::NoSuchWorkspace { id: id() };
        let stopped = || WorkspaceError::NotStarted { id: id(), last_error: None };
        let busy = || WorkspaceError::Changing { id: id(), change: WorkspaceChange::Stopping };
        for (error, profile, told) in [
            (none(), Profile::WorkspaceCore, "workspace_list"),
            (
                none(),
                Profile::Task,
                "take the id that its creation gave, or create another: task_create",
            ),
            (stopped(), Profile::WorkspaceFull, "workspace_start workspace_id=0123456789ab"),
            (stopped(), Profile::WorkspaceCore, "make the call again, which starts it"),
            (stopped(), Profile::Task, "make the call again, which starts it"),
            (busy(), Profile::Task, "look again in a moment: task_status task_id=0123456789ab"),
            (
                WorkspaceError::NothingToUpdate,
                Profile::WorkspaceCore,
                "look at the parameters of workspace_update",
            ),
        ] {
            assert_eq!(hint(error, profile, "workspace_exec", &[]), told);
        }
    }

    #[test]
    fn nobody_is_sent_to_the_host_who_was_not_granted_it() {
        let missing = EngineError::ProgramMissing { program: "qemu", package: "qemu-system-x86" };
        let install = "have the user run sudo apt-get install -y qemu-system-x86";
        assert_eq!(hint(missing, Profile::VmRun, "vm_run", &["allow_host_compat"]), install);
    }

    #[test]
    fn a_refusal_is_short_whatever_it_tells() {
        let result =
            Refusal::new(ErrorKind::Conflict, "x".repeat(100_000)).hint("look").into_result();
        let text = &result.content[0].as_text().unwrap().text;
        assert!(
            text.len() <= LONGEST
                && text.contains("bytes omitted")
                && text.contains("\"hint\":\"look\""),
            "{text}"
        );
    }

    #[test]
    fn a_flag_that_no_tool_has_is_left_to_the_user() {
        let user = "have the user run pyro workspace export --keep-git-config";
        for (error, first) in [
            (
                FileError::GitRuns { path: "/workspace/.git/config".to_owned() },
                "read it first: workspace_file_read workspace_id=WORKSPACE_ID path=/workspace/.git/config; ",
            ),
            (
                FileError::IntoGit { path: "/h/.git/config".into() },
                "export to a directory outside of .git, or ",
            ),
        ] {
            let told = hint(
                WorkspaceError::from(error),
                Profile::WorkspaceCore,
                "workspace_export",
                &["path"],
            );
            assert_eq!(told, format!("{first}{user}"));
        }
    }

    #[test]
    fn a_refusal_is_an_error_with_kind_message_and_hint() {
        let result = Refusal::new(ErrorKind::Denied, "no network").hint("ask").into_result();
        assert_eq!(result.is_error, Some(true));
        let text = &result.content[0].as_text().unwrap().text;
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({ "kind": "denied", "message": "no network", "hint": "ask" })
        );
    }
}
