//! What a model is told when a call fails: kind, message, hint.

use crate::bounds;
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
}

impl Refusal {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind: kind.name(), message: message.into(), causes: Vec::new(), hint: None }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Core speaks of flags and commands; where the tool has a parameter of that name a model sets that, and where the
    /// server has a tool for the command it calls that.
    /// Where something is denied its hint may name a flag of the server, which a parameter may be called like: only its
    /// commands are translated.
    pub(crate) fn in_words_of_a_tool(mut self, parameters: &[String], tools: &[&str]) -> Self {
        if self.is_denied() {
            self.hint = self.hint.map(|hint| keeping_as_request(&commands_as_tools(&hint, tools)));
            return self;
        }
        let (hint, message) = (self.hint.take(), std::mem::take(&mut self.message));
        self.hint = hint.map(|hint| commands_as_tools(&flags_as_parameters(&hint, parameters), tools));
        self.message = flags_as_parameters(&message, parameters);
        self
    }

    /// Without the advice to run on the host, which a server that was not granted it never gives.
    pub(crate) fn without_host(mut self) -> Self {
        if self.is_denied() {
            return self;
        }
        let Some(hint) = self.hint.take() else { return self };
        let is_of_host = |part: &&str| part.contains("allow_host_compat") || part.contains("--allow-host-compat");
        let without =
            |clause: &str| clause.split(", or ").filter(|part| !is_of_host(part)).collect::<Vec<_>>().join(", or ");
        let clauses: Vec<String> = hint.split("; ").map(without).filter(|clause| !clause.is_empty()).collect();
        let hint = clauses.join("; ");
        self.hint = Some(if hint.is_empty() { "have the user run: pyro doctor".to_owned() } else { hint });
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
            causes: error.causes().to_vec(),
            hint: error.hint().map(str::to_owned),
        }
    }
}

/// The flag that lets git's settings out is the user's alone: a hint that names it asks for the user.
fn keeping_as_request(hint: &str) -> String {
    const FLAG: &str = "--keep-git-config";
    let clause = |clause: &str| match clause.contains(FLAG) {
        true => format!("or ask the user to run: pyro workspace export {FLAG}"),
        false => clause.to_owned(),
    };
    hint.split("; ").map(clause).collect::<Vec<_>>().join("; ")
}

fn flags_as_parameters(text: &str, parameters: &[String]) -> String {
    // Longest first: a flag may begin with another's name.
    let mut parameters: Vec<&String> = parameters.iter().collect();
    parameters.sort_by_key(|name| std::cmp::Reverse(name.len()));
    parameters.into_iter().fold(text.to_owned(), |text, name| {
        let text = text.replace(&format!("--{}", name.replace('_', "-")), name);
        // The flag of such a parameter may go without the word.
        match name.strip_suffix("_path") {
            Some(flag) => text.replace(&format!("--{flag}"), name),
            None => text,
        }
    })
}

fn commands_as_tools(text: &str, tools: &[&str]) -> String {
    let text = tools.iter().fold(text.to_owned(), |text, tool| {
        let command = format!("pyro {}", tool.replace('_', " "));
        let text = text.replace(&format!("{command} --help"), &format!("look at the parameters of {tool}"));
        let text = text.replace(&command, tool);
        // Core knows workspaces only.
        match tool.strip_prefix("task_") {
            Some(verb) => text.replace(&format!("pyro workspace {}", verb.replace('_', " ")), tool),
            None => text,
        }
    });
    let text = match tools.contains(&"task_create") && !tools.contains(&"workspace_list") {
        true => text.replace("pyro workspace list", "take the task_id that task_create gave, or create another"),
        false => text,
    };
    match tools.iter().any(|tool| tool.ends_with("_exec")) && !tools.contains(&"workspace_start") {
        true => without_start(&text),
        false => text,
    }
}

/// Where no tool starts a workspace each call on it does.
fn without_start(text: &str) -> String {
    let mut parts = text.split("pyro workspace start ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let id = part.find(|one: char| !one.is_ascii_alphanumeric() && one != '_').unwrap_or(part.len());
        text + "make the call again, which starts it" + &part[id..]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_core::workspace::error::WorkspaceError;
    use pyro_core::workspace::files::FileError;

    #[test]
    fn a_flag_is_told_as_the_parameter_that_sets_it() {
        let parameters = ["ttl_seconds".to_owned(), "network".to_owned()];
        let refusal = Refusal::new(ErrorKind::Timeout, "the vm ended").hint("more with --ttl-seconds, or --mem-mib");
        let told = refusal.in_words_of_a_tool(&parameters, &[]);
        assert_eq!(told.hint.as_deref(), Some("more with ttl_seconds, or --mem-mib"));
        let refusal =
            Refusal::new(ErrorKind::AlreadyExists, "exists").hint("choose another --output; --force replaces");
        let told = refusal.in_words_of_a_tool(&["force".to_owned(), "output_path".to_owned()], &[]);
        assert_eq!(told.hint.as_deref(), Some("choose another output_path; force replaces"));
    }

    #[test]
    fn a_command_is_told_as_the_tool_that_does_it() {
        let tools = ["workspace_list", "workspace_update", "workspace_sync_push"];
        for (hint, told) in [
            ("pyro workspace list", "workspace_list"),
            ("pyro workspace update --help", "look at the parameters of workspace_update"),
            ("then pyro workspace sync push 01 .", "then workspace_sync_push 01 ."),
            ("pyro doctor", "pyro doctor"),
        ] {
            let refusal = Refusal::new(ErrorKind::NotFound, "gone").hint(hint).in_words_of_a_tool(&[], &tools);
            assert_eq!(refusal.hint.as_deref(), Some(told));
        }
    }

    #[test]
    fn where_there_are_tasks_they_are_told_of() {
        let tools = ["output_read", "task_create", "task_exec", "task_status"];
        for (hint, told) in [
            ("pyro workspace list", "take the task_id that task_create gave, or create another"),
            ("it is kept: pyro workspace start 01; or not", "it is kept: make the call again, which starts it; or not"),
            ("look again in a moment: pyro workspace status 01", "look again in a moment: task_status 01"),
        ] {
            let refusal = Refusal::new(ErrorKind::NotFound, "gone").hint(hint).in_words_of_a_tool(&[], &tools);
            assert_eq!(refusal.hint.as_deref(), Some(told));
        }
    }

    #[test]
    fn nobody_is_sent_to_the_host_who_was_not_granted_it() {
        for (hint, told) in [
            (
                "sudo apt-get install -y qemu, or run without a guest with --allow-host-compat",
                "sudo apt-get install -y qemu",
            ),
            ("run it on the host: allow_host_compat", "have the user run: pyro doctor"),
            ("pyro doctor; or --allow-host-compat; or wait", "pyro doctor; or wait"),
            ("wait, or stop another", "wait, or stop another"),
        ] {
            let refusal = Refusal::new(ErrorKind::Unavailable, "no qemu").hint(hint).without_host();
            assert_eq!(refusal.hint.as_deref(), Some(told));
        }
    }

    #[test]
    fn a_refusal_is_short_whatever_it_tells() {
        let result = Refusal::new(ErrorKind::Conflict, "x".repeat(100_000)).hint("look").into_result();
        let text = &result.content[0].as_text().unwrap().text;
        assert!(
            text.len() <= LONGEST && text.contains("bytes omitted") && text.contains("\"hint\":\"look\""),
            "{text}"
        );
    }

    #[test]
    fn what_is_denied_is_told_with_the_flag_that_grants_it() {
        let hint = "start the server with --allow-path DIR";
        let refusal = Refusal::new(ErrorKind::Denied, "no").hint(hint);
        let told = refusal.in_words_of_a_tool(&["allow_path".to_owned()], &[]);
        assert_eq!(told.hint.as_deref(), Some(hint));
    }

    #[test]
    fn a_flag_that_no_tool_has_is_left_to_the_user() {
        let tools = ["workspace_export", "workspace_file_read"];
        let user = "or ask the user to run: pyro workspace export --keep-git-config";
        for (error, first) in [
            (FileError::GitRuns { path: "/workspace/.git/config".to_owned() }, "read it first (workspace_file_read)"),
            (FileError::IntoGit { path: "/h/.git/config".into() }, "export to a directory outside of .git"),
        ] {
            let refusal = Refusal::from(PyroError::from(WorkspaceError::from(error)));
            assert!(refusal.is_denied());
            let told = refusal.in_words_of_a_tool(&["path".to_owned(), "output_path".to_owned()], &tools);
            assert_eq!(told.hint, Some(format!("{first}; {user}")));
        }
    }

    #[test]
    fn a_refusal_is_an_error_with_kind_message_and_hint() {
        let result = Refusal::new(ErrorKind::Denied, "no network").hint("ask").into_result();
        assert_eq!(result.is_error, Some(true));
        let text = &result.content[0].as_text().unwrap().text;
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(value, serde_json::json!({ "kind": "denied", "message": "no network", "hint": "ask" }));
    }
}
