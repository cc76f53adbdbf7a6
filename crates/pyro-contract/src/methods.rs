//! Hints as calls of the Python SDK, for a programmer.

use crate::command_line::CommandLine;
use crate::rows::Row;
use pyro_core::hints::{Argument, Call, Next, OperationId, Parameter, Value, Wording};

/// The words of the Python SDK, whose object is called `pyro`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Methods;

impl Wording for Methods {
    fn own(&self, next: &Next) -> Option<String> {
        match next {
            Next::Operation(call) => method(call),
            Next::Usage(operation) => Some(format!("help(pyro.{})", name(*operation)?)),
            Next::Parameter(parameter) => Some(parameter.name().to_owned()),
            Next::HostCommand(command) => Some(command.clone()),
            _ => None,
        }
    }

    /// In a shell.
    fn elsewhere(&self, next: &Next) -> Option<String> {
        CommandLine::default().own(next)
    }
}

fn name(operation: OperationId) -> Option<&'static str> {
    Row::of(operation)?.python.as_deref()
}

fn method(call: &Call) -> Option<String> {
    let arguments: Vec<String> = call.arguments.iter().map(argument).collect();
    Some(format!("pyro.{}({})", name(call.operation)?, arguments.join(", ")))
}

/// An argument; ids come first and need no name.
fn argument(argument: &Argument) -> String {
    let value = match &argument.value {
        // A string of JSON is one of Python.
        Value::Given(value) => serde_json::Value::String(value.clone()).to_string(),
        Value::On => "True".to_owned(),
        Value::Open(name) => (*name).to_owned(),
    };
    match argument.parameter {
        Parameter::WorkspaceId | Parameter::VmId => value,
        parameter => format!("{}={value}", parameter.name()),
    }
}
