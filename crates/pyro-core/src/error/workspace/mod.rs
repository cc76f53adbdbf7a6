//! The failures of workspaces, judged.

mod hints;
mod vm;

pub(super) use hints::{list_files, status};

use super::call::Call;
use super::common::{doctor, room};
use super::{ErrorKind, Hint, OperationId, Parameter, PyroError};
use crate::guest::client::ClientError;
use crate::id::Id;
use crate::vm::VmError;
use crate::workspace::WorkspaceError;
use crate::workspace::label::LabelError;
use hints::{create, delete, export, nothing_left, on, start, start_again};
use pyro_protocol::message::FailureKind;
use vm::of_vm;

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
            WorkspaceError::Service(error) => return error.into(),
            WorkspaceError::Shell(error) => return error.into(),
            WorkspaceError::Secret(error) => return error.into(),
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
        | WorkspaceError::DiskOnHost { id }
        | WorkspaceError::NotStopped { id }
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
        WorkspaceError::DiskOnHost { .. } => {
            (ErrorKind::Unsupported, vec![list_files("list its files")])
        }
        WorkspaceError::NotStopped { .. } => (ErrorKind::WrongState, stop_or_snapshot()),
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

/// To have a disk that nobody writes to.
fn stop_or_snapshot() -> Vec<Hint> {
    let create =
        on(OperationId::WorkspaceSnapshotCreate).with_open(Parameter::SnapshotName, "NAME");
    let create = Hint::call("take a snapshot, and name it", create).or();
    vec![Hint::call("stop it", on(OperationId::WorkspaceStop)), create]
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
    use crate::vm::failure::{Failure, Stage};
    use crate::workspace::files::FileError;
    use crate::workspace::files::source::SourceError;
    use std::io;

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
