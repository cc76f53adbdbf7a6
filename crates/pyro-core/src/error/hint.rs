//! `Hint`: what to do about a failure, as data that each surface puts into its own words.

use super::call::{Call, Value};
use super::operation::OperationId;
use super::parameter::Parameter;
use crate::id::Id;
use std::borrow::Cow;

/// One thing to do about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    advice: Advice,
    next: Option<Next>,
    otherwise: Option<Box<Hint>>,
    is_alternative: bool,
}

/// The words of a hint, which name no command, tool or flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What stands before the name of what is next.
    pub before: Cow<'static, str>,
    /// What follows it.
    pub after: Cow<'static, str>,
}

/// What a hint leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// An operation to call.
    Operation(Call),
    /// How an operation is called.
    Usage(OperationId),
    /// A parameter of the operation that failed.
    Parameter(Parameter),
    /// A command of the host, for whoever administers it.
    HostCommand(String),
}

impl Hint {
    /// Words alone.
    pub(crate) fn say(words: impl Into<Cow<'static, str>>) -> Self {
        Self::new(words, None, "")
    }

    /// An operation, and why.
    pub(crate) fn call(why: impl Into<Cow<'static, str>>, call: Call) -> Self {
        Self::new(why, Some(Next::Operation(call)), "")
    }

    /// How an operation is called.
    pub(super) fn usage(why: impl Into<Cow<'static, str>>, operation: OperationId) -> Self {
        Self::new(why, Some(Next::Usage(operation)), "")
    }

    /// A parameter within a sentence: `after` begins with its own blank or comma.
    pub(super) fn parameter(
        before: impl Into<Cow<'static, str>>,
        parameter: Parameter,
        after: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(before, Some(Next::Parameter(parameter)), after)
    }

    /// A command of the host.
    pub(crate) fn host(why: impl Into<Cow<'static, str>>, command: impl Into<String>) -> Self {
        Self::new(why, Some(Next::HostCommand(command.into())), "")
    }

    fn new(
        before: impl Into<Cow<'static, str>>,
        next: Option<Next>,
        after: impl Into<Cow<'static, str>>,
    ) -> Self {
        let advice = Advice { before: before.into(), after: after.into() };
        Self { advice, next, otherwise: None, is_alternative: false }
    }

    /// To do instead of the hint before it.
    pub(crate) fn or(self) -> Self {
        Self { is_alternative: true, ..self }
    }

    /// What takes its place on a surface that has no such operation.
    pub(super) fn otherwise(self, hint: Self) -> Self {
        Self { otherwise: Some(Box::new(hint)), ..self }
    }

    /// The words.
    #[must_use]
    pub fn advice(&self) -> &Advice {
        &self.advice
    }

    /// What it leads to.
    #[must_use]
    pub fn next(&self) -> Option<&Next> {
        self.next.as_ref()
    }

    /// What takes its place on a surface that does not have [`Hint::next`].
    #[must_use]
    pub fn fallback(&self) -> Option<&Hint> {
        self.otherwise.as_deref()
    }

    /// Whether it is to be done instead of the hint before it, and not after it.
    #[must_use]
    pub fn is_alternative(&self) -> bool {
        self.is_alternative
    }

    /// Whether it leads to the workspace that failed, whose id is not filled in.
    pub(super) fn leads_to_workspace(&mut self) -> bool {
        let Some(Next::Operation(call)) = &mut self.next else { return false };
        call.open_workspaces().next().is_some()
    }

    /// The same of the workspace `id`.
    pub(super) fn of_workspace(mut self, id: Id) -> Self {
        if let Some(Next::Operation(call)) = &mut self.next {
            call.open_workspaces().for_each(|value| *value = Value::Given(id.to_string()));
        }
        self.otherwise = self.otherwise.map(|hint| Box::new(hint.of_workspace(id)));
        self
    }
}
