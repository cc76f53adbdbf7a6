//! The failures of a workspace's vm, judged.

use super::hints::{create, delete, list_files, look, on, start, start_again, status};
use crate::error::call::Call;
use crate::error::common::{again, doctor, other_engine, room, see_room};
use crate::error::{ErrorKind, Hint, OperationId, Parameter, PyroError};
use crate::guest::client::ClientError;
use crate::vm::VmError;
use crate::vm::failure::Stage;
use pyro_protocol::message::FailureKind;

/// The failures of a workspace's vm. It has no name of its own, and unlike the vm of one command it
/// lives on, or can be started again.
pub(super) fn of_vm(error: VmError) -> PyroError {
    let (kind, hints) = match &error {
        VmError::Failed(failure) => (None, failed(failure.stage)),
        VmError::NoSuchVm { .. } | VmError::WrongState { .. } | VmError::Changing { .. } => {
            let message = "somebody else changed the workspace meanwhile".to_owned();
            let hints = vec![status("look again in a moment")];
            return PyroError { message, ..PyroError::judged(ErrorKind::Busy, error, hints) };
        }
        VmError::ImageGone { environment, .. } => {
            let message =
                format!("the image of {environment} that the workspace's disk stands on is gone");
            let hints = vec![delete("its files are lost with it")];
            return PyroError { message, ..PyroError::judged(ErrorKind::Corrupt, error, hints) };
        }
        VmError::Guest(ClientError::Failed(failure)) => match command(failure.kind) {
            Some((kind, hint)) => (Some(kind), vec![hint]),
            None => return error.into(),
        },
        VmError::NoChoiceOfShell => {
            let [stop, start] = start_again();
            let leave = Hint::parameter("leave", Parameter::Shell, " out");
            (Some(ErrorKind::Unsupported), vec![leave, stop.or(), start])
        }
        VmError::NoShells | VmError::NoServices => {
            (Some(ErrorKind::Unsupported), start_again().to_vec())
        }
        VmError::Guest(_) | VmError::Unkillable(_) => (Some(ErrorKind::Guest), look()),
        VmError::Control(_) => (Some(ErrorKind::Internal), look()),
        VmError::Stuck => (Some(ErrorKind::Internal), again("try again in a moment")),
        // Of nothing that is the vm's own.
        _ => return error.into(),
    };
    match (error, kind) {
        (VmError::Failed(failure), _) => PyroError::of_failure(failure, hints),
        (error, kind) => PyroError::judged(kind.unwrap_or(ErrorKind::Internal), error, hints),
    }
}

/// What the guest says of a command; none where that is of no workspace in particular.
fn command(kind: FailureKind) -> Option<(ErrorKind, Hint)> {
    Some(match kind {
        FailureKind::InvalidInput => {
            (ErrorKind::InvalidInput, Hint::usage("", OperationId::WorkspaceExec))
        }
        FailureKind::NotFound => (ErrorKind::Guest, list_files("see that its directory is there")),
        FailureKind::Directory => {
            let why = "see which directories there are";
            let list = on(OperationId::WorkspaceFileList).with_on(Parameter::Recursive);
            let find = on(OperationId::WorkspaceExec).with(Parameter::Command, "find . -type d");
            (ErrorKind::NotFound, Hint::call(why, list).otherwise(Hint::call(why, find)))
        }
        FailureKind::Busy => (ErrorKind::Busy, Hint::say("try again in a moment")),
        FailureKind::Denied
        | FailureKind::WrongState
        | FailureKind::Io
        | FailureKind::Full
        | FailureKind::Unknown => (ErrorKind::Guest, status("look at it")),
        _ => return None,
    })
}

/// What to do about the end of a workspace's vm.
fn failed(stage: Stage) -> Vec<Hint> {
    let kept = || vec![Hint::say("its disk is kept"), start("start it again")];
    match stage {
        Stage::Files => see_room(),
        Stage::HostFull => room(),
        Stage::Engine => vec![doctor("")],
        Stage::Boot | Stage::Hung => other_engine(),
        Stage::Killed => again("try again"),
        Stage::Unknown => vec![status("look at it")],
        Stage::Mount => {
            let pull = Call::to(OperationId::EnvironmentPull)
                .with_open(Parameter::Environment, "ENVIRONMENT");
            vec![
                Hint::call("go back to its baseline", on(OperationId::WorkspaceReset)),
                Hint::call("where that fails as well, install its environment again", pull),
                create("then create another one"),
            ]
        }
        Stage::Running => {
            let more = Call::to(OperationId::WorkspaceCreate)
                .with_open(Parameter::Environment, "ENVIRONMENT")
                .with_open(Parameter::MemMib, "MIB");
            let more = Hint::call("create one with more memory if that ran out", more);
            [kept(), vec![more]].concat()
        }
        Stage::Stopped | Stage::Stopping => kept(),
        Stage::Expired => {
            let update =
                on(OperationId::WorkspaceUpdate).with_open(Parameter::TtlSeconds, "SECONDS");
            [kept(), vec![Hint::call("for a longer life", update)]].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::worded;
    use crate::error::wording::plain::Plain;
    use crate::id::Id;
    use crate::vm::failure::Failure;
    use crate::workspace::WorkspaceError;

    #[test]
    fn no_vm_of_a_workspace_is_told_by_its_own_id_or_as_one_that_is_gone() {
        use crate::store::vm::VmState;
        use crate::vm::operation::Operation;
        use pyro_protocol::message::{Failure as Said, FailureKind};
        use std::time::Duration;
        let (id, vm) = (Id::parse("0123456789ab").unwrap(), Id::parse("ba9876543210").unwrap());
        let stage = |stage| {
            VmError::Failed(Failure {
                stage,
                message: "x".into(),
                causes: Vec::new(),
                console: String::new(),
            })
        };
        let said = |kind| VmError::Guest(ClientError::Failed(Said { kind, message: "x".into() }));
        let (state, operation, next) = (VmState::Stopped, Operation::Stop, Operation::Start);
        let stages = [
            Stage::Files,
            Stage::HostFull,
            Stage::Engine,
            Stage::Boot,
            Stage::Mount,
            Stage::Killed,
            Stage::Running,
            Stage::Stopped,
            Stage::Stopping,
            Stage::Expired,
        ];
        let errors = [
            VmError::NoSuchVm { id: vm },
            VmError::WrongState { id: vm, state, operation, next },
            VmError::Changing { id: vm, state },
            VmError::ImageGone { id: vm, environment: "debian:12".into() },
            VmError::Guest(ClientError::Ended),
            VmError::Control(ClientError::Ended),
            VmError::Unkillable(Duration::from_secs(1)),
            VmError::Stuck,
            said(FailureKind::InvalidInput),
            said(FailureKind::NotFound),
            said(FailureKind::Io),
        ];
        for error in errors.into_iter().chain(stages.map(stage)) {
            let told = PyroError::from(WorkspaceError::Vm(error)).of_workspace(id);
            let words = format!("{told} {}", worded(told.hints(), &Plain).unwrap());
            for wrong in ["vm.", "ba9876543210", "the vm is gone", "run it again", "WORKSPACE_ID"] {
                assert!(!words.contains(wrong), "{wrong}: {words}");
            }
        }
        let told = PyroError::from(WorkspaceError::Vm(stage(Stage::Mount))).of_workspace(id);
        let hint = worded(told.hints(), &Plain).unwrap();
        assert!(hint.contains("workspace.reset workspace_id=0123456789ab"), "{hint}");
    }
}
