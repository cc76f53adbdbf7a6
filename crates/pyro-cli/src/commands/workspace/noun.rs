//! What the thing is called: a workspace, or a task as it was once.

use crate::printer;
use pyro_contract::CommandLine;
use serde::Serialize;
use serde_json::Value;

/// The name by which a command was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Noun {
    /// `pyro workspace`.
    Workspace,
    /// `pyro task`.
    Task,
}

impl Noun {
    /// As it stands in a sentence and in front of a line.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Task => "task",
        }
    }

    /// The words of its hints.
    pub(in crate::commands) fn wording(self) -> CommandLine {
        CommandLine { tasks: self == Self::Task }
    }

    /// What stands before its id at the head of a summary.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::Workspace => "Workspace ID",
            Self::Task => "Task",
        }
    }

    /// Print a result as one JSON object; its id has the name that this noun gives it.
    pub(super) fn json(self, result: &impl Serialize) {
        let Ok(Value::Object(mut fields)) = serde_json::to_value(result) else {
            return printer::json(result);
        };
        if let Some(id) = fields.remove("workspace_id") {
            fields.insert(format!("{}_id", self.word()), id);
        }
        printer::json(&fields);
    }
}
