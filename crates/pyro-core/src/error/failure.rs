//! The failures that a supervisor tells of its vm, judged.

use super::call::Call;
use super::common::{again, doctor, other_engine, room, see_room};
use super::{ErrorKind, Hint, OperationId, Parameter, PyroError};
use crate::vm::failure::{Failure, Stage};
use std::error::Error;
use std::fmt;

/// Lines of a guest's console that an error shows.
const CONSOLE_LINES: usize = 12;

/// What another process told of a failure, and of its causes.
#[derive(Debug)]
struct Told {
    message: String,
    cause: Option<Box<Told>>,
}

impl Told {
    fn new(message: String, causes: Vec<String>) -> Self {
        let below = causes.into_iter().rev();
        let cause = below.fold(None, |cause, message| Some(Box::new(Self { message, cause })));
        Self { message, cause }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl Error for Told {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl From<Failure> for PyroError {
    fn from(failure: Failure) -> Self {
        let hints = of_vm(failure.stage);
        Self::of_failure(failure, hints)
    }
}

impl PyroError {
    /// The same in other words: `reword` is given each of its texts.
    #[must_use]
    pub(crate) fn reworded(self, reword: impl Fn(&str) -> String) -> Self {
        let causes = self.causes().iter().map(|cause| reword(cause)).collect();
        let message = reword(&self.message);
        Self { judged: Box::new(Told::new(message.clone(), causes)), message, ..self }
    }

    /// The failure of a vm, with what to do about it.
    pub(super) fn of_failure(failure: Failure, hints: Vec<Hint>) -> Self {
        let (kind, before) = match failure.stage {
            Stage::Files => (ErrorKind::Io, "cannot prepare the vm"),
            Stage::HostFull => (ErrorKind::Io, "the vm ended"),
            Stage::Engine => (ErrorKind::Unavailable, "cannot start the vm"),
            Stage::Boot | Stage::Hung => (ErrorKind::Guest, "the guest did not come up"),
            Stage::Mount => (ErrorKind::Guest, "the guest cannot use its disk"),
            Stage::Killed => (ErrorKind::Guest, "the vm did not start"),
            Stage::Running | Stage::Unknown => (ErrorKind::Guest, "the vm ended"),
            Stage::Stopped => (ErrorKind::WrongState, "the vm ended"),
            Stage::Stopping => (ErrorKind::Guest, "the vm did not end in order"),
            Stage::Expired => (ErrorKind::Timeout, "the vm ended"),
        };
        let mut causes = failure.causes;
        if !failure.console.is_empty() {
            causes
                .push(format!("the guest's console ends with:\n{}", last_lines(&failure.console)));
        }
        Self::judged(kind, Told::new(format!("{before}: {}", failure.message), causes), hints)
    }
}

/// What to do about the end of a vm that is not a workspace's.
fn of_vm(stage: Stage) -> Vec<Hint> {
    let start = |why| Hint::call(why, Call::to(OperationId::VmStart));
    match stage {
        Stage::Files => see_room(),
        Stage::HostFull => room(),
        Stage::Engine => vec![doctor("")],
        Stage::Boot | Stage::Hung => other_engine(),
        Stage::Mount => vec![Hint::say("pull the environment again")],
        Stage::Killed => again("try again"),
        Stage::Running => {
            vec![
                Hint::say("run it again"),
                Hint::parameter("with more", Parameter::MemMib, " if memory ran out"),
            ]
        }
        Stage::Stopped => vec![start("unless it was deleted, start it again")],
        Stage::Stopping => vec![start("start it again")],
        Stage::Unknown => again("run it again"),
        Stage::Expired => {
            vec![Hint::parameter("ask for a longer life with", Parameter::TtlSeconds, "")]
        }
    }
}

/// The last [`CONSOLE_LINES`] lines of a console.
fn last_lines(console: &str) -> &str {
    let begins = console.rmatch_indices('\n').nth(CONSOLE_LINES - 1).map_or(0, |(at, _)| at + 1);
    &console[begins..]
}
