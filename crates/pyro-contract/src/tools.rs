//! Hints as calls of an MCP server's tools, for a model.

use crate::command_line;
use crate::rows::{Row, rows};
use pyro_core::hints::{Call, Next, OperationId, Parameter, Value, Wording};
use serde_json::Value as Json;

/// The words of a server, after a call of one of its tools.
#[derive(Clone, Copy, Debug)]
pub struct Tools<'a> {
    /// The tools that the server offers.
    pub offered: &'a [&'a str],
    /// The tool that failed.
    pub called: Option<&'a str>,
    /// Its parameters.
    pub parameters: &'a [String],
    /// Whether commands may run on the host; who was not granted that never hears of it.
    pub grants_host: bool,
}

impl Wording for Tools<'_> {
    fn own(&self, next: &Next) -> Option<String> {
        match next {
            Next::Operation(call) => self.call(call),
            Next::Usage(operation) => {
                Some(format!("look at the parameters of {}", self.tool(*operation)?.mcp.as_ref()?))
            }
            Next::Parameter(Parameter::AllowHostCompat) if !self.grants_host => None,
            Next::Parameter(parameter) => {
                self.parameters.iter().find(|name| *name == parameter.name()).cloned()
            }
            Next::HostCommand(command) => Some(asked(command)),
            _ => None,
        }
    }

    fn elsewhere(&self, next: &Next) -> Option<String> {
        let command = match next {
            Next::Operation(call) => command_line::command(built(call.operation)?, call),
            Next::Usage(operation) => {
                built(*operation)?.cli.as_ref().map(|cli| format!("pyro {cli} --help"))
            }
            Next::Parameter(parameter) => self.flag(*parameter),
            _ => None,
        };
        command.as_deref().map(asked)
    }
}

impl Tools<'_> {
    /// What a model hears where no hint is for it.
    #[must_use]
    pub fn ask_for_help(&self) -> Option<String> {
        self.elsewhere(&Next::Operation(Call {
            operation: OperationId::Doctor,
            arguments: Vec::new(),
        }))
    }

    /// The row of the tool that does it.
    fn tool(&self, operation: OperationId) -> Option<&'static Row> {
        let row = Row::of(operation)?;
        let is_offered =
            |row: &&Row| row.mcp.as_ref().is_some_and(|tool| self.offered.contains(&&**tool));
        [Some(row), row.of_tasks()].into_iter().flatten().find(is_offered)
    }

    fn call(&self, call: &Call) -> Option<String> {
        let row = self.tool(call.operation)?;
        let mut words = row.mcp.clone()?;
        for argument in &call.arguments {
            let value = match &argument.value {
                Value::Given(value) if value.contains(char::is_whitespace) => {
                    Json::String(value.clone()).to_string()
                }
                Value::Given(value) => value.clone(),
                Value::On => true.to_string(),
                Value::Open(name) => (*name).to_owned(),
            };
            words.push_str(&format!(" {}={value}", name(row, argument.parameter)));
        }
        Some(words)
    }

    /// The flag that sets a parameter for the user, where the tool that failed leaves it to them.
    fn flag(&self, parameter: Parameter) -> Option<String> {
        if parameter == Parameter::AllowHostCompat {
            return None;
        }
        let row =
            rows().iter().find(|row| row.mcp.is_some() && row.mcp.as_deref() == self.called)?;
        let flag = command_line::flag(parameter);
        let has_it = row.is_built("cli") && row.flags.iter().any(|one| one.name == flag);
        Some(format!("pyro {} {flag}", row.cli.as_ref().filter(|_| has_it)?))
    }
}

/// The row of an operation that the command line has.
fn built(operation: OperationId) -> Option<&'static Row> {
    Row::of(operation).filter(|row| row.is_built("cli"))
}

/// What a tool calls a parameter.
fn name(row: &Row, parameter: Parameter) -> &'static str {
    match parameter {
        Parameter::WorkspaceId if row.id.starts_with("task.") => "task_id",
        Parameter::SeedPath if row.id.starts_with("task.") => "source_path",
        parameter => parameter.name(),
    }
}

/// A command that only the user can run.
fn asked(command: impl AsRef<str>) -> String {
    format!("have the user run {}", command.as_ref())
}
