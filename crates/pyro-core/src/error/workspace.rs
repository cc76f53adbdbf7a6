//! The failures of workspaces, judged.

use super::call::Call;
use super::common::{again, doctor, other_engine, room, see_room};
use super::{ErrorKind, Hint, OperationId, Parameter, PyroError};
use crate::guest::client::ClientError;
use crate::id::Id;
use crate::vm::VmError;
use crate::vm::failure::Stage;
use crate::workspace::WorkspaceError;
use crate::workspace::label::LabelError;
use pyro_protocol::message::FailureKind;

impl From<WorkspaceError> for PyroError {
    fn from(error: WorkspaceError) -> Self {
        let (kind, hints) = match error {
            WorkspaceError::Vm(VmError::Engine(error)) => return Self::of_engine_alone(error),
            WorkspaceError::Vm(error) => return of_vm(error),
            WorkspaceError::Store(error) => return error.into(),
            WorkspaceError::Options(error) => return error.into(),
            WorkspaceError::NoEngine(error) => return error.into(),
            WorkspaceError::Guest(error) => return guest(error),
            WorkspaceError::File(error) => return error.into(),
            ref error => workspace(error),
        };
        let hints = match of(&error) {
            Some(id) => hints.into_iter().map(|hint| hint.of_workspace(id)).collect(),
            None => hints,
        };
        Self::judged(kind, error, hints)
    }
}

/// The workspace that an error names itself.
fn of(error: &WorkspaceError) -> Option<Id> {
    match *error {
        WorkspaceError::NoBackground { id }
        | WorkspaceError::NoSuchWorkspace { id }
        | WorkspaceError::NotStarted { id, .. }
        | WorkspaceError::EndedMeanwhile { id, .. }
        | WorkspaceError::Changing { id, .. }
        | WorkspaceError::NoDisk { id }
        | WorkspaceError::LayerGone { id, .. }
        | WorkspaceError::NoCommand { id }
        | WorkspaceError::NoFork { id }
        | WorkspaceError::NoSuchSnapshot { id, .. }
        | WorkspaceError::SnapshotExists { id, .. }
        | WorkspaceError::TooDeep { id } => Some(id),
        _ => None,
    }
}

impl PyroError {
    /// The same of the workspace `id`: its hints name it.
    #[must_use]
    pub(crate) fn of_workspace(mut self, id: Id) -> Self {
        self.hints = self.hints.into_iter().map(|hint| hint.of_workspace(id)).collect();
        self
    }

    /// The same of a workspace that has not come to be: no hint leads to it.
    #[must_use]
    pub(crate) fn of_no_workspace(mut self) -> Self {
        if self.hints.iter_mut().any(Hint::leads_to_workspace) {
            self.hints = nothing_left();
        }
        self
    }
}

/// An operation on the workspace that failed.
fn on(operation: OperationId) -> Call {
    Call::to_workspace(operation)
}

/// To start a workspace that is stopped.
fn start(why: &'static str) -> Hint {
    // Whoever cannot start one calls what starts it by itself.
    let call_again = Hint::say("make the call again, which starts it");
    Hint::call(why, on(OperationId::WorkspaceStart)).otherwise(call_again)
}

/// To start a running one again.
fn start_again() -> [Hint; 2] {
    [Hint::call("stop it", on(OperationId::WorkspaceStop)), start("start it again")]
}

/// To look at the state of a workspace.
pub(super) fn status(why: &'static str) -> Hint {
    Hint::call(why, on(OperationId::WorkspaceStatus))
}

/// To look at its files.
pub(super) fn list_files(why: &'static str) -> Hint {
    let with_a_command = on(OperationId::WorkspaceExec).with(Parameter::Command, "ls -la");
    Hint::call(why, on(OperationId::WorkspaceFileList)).otherwise(Hint::call(why, with_a_command))
}

fn delete(why: &'static str) -> Hint {
    Hint::call(why, on(OperationId::WorkspaceDelete))
}

fn create(why: &'static str) -> Hint {
    Hint::call(why, Call::to(OperationId::WorkspaceCreate))
}

/// What became of a workspace that could not be made.
fn nothing_left() -> Vec<Hint> {
    vec![Hint::say("nothing of it is left"), create("create it again")]
}

/// What became of a command or a change whose vm broke off.
fn look() -> Vec<Hint> {
    vec![Hint::say("it may have been done"), status("look")]
}

/// To take a workspace's files to a new one.
fn export() -> [Hint; 2] {
    let export = on(OperationId::WorkspaceExport)
        .with(Parameter::Path, "/workspace")
        .with_open(Parameter::OutputPath, "DIRECTORY");
    let create = Call::to(OperationId::WorkspaceCreate)
        .with_open(Parameter::Environment, "ENVIRONMENT")
        .with_open(Parameter::SeedPath, "DIRECTORY");
    [Hint::call("export it", export), Hint::call("then create another one of it", create)]
}

fn workspace(error: &WorkspaceError) -> (ErrorKind, Vec<Hint>) {
    match error {
        WorkspaceError::Files(error) if error.is_full() => (ErrorKind::Io, room()),
        WorkspaceError::Copy(error) if error.is_full() => (ErrorKind::Io, room()),
        WorkspaceError::SeedTooLarge { disk_bytes: None, .. } => (ErrorKind::Io, room()),
        WorkspaceError::Label(error) => (ErrorKind::InvalidInput, vec![Hint::say(label(error))]),
        WorkspaceError::NoCommand { .. } => {
            let exec = on(OperationId::WorkspaceExec).with_open(Parameter::Command, "COMMAND");
            (ErrorKind::InvalidInput, vec![Hint::call("", exec)])
        }
        WorkspaceError::NoBackground { .. } => (ErrorKind::Unsupported, start_again().to_vec()),
        WorkspaceError::NoSuchWorkspace { .. } => {
            let other = create("take the id that its creation gave, or create another");
            let list = Hint::call("", Call::to(OperationId::WorkspaceList));
            (ErrorKind::NotFound, vec![list.otherwise(other)])
        }
        WorkspaceError::NotStarted { .. } => (ErrorKind::WrongState, vec![start("")]),
        WorkspaceError::EndedMeanwhile { .. } => {
            (ErrorKind::Guest, vec![Hint::say("its files are whole"), start("start it and look")])
        }
        WorkspaceError::EndedUnfinished { .. } => (ErrorKind::Guest, nothing_left()),
        WorkspaceError::SeedTooLarge { .. } => (
            ErrorKind::Guest,
            vec![
                Hint::say(
                    "nothing of it is left; create it again with a part of the seed's directory",
                ),
                Hint::parameter("without what git ignores:", Parameter::RespectIgnore, "").or(),
            ],
        ),
        WorkspaceError::Changing { .. } => {
            (ErrorKind::Busy, vec![status("look again in a moment")])
        }
        WorkspaceError::LayerGone { resettable: true, .. } => {
            let reset = on(OperationId::WorkspaceReset);
            (ErrorKind::Corrupt, vec![Hint::call("its baseline is there, go back to it", reset)])
        }
        WorkspaceError::LayerGone { .. } => {
            (ErrorKind::Corrupt, vec![delete("its files are lost")])
        }
        WorkspaceError::NoDisk { .. } => (ErrorKind::Corrupt, vec![delete("")]),
        WorkspaceError::NothingToUpdate | WorkspaceError::NameBothWays => {
            (ErrorKind::InvalidInput, vec![Hint::usage("", OperationId::WorkspaceUpdate)])
        }
        WorkspaceError::NoFork { .. } => (ErrorKind::Unsupported, export().to_vec()),
        WorkspaceError::TooDeep { .. } => {
            let [export, create] = export();
            let delete =
                on(OperationId::WorkspaceSnapshotDelete).with_open(Parameter::SnapshotName, "NAME");
            let delete = Hint::call("delete snapshots or forks that you no longer need", delete);
            (ErrorKind::Unsupported, vec![delete, export.or(), create])
        }
        WorkspaceError::SnapshotName(_) => (
            ErrorKind::InvalidInput,
            vec![Hint::say("use letters, digits, '.', '_' and '-', as in before-fix")],
        ),
        WorkspaceError::NoSuchSnapshot { .. } => {
            let list = on(OperationId::WorkspaceSnapshotList);
            (ErrorKind::NotFound, vec![Hint::call("see which there are", list)])
        }
        WorkspaceError::SnapshotExists { name, .. } => {
            let delete =
                on(OperationId::WorkspaceSnapshotDelete).with(Parameter::SnapshotName, name);
            let delete = Hint::call("choose another name, or delete that one first", delete);
            (ErrorKind::AlreadyExists, vec![delete])
        }
        WorkspaceError::Ttl(_) => {
            let hint = Hint::parameter("set", Parameter::TtlSeconds, " to 0 or at least 60");
            (ErrorKind::InvalidInput, vec![hint])
        }
        WorkspaceError::Count(_) => {
            (ErrorKind::InvalidInput, vec![Hint::usage("", OperationId::WorkspaceFork)])
        }
        // The rest is judged as what it holds.
        _ => (ErrorKind::Io, vec![doctor("")]),
    }
}

/// The failures of a workspace's vm. It has no name of its own, and unlike the vm of one command it
/// lives on, or can be started again.
fn of_vm(error: VmError) -> PyroError {
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

fn label(error: &LabelError) -> &'static str {
    match error {
        LabelError::Name => "choose a name of 1 to 120 characters, without line breaks",
        LabelError::Key { .. } => {
            "use letters, digits, '.', '_' and '-' in the key, as in team=web"
        }
        LabelError::Value { .. } => {
            "choose a value of 1 to 120 characters, without line breaks, as in team=web"
        }
    }
}

/// What the agent says of a workspace's files.
fn guest(error: ClientError) -> PyroError {
    let ClientError::Failed(failure) = &error else { return VmError::Guest(error).into() };
    let look = || vec![list_files("look what is there")];
    let unchanged = |hint| vec![Hint::say("nothing was changed"), hint];
    let (kind, hints) = match failure.kind {
        FailureKind::NotFound => (ErrorKind::NotFound, look()),
        FailureKind::InvalidInput | FailureKind::Unsupported => {
            (ErrorKind::InvalidInput, vec![list_files("look what it is")])
        }
        FailureKind::Exists => (ErrorKind::AlreadyExists, look()),
        FailureKind::Conflict => {
            (ErrorKind::Conflict, unchanged(Hint::say("read it again, then try again")))
        }
        FailureKind::Full => {
            let room = on(OperationId::WorkspaceExec).with(Parameter::Command, "df -h /");
            (ErrorKind::Guest, unchanged(Hint::call("free some of its disk", room)))
        }
        FailureKind::Busy => (ErrorKind::Busy, vec![Hint::say("try again in a moment")]),
        _ => (ErrorKind::Guest, vec![status("")]),
    };
    PyroError::judged(kind, error, hints)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;
    use crate::error::worded;
    use crate::error::wording::plain::Plain;
    use crate::host::fs::FsError;
    use crate::vm::failure::Failure;
    use crate::workspace::files::FileError;
    use crate::workspace::files::source::SourceError;
    use std::io;

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

    #[test]
    fn a_hint_leads_to_what_was_meant() {
        let id = Id::parse("0123456789ab").unwrap();
        let missing =
            || EngineError::ProgramMissing { program: "qemu", package: "qemu-system-x86" };
        let unread = |kind: io::ErrorKind| {
            let source = FsError { action: "open", path: "/nothing".into(), source: kind.into() };
            WorkspaceError::from(FileError::from(SourceError::from(source)))
        };
        for (error, kind, hint) in [
            (
                WorkspaceError::NoCommand { id },
                "invalid_input",
                "workspace.exec workspace_id=0123456789ab command=COMMAND",
            ),
            (
                WorkspaceError::Label(LabelError::Name),
                "invalid_input",
                "choose a name of 1 to 120 characters, without line breaks",
            ),
            (
                WorkspaceError::NoEngine(missing()),
                "unavailable",
                "sudo apt-get install -y qemu-system-x86, or run without a guest with allow_host_compat",
            ),
            (
                WorkspaceError::Vm(VmError::Engine(missing())),
                "unavailable",
                "sudo apt-get install -y qemu-system-x86",
            ),
            (unread(io::ErrorKind::NotFound), "not_found", "check the path on the host"),
            (unread(io::ErrorKind::PermissionDenied), "io", "check that the path can be read"),
        ] {
            let judged = PyroError::from(error);
            assert_eq!(
                (judged.kind().name(), worded(judged.hints(), &Plain).as_deref()),
                (kind, Some(hint))
            );
        }
        let hint = worded(PyroError::from(missing()).hints(), &Plain).unwrap();
        assert!(hint.ends_with("allow_host_compat"), "a command may do without: {hint}");
    }

    #[test]
    fn a_workspace_that_has_not_come_to_be_is_created_again() {
        for (error, hint) in [
            (
                WorkspaceError::Vm(VmError::Control(ClientError::Ended)),
                "nothing of it is left; create it again: workspace.create",
            ),
            (
                WorkspaceError::Label(LabelError::Name),
                "choose a name of 1 to 120 characters, without line breaks",
            ),
        ] {
            let told = PyroError::from(error).of_no_workspace();
            assert_eq!(worded(told.hints(), &Plain).as_deref(), Some(hint));
        }
    }

    #[test]
    fn the_cause_of_an_error_is_its_source() {
        use std::error::Error;
        let source = FsError {
            action: "open",
            path: "/nothing".into(),
            source: io::ErrorKind::NotFound.into(),
        };
        let cause = source.source.to_string();
        let told = PyroError::from(WorkspaceError::from(source));
        assert_eq!(
            (told.source().unwrap().to_string(), told.causes()),
            (cause.clone(), vec![cause])
        );
        let causes = vec!["outer".to_owned(), "inner".to_owned()];
        let failure = Failure {
            stage: Stage::Boot,
            message: "x".into(),
            causes: causes.clone(),
            console: String::new(),
        };
        let told = PyroError::from(failure);
        assert_eq!(
            (told.source().unwrap().to_string(), told.causes()),
            ("outer".to_owned(), causes)
        );
    }
}
