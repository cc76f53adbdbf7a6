//! `Call`: an operation with the arguments that a hint knows.

use super::operation::OperationId;
use super::parameter::Parameter;

/// An operation to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The operation.
    pub operation: OperationId,
    /// What is known of its arguments, in the operation's order; it may need more.
    pub arguments: Vec<Argument>,
}

/// A parameter with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The parameter.
    pub parameter: Parameter,
    /// What it is set to.
    pub value: Value,
}

/// What a parameter is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// This text.
    Given(String),
    /// True.
    On,
    /// What the caller chooses; the text stands for it.
    Open(&'static str),
}

/// What stands for a workspace whose id is not known where the error is judged.
const WORKSPACE_ID: Value = Value::Open("WORKSPACE_ID");

impl Call {
    pub(crate) fn to(operation: OperationId) -> Self {
        Self { operation, arguments: Vec::new() }
    }

    /// An operation on the workspace that failed.
    pub(super) fn to_workspace(operation: OperationId) -> Self {
        Self::to(operation).and(Parameter::WorkspaceId, WORKSPACE_ID)
    }

    pub(crate) fn with(self, parameter: Parameter, value: impl ToString) -> Self {
        self.and(parameter, Value::Given(value.to_string()))
    }

    pub(super) fn with_open(self, parameter: Parameter, name: &'static str) -> Self {
        self.and(parameter, Value::Open(name))
    }

    pub(super) fn with_on(self, parameter: Parameter) -> Self {
        self.and(parameter, Value::On)
    }

    fn and(mut self, parameter: Parameter, value: Value) -> Self {
        self.arguments.push(Argument { parameter, value });
        self
    }

    /// The arguments that wait for the id of the workspace that failed.
    pub(super) fn open_workspaces(&mut self) -> impl Iterator<Item = &mut Value> {
        let is_open = |argument: &&mut Argument| {
            argument.parameter == Parameter::WorkspaceId && argument.value == WORKSPACE_ID
        };
        self.arguments.iter_mut().filter(is_open).map(|argument| &mut argument.value)
    }
}
