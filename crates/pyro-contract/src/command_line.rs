//! Hints as commands of `pyro`, for whoever types.

use crate::rows::Row;
use pyro_core::hints::{Argument, Call, Next, Parameter, Value, Wording};

/// The words of the command line.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommandLine {
    /// Whether workspaces were called tasks.
    pub tasks: bool,
}

impl Wording for CommandLine {
    fn own(&self, next: &Next) -> Option<String> {
        match next {
            Next::Operation(call) => command(self.row(Row::of(call.operation)?)?, call),
            Next::Usage(operation) => {
                Some(format!("pyro {} --help", self.row(Row::of(*operation)?)?.cli.as_ref()?))
            }
            Next::Parameter(parameter) => Some(flag(*parameter)),
            Next::HostCommand(command) => Some(command.clone()),
            _ => None,
        }
    }
}

impl CommandLine {
    /// The operation by the name that its caller uses.
    fn row(self, row: &'static Row) -> Option<&'static Row> {
        let row = row.of_tasks().filter(|_| self.tasks).unwrap_or(row);
        row.is_built("cli").then_some(row)
    }
}

/// The flag that sets a parameter.
pub(crate) fn flag(parameter: Parameter) -> String {
    match parameter {
        Parameter::OutputPath => "--output".to_owned(),
        parameter => format!("--{}", parameter.name().replace('_', "-")),
    }
}

/// The command with its arguments: positional ones, then flags, then the guest's command.
pub(crate) fn command(row: &Row, call: &Call) -> Option<String> {
    let mut words = vec![format!("pyro {}", row.cli.as_ref()?)];
    let (alone, flags): (Vec<&Argument>, Vec<&Argument>) =
        call.arguments.iter().partition(|argument| is_positional(row, argument.parameter));
    words.extend(
        alone.iter().filter(|one| one.parameter != Parameter::Command).filter_map(|one| value(one)),
    );
    for argument in flags {
        words.push(flag(argument.parameter));
        words.extend(value(argument));
    }
    for argument in alone.iter().filter(|one| one.parameter == Parameter::Command) {
        words.push("--".to_owned());
        // A line for a shell: what it quotes is its own.
        words.extend(text(argument).map(str::to_owned));
    }
    Some(words.join(" "))
}

fn is_positional(row: &Row, parameter: Parameter) -> bool {
    let name = match parameter {
        Parameter::WorkspaceId if row.id.starts_with("task.") => "TASK_ID".to_owned(),
        parameter => parameter.name().to_uppercase(),
    };
    row.positionals.contains(&name)
}

fn text(argument: &Argument) -> Option<&str> {
    match &argument.value {
        Value::Given(value) => Some(value),
        Value::Open(name) => Some(name),
        Value::On => None,
    }
}

/// A value as the user's shell takes it.
fn value(argument: &Argument) -> Option<String> {
    text(argument).map(|text| shell_words::quote(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::rows;

    #[test]
    fn every_parameter_of_a_hint_is_an_argument_of_a_command() {
        for parameter in Parameter::ALL {
            let is_flag = |row: &Row| row.flags.iter().any(|one| one.name == flag(*parameter));
            let is_known = |row: &Row| is_flag(row) || is_positional(row, *parameter);
            // No command works on a vm that stays.
            assert!(
                *parameter == Parameter::VmId || rows().iter().any(is_known),
                "{}",
                parameter.name()
            );
        }
    }
}
