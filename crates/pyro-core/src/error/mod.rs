//! `PyroError`: every failure as its users meet it, judged here and nowhere else.

mod bench;
mod call;
mod common;
mod engine;
mod environment;
mod failure;
mod files;
mod hint;
mod kind;
mod named;
mod operation;
mod parameter;
mod patch;
mod secret;
mod service;
mod settings;
mod shell;
mod thread;
mod vm;
mod wording;
mod workspace;

pub use call::{Argument, Call, Value};
pub use hint::{Advice, Hint, Next};
pub use kind::ErrorKind;
pub use operation::OperationId;
pub use parameter::Parameter;
pub use wording::{Wording, worded};

use crate::vm::exec::Began;
use std::error::Error;

/// A failure: what to branch on, what happened, why, and what to do next.
#[derive(Debug)]
pub struct PyroError {
    kind: ErrorKind,
    message: String,
    /// What was judged; its message is this one's, or tells the same less well.
    judged: Box<dyn Error + Send + Sync>,
    hints: Vec<Hint>,
    closed_output: bool,
    may_have_run: Option<bool>,
}

impl PyroError {
    /// What to branch on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the reader of the command's output went away.
    #[must_use]
    pub fn is_closed_output(&self) -> bool {
        self.closed_output
    }

    /// Whether the command that it was about may have run: false where it certainly has not, also
    /// where there was none; true where it began; none where nobody can say.
    #[must_use]
    pub fn may_have_run(&self) -> Option<bool> {
        self.may_have_run
    }

    /// The same about a command that got this far.
    pub(crate) fn of_command(self, began: &Began) -> Self {
        Self { may_have_run: began.may_have_run(), ..self }
    }

    /// The causes below the message, outermost first.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        std::iter::successors(self.source(), |cause| (*cause).source())
            .map(ToString::to_string)
            .collect()
    }

    /// What to do next, in order; [`worded`] puts it into the words of a surface.
    #[must_use]
    pub fn hints(&self) -> &[Hint] {
        &self.hints
    }

    fn judged(
        kind: ErrorKind,
        error: impl Error + Send + Sync + 'static,
        hints: Vec<Hint>,
    ) -> Self {
        Self {
            kind,
            message: error.to_string(),
            judged: Box::new(error),
            hints,
            closed_output: false,
            may_have_run: Some(false),
        }
    }
}

impl std::fmt::Display for PyroError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.message)
    }
}

impl Error for PyroError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.judged.source()
    }
}
