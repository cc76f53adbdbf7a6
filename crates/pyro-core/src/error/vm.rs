//! The failures of vms, judged.

use super::call::Call;
use super::common::{doctor, room};
use super::{ErrorKind, Hint, OperationId, Parameter, PyroError};
use crate::guest::client::ClientError;
use crate::id::Id;
use crate::vm::VmError;
use crate::vm::operation::Operation;
use crate::vm::output::OutputError;
use pyro_protocol::message::FailureKind;
use std::io::ErrorKind::BrokenPipe;

impl From<VmError> for PyroError {
    fn from(error: VmError) -> Self {
        match error {
            VmError::Environment(error) => error.into(),
            VmError::Engine(error) => error.into(),
            VmError::Store(error) => error.into(),
            VmError::Failed(failure) => failure.into(),
            VmError::OutOfRange(error) => error.into(),
            error => {
                let (kind, hints) = vm(&error);
                let closed_output =
                    matches!(&error, VmError::Output(cause) if cause.kind() == BrokenPipe);
                Self { closed_output, ..Self::judged(kind, error, hints) }
            }
        }
    }
}

/// Errors that a surface finds by itself.
impl PyroError {
    /// The caller cancelled the operation.
    #[must_use]
    pub fn cancelled() -> Self {
        VmError::Cancelled.into()
    }

    /// Networking was asked for, which is not available.
    #[must_use]
    pub fn no_network() -> Self {
        VmError::NoNetwork.into()
    }

    /// The supervisor of a vm does not end.
    #[must_use]
    pub fn vm_stuck() -> Self {
        VmError::Stuck.into()
    }
}

/// An operation on the vm `id`.
fn on(operation: OperationId, id: Id) -> Call {
    Call::to(operation).with(Parameter::VmId, id)
}

fn vm(error: &VmError) -> (ErrorKind, Vec<Hint>) {
    let say = |words: &'static str| vec![Hint::say(words)];
    match error {
        VmError::NoSuchVm { .. }
        | VmError::Expired { .. }
        | VmError::WrongState { .. }
        | VmError::Changing { .. }
        | VmError::InUse { .. }
        | VmError::ImageGone { .. } => state(error),
        VmError::Guest(error) => guest(error),
        VmError::TooManyActive { .. } => (
            ErrorKind::Busy,
            say("wait until one ends, stop or delete one, or set PYRO_MAX_ACTIVE_VMS"),
        ),
        VmError::Layer { full: true, .. } => (ErrorKind::Io, room()),
        VmError::Layer { .. } => (
            ErrorKind::Guest,
            vec![
                Hint::say("try again"),
                Hint::call("stop it first", Call::to_workspace(OperationId::WorkspaceStop)).or(),
            ],
        ),
        VmError::Kept(OutputError::Gone { .. }) => {
            (ErrorKind::NotFound, say("run the command again; old outputs make room for new ones"))
        }
        VmError::Kept(OutputError::Read { .. }) => (ErrorKind::Io, vec![doctor("")]),
        VmError::LongCommand { .. } => {
            (ErrorKind::InvalidInput, say("write a script to a file, and run that"))
        }
        VmError::NoChoiceOfShell => (
            ErrorKind::Unsupported,
            vec![
                Hint::parameter("leave", Parameter::Shell, " out"),
                Hint::call("stop the vm", Call::to(OperationId::VmStop)).or(),
                Hint::call("start it again", Call::to(OperationId::VmStart)),
            ],
        ),
        VmError::NoShells | VmError::NoServices => {
            (ErrorKind::Unsupported, say("stop it and start it again"))
        }
        VmError::NoCommand => {
            let run = Call::to(OperationId::Run)
                .with(Parameter::Environment, "debian:12")
                .with(Parameter::Command, "git --version");
            (ErrorKind::InvalidInput, vec![Hint::call("", run)])
        }
        VmError::NoNetwork => {
            (ErrorKind::Unsupported, vec![Hint::parameter("run without", Parameter::Network, "")])
        }
        VmError::TooManyVcpus { .. } => (
            ErrorKind::InvalidInput,
            vec![Hint::parameter("ask for fewer with", Parameter::VcpuCount, "")],
        ),
        VmError::Cancelled => (ErrorKind::Conflict, Vec::new()),
        VmError::NoSync(_) => (ErrorKind::Io, vec![doctor("look how busy the host's disk is")]),
        VmError::Unkillable(_) => (ErrorKind::Guest, say("run it again; the vm is gone")),
        VmError::Control(_) => {
            (ErrorKind::Internal, say("run it again; what was left is cleared away"))
        }
        VmError::Stuck => (ErrorKind::Internal, vec![doctor("")]),
        VmError::Output(_) | VmError::Supervisor(_) | VmError::Files(_) | VmError::Leftovers(_) => {
            (ErrorKind::Io, vec![doctor("")])
        }
        VmError::Random(_) => (ErrorKind::Io, Vec::new()),
        VmError::Environment(_)
        | VmError::Engine(_)
        | VmError::Store(_)
        | VmError::Failed(_)
        | VmError::OutOfRange(_) => (ErrorKind::Internal, Vec::new()),
    }
}

/// What keeps an operation from a vm that has an id.
fn state(error: &VmError) -> (ErrorKind, Vec<Hint>) {
    let create = |why| Hint::call(why, Call::to(OperationId::VmCreate));
    match *error {
        VmError::Expired { .. } => {
            let longer =
                Call::to(OperationId::VmCreate).with_open(Parameter::TtlSeconds, "SECONDS");
            let why = "create another one, with a longer life if it is to last";
            (ErrorKind::NotFound, vec![Hint::call(why, longer)])
        }
        VmError::WrongState { id, next, .. } => {
            let (why, operation) = match next {
                Operation::Start => ("start it first", OperationId::VmStart),
                Operation::Exec => ("run the command in it", OperationId::VmExec),
                _ => ("delete it", OperationId::VmDelete),
            };
            (ErrorKind::WrongState, vec![Hint::call(why, on(operation, id))])
        }
        VmError::Changing { id, .. } => (
            ErrorKind::Busy,
            vec![
                Hint::call("look again in a moment", on(OperationId::VmStatus, id)),
                Hint::call("delete it", on(OperationId::VmDelete, id)).or(),
            ],
        ),
        VmError::InUse { .. } => (
            ErrorKind::Busy,
            vec![
                create("create another vm for this command"),
                Hint::call("run it in one of its own", Call::to(OperationId::Run)).or(),
            ],
        ),
        VmError::ImageGone { id, .. } => (
            ErrorKind::Corrupt,
            vec![
                Hint::call("delete it", on(OperationId::VmDelete, id)),
                create("then create another one"),
            ],
        ),
        _ => (
            ErrorKind::NotFound,
            vec![Hint::say("it may have been used or expired"), create("create another one")],
        ),
    }
}

/// What the guest of a vm says of a command, or that it says nothing more.
fn guest(error: &ClientError) -> (ErrorKind, Vec<Hint>) {
    let gone = || (ErrorKind::Guest, vec![Hint::say("run it again; the vm is gone")]);
    let ClientError::Failed(failure) = error else { return gone() };
    let run = |command: &str| {
        Call::to(OperationId::Run)
            .with_open(Parameter::Environment, "ENVIRONMENT")
            .with(Parameter::Command, command)
    };
    match failure.kind {
        FailureKind::InvalidInput => {
            (ErrorKind::InvalidInput, vec![Hint::usage("", OperationId::Run)])
        }
        FailureKind::UnknownUser => (
            ErrorKind::NotFound,
            vec![
                Hint::call("see who is there", run("getent passwd")),
                Hint::say("give numbers, as in 1000:1000").or(),
            ],
        ),
        FailureKind::Directory => {
            let after = " a directory that is there and that the user may enter";
            (
                ErrorKind::NotFound,
                vec![
                    Hint::parameter("give", Parameter::Cwd, after),
                    Hint::call("see it", run("ls -ld /PATH")),
                ],
            )
        }
        FailureKind::Unsupported => (
            ErrorKind::Unsupported,
            vec![Hint::say("leave the user out"), doctor("run where a guest can be had").or()],
        ),
        _ => gone(),
    }
}
