//! Tools under the names that they had for tasks, as workspaces were called once.

use super::parameters;
use crate::refusal::Refusal;
use pyro_core::Id;
use rmcp::model::JsonObject;
use serde_json::Value;

/// A tool of workspaces under another name.
#[derive(Debug)]
pub(super) struct Alias {
    /// The contract's name.
    pub(super) name: &'static str,
    /// The tool that it is.
    pub(super) of: &'static str,
    /// For people.
    pub(super) title: &'static str,
    /// For models.
    pub(super) description: &'static str,
    /// Parameters with another name, beside [`ID`]: the tool's, then the alias's.
    renamed: &'static [(&'static str, &'static str)],
    /// The tool's parameters that the alias does not have.
    pub(super) left_out: &'static [&'static str],
    /// Texts of parameters that differ, by the alias's names.
    pub(super) texts: &'static [(&'static str, &'static str)],
}

/// What the id is called in the parameters and results of a workspace's tool, and of a task's.
const ID: (&str, &str) = ("workspace_id", "task_id");

/// What a model reads of the id.
const ID_TEXT: (&str, &str) = (ID.1, "From task_create");

/// The aliases.
pub(super) const ALIASES: [Alias; 6] = [
    Alias {
        name: "task_create",
        of: "workspace_create",
        title: "Create a task",
        description: "Create and start a task: a Linux vm whose files in /workspace stay between \
                      calls, until task_delete. For one command take vm_run.",
        renamed: &[("seed_path", "source_path")],
        left_out: &["name", "labels", "respect_ignore", "secrets", "network_policy"],
        texts: &[],
    },
    Alias {
        name: "task_delete",
        of: "workspace_delete",
        title: "Delete a task",
        description: "Delete a task with its files and history, whatever its state.",
        renamed: &[],
        left_out: &[],
        texts: &[ID_TEXT],
    },
    Alias {
        name: "task_exec",
        of: "workspace_exec",
        title: "Run a command in a task",
        description: "Run a shell command in /workspace of a task; files stay. exit_code is the \
                      command's, 124 on timeout. Long output keeps head and tail",
        renamed: &[],
        left_out: &["cwd", "env", "user", "shell", "stdin", "secret_env"],
        texts: &[ID_TEXT, ("command", "Line for root's login shell, bash")],
    },
    Alias {
        name: "task_logs",
        of: "workspace_logs",
        title: "Read the history of commands",
        description: "Show the commands that ran in a task and what they said, oldest first; with \
                      background, what processes left running printed. Where next_after is not \
                      null, call again with it as after.",
        renamed: &[],
        left_out: &[],
        texts: &[ID_TEXT],
    },
    Alias {
        name: "task_status",
        of: "workspace_status",
        title: "Look at a task",
        description: "Show one task: its state, shape, command_count, last_command, and when it \
                      expires.",
        renamed: &[],
        left_out: &[],
        texts: &[ID_TEXT],
    },
    Alias {
        name: "task_sync_push",
        of: "workspace_sync_push",
        title: "Bring host files into a task",
        description: "Copy a host directory or archive into a task; only what differs is sent, and \
                      a failed push changes nothing.",
        renamed: &[],
        left_out: &["delete", "respect_ignore", "dry_run"],
        texts: &[ID_TEXT],
    },
];

impl Alias {
    /// The parameters that have another name: the tool's, then the alias's.
    fn names(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [ID].into_iter().chain(self.renamed.iter().copied())
    }

    /// Rename the properties of the schema of the tool's parameters.
    pub(super) fn rename_parameters(&self, schema: &mut JsonObject) {
        for (tools, own) in self.names() {
            rename_property(schema, tools, own);
        }
    }

    /// The arguments of the tool. The id is checked here: the tool would tell of a workspace.
    pub(super) fn arguments(&self, mut arguments: JsonObject) -> Result<JsonObject, Refusal> {
        if let Some(id) = arguments.get(ID.1).and_then(Value::as_str) {
            let _: Id = parameters::task_id(id)?;
        }
        for (tools, own) in self.names() {
            rename(&mut arguments, own, tools);
        }
        Ok(arguments)
    }
}

/// Rename the id in the schema of a result.
pub(super) fn rename_answer(schema: &mut JsonObject) {
    rename_property(schema, ID.0, ID.1);
}

/// Rename the id in a result.
pub(super) fn rename_id(result: &mut Value) {
    if let Some(result) = result.as_object_mut() {
        rename(result, ID.0, ID.1);
    }
}

fn rename(object: &mut JsonObject, from: &str, to: &str) {
    if let Some(value) = object.remove(from) {
        object.insert(to.to_owned(), value);
    }
}

fn rename_property(schema: &mut JsonObject, from: &str, to: &str) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        rename(properties, from, to);
    }
    let required = schema.get_mut("required").and_then(Value::as_array_mut);
    for name in required.into_iter().flatten().filter(|name| *name == from) {
        *name = to.into();
    }
}
