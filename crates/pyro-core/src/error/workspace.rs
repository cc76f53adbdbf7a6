//! The failures of workspaces and their files, judged.

use super::{ErrorKind, PyroError, ROOM, engine};
use crate::archive::TarError;
use crate::engine::EngineError;
use crate::guest::client::ClientError;
use crate::host::output::OutputFileError;
use crate::host::tree::HostTreeError;
use crate::id::Id;
use crate::vm::VmError;
use crate::vm::control::failure::{Failure, Stage};
use crate::workspace::WorkspaceError;
use crate::workspace::files::FileError;
use crate::workspace::files::source::SourceError;
use crate::workspace::label::LabelError;
use crate::workspace::patch::{ParseError, PatchError};

impl From<WorkspaceError> for PyroError {
    fn from(error: WorkspaceError) -> Self {
        let (kind, hint) = match error {
            WorkspaceError::Vm(VmError::Engine(error)) => return without_a_way_out(&error),
            WorkspaceError::Vm(error) => return of_vm(error),
            WorkspaceError::Store(error) => return error.into(),
            WorkspaceError::Options(error) => return error.into(),
            WorkspaceError::Guest(error) => return guest(error),
            WorkspaceError::File(error) => return files(error),
            WorkspaceError::Files(ref error) if error.is_full() => (ErrorKind::Io, ROOM.to_owned()),
            WorkspaceError::Files(_) => (ErrorKind::Io, "pyro doctor".to_owned()),
            WorkspaceError::Label(ref error) => (ErrorKind::InvalidInput, label(error).to_owned()),
            WorkspaceError::NoCommand { id } => {
                (ErrorKind::InvalidInput, format!("pyro workspace exec {id} -- COMMAND"))
            }
            WorkspaceError::NoBackground { id } => (
                ErrorKind::Unsupported,
                format!("start it again: pyro workspace stop {id}, then pyro workspace start {id}"),
            ),
            WorkspaceError::NoSuchWorkspace { .. } => (ErrorKind::NotFound, "pyro workspace list".to_owned()),
            WorkspaceError::NotStarted { id, .. } => (ErrorKind::WrongState, format!("pyro workspace start {id}")),
            WorkspaceError::EndedMeanwhile { id, .. } => {
                (ErrorKind::Guest, format!("start it and look, its files are whole: pyro workspace start {id}"))
            }
            WorkspaceError::EndedUnfinished { .. } => (ErrorKind::Guest, NOTHING_LEFT.to_owned()),
            WorkspaceError::SeedTooLarge { disk_bytes: None, .. } => (ErrorKind::Io, ROOM.to_owned()),
            WorkspaceError::SeedTooLarge { .. } => (
                ErrorKind::Guest,
                "nothing of it is left; create it again with less of the seed: without what git ignores \
                 (--respect-ignore), or with a part of its directory"
                    .to_owned(),
            ),
            WorkspaceError::Changing { id, .. } => {
                (ErrorKind::Busy, format!("look again in a moment: pyro workspace status {id}"))
            }
            WorkspaceError::LayerGone { id, resettable: true, .. } => {
                (ErrorKind::Corrupt, format!("its baseline is there, go back to it: pyro workspace reset {id}"))
            }
            WorkspaceError::LayerGone { id, .. } => {
                (ErrorKind::Corrupt, format!("its files are lost: pyro workspace delete {id}"))
            }
            WorkspaceError::NoDisk { id } => (ErrorKind::Corrupt, format!("pyro workspace delete {id}")),
            WorkspaceError::NothingToUpdate | WorkspaceError::NameBothWays => {
                (ErrorKind::InvalidInput, "pyro workspace update --help".to_owned())
            }
            WorkspaceError::NoEngine(error) => return error.into(),
            WorkspaceError::NoFork { .. } => (
                ErrorKind::Unsupported,
                "export it, and create another with --seed-path: pyro workspace export --help".to_owned(),
            ),
            WorkspaceError::Copy(ref error) if error.is_full() => (ErrorKind::Io, ROOM.to_owned()),
            WorkspaceError::Copy(_) => (ErrorKind::Io, "pyro doctor".to_owned()),
            WorkspaceError::Ttl(_) => (ErrorKind::InvalidInput, "set --ttl-seconds to 0 or at least 60".to_owned()),
            WorkspaceError::TooDeep { id } => (
                ErrorKind::Unsupported,
                format!(
                    "fork a reset or a younger one, or take its files to a new one: pyro workspace export {id} --help, then \
                     pyro workspace create --seed-path"
                ),
            ),
            WorkspaceError::Count(_) => (ErrorKind::InvalidInput, "pyro workspace fork --help".to_owned()),
        };
        Self::judged(kind, &error, hint)
    }
}

impl PyroError {
    /// The same of the workspace `id`: its hint names it.
    #[must_use]
    pub(crate) fn of_workspace(mut self, id: Id) -> Self {
        self.hint = self.hint.map(|hint| hint.replace(WORKSPACE, &id.to_string()));
        self
    }

    /// The same of a workspace that has not come to be: no hint leads to it.
    #[must_use]
    pub(crate) fn of_no_workspace(mut self) -> Self {
        self.hint = self.hint.map(|hint| if hint.contains(WORKSPACE) { NOTHING_LEFT.to_owned() } else { hint });
        self
    }
}

/// What stands for the workspace's id in a hint.
const WORKSPACE: &str = "WORKSPACE_ID";

/// What became of a workspace that could not be made.
const NOTHING_LEFT: &str = "nothing of it is left; create it again: pyro workspace create";

/// What became of a command or a change whose vm broke off.
const LOOK: &str = "it may have been done; look: pyro workspace status WORKSPACE_ID";

/// The failures of a workspace's vm. It has no name of its own, and unlike the vm of one command it lives on, or can be
/// started again.
fn of_vm(error: VmError) -> PyroError {
    use pyro_protocol::message::FailureKind;
    let (kind, hint) = match &error {
        VmError::Failed(failure) => {
            let hint = of_failure(failure).to_owned();
            return PyroError { hint: Some(hint), ..error.into() };
        }
        VmError::NoSuchVm { .. } | VmError::WrongState { .. } | VmError::Changing { .. } => {
            let message = "somebody else changed the workspace meanwhile".to_owned();
            let hint = "look again in a moment: pyro workspace status WORKSPACE_ID";
            return PyroError { message, ..PyroError::judged(ErrorKind::Busy, &error, hint.to_owned()) };
        }
        VmError::ImageGone { environment, .. } => {
            let message = format!("the image of {environment} that the workspace's disk stands on is gone");
            let hint = "its files are lost with it: pyro workspace delete WORKSPACE_ID";
            return PyroError { message, ..PyroError::judged(ErrorKind::Corrupt, &error, hint.to_owned()) };
        }
        VmError::Guest(ClientError::Failed(failure)) => match failure.kind {
            FailureKind::InvalidInput => (ErrorKind::InvalidInput, "pyro workspace exec --help"),
            FailureKind::NotFound => {
                (ErrorKind::Guest, "see that its directory is there: pyro workspace file list WORKSPACE_ID")
            }
            FailureKind::Directory => (
                ErrorKind::NotFound,
                "see which directories there are: pyro workspace file list WORKSPACE_ID --recursive",
            ),
            FailureKind::Busy => (ErrorKind::Busy, "try again in a moment"),
            FailureKind::Denied
            | FailureKind::WrongState
            | FailureKind::Io
            | FailureKind::Full
            | FailureKind::Unknown => (ErrorKind::Guest, "look at it: pyro workspace status WORKSPACE_ID"),
            _ => return error.into(),
        },
        VmError::NoChoiceOfShell => (
            ErrorKind::Unsupported,
            "leave --shell out, or start it again: pyro workspace stop WORKSPACE_ID, then pyro workspace start \
             WORKSPACE_ID",
        ),
        VmError::Guest(_) | VmError::Unkillable(_) => (ErrorKind::Guest, LOOK),
        VmError::Control(_) => (ErrorKind::Internal, LOOK),
        VmError::Stuck => (ErrorKind::Internal, "try again in a moment; where that does not help: pyro doctor"),
        // Of nothing that is the vm's own.
        _ => return error.into(),
    };
    PyroError::judged(kind, &error, hint.to_owned())
}

fn of_failure(failure: &Failure) -> &'static str {
    match failure.stage {
        Stage::Files => "see that there is room (df -h): pyro doctor",
        Stage::HostFull => ROOM,
        Stage::Engine => "pyro doctor",
        Stage::Boot | Stage::Hung => super::OTHER_ENGINE,
        Stage::Killed => "try again; where that does not help: pyro doctor",
        Stage::Unknown => "look at it: pyro workspace status WORKSPACE_ID",
        Stage::Mount => {
            "go back to its baseline: pyro workspace reset WORKSPACE_ID; where that fails as well, create \
             another one after pyro env pull"
        }
        Stage::Running => {
            "its disk is kept, start it again: pyro workspace start WORKSPACE_ID; create one with more \
             --mem-mib if memory ran out"
        }
        Stage::Stopped | Stage::Stopping => "its disk is kept, start it again: pyro workspace start WORKSPACE_ID",
        Stage::Expired => {
            "its disk is kept, start it again: pyro workspace start WORKSPACE_ID; for a longer life: pyro \
             workspace update WORKSPACE_ID --ttl-seconds SECONDS"
        }
    }
}

/// An engine that lacks something, where nothing runs without a guest.
fn without_a_way_out(error: &EngineError) -> PyroError {
    let (kind, hint) = engine(error, "");
    PyroError::judged(kind, error, hint)
}

fn label(error: &LabelError) -> &'static str {
    match error {
        LabelError::Name => "choose a name of 1 to 120 characters, without line breaks",
        LabelError::Key { .. } => "use letters, digits, '.', '_' and '-' in the key, as in team=web",
        LabelError::Value { .. } => "choose a value of 1 to 120 characters, without line breaks, as in team=web",
    }
}

/// What the agent says of a workspace's files.
fn guest(error: ClientError) -> PyroError {
    use pyro_protocol::message::FailureKind;
    let ClientError::Failed(failure) = &error else { return VmError::Guest(error).into() };
    let (kind, hint) = match failure.kind {
        FailureKind::NotFound => (ErrorKind::NotFound, "look what is there: pyro workspace file list WORKSPACE_ID"),
        FailureKind::InvalidInput | FailureKind::Unsupported => {
            (ErrorKind::InvalidInput, "look what it is: pyro workspace file list WORKSPACE_ID")
        }
        FailureKind::Exists => (ErrorKind::AlreadyExists, "look what is there: pyro workspace file list WORKSPACE_ID"),
        FailureKind::Conflict => (ErrorKind::Conflict, "nothing was changed: read it again, then try again"),
        FailureKind::Full => (
            ErrorKind::Guest,
            "nothing was changed; free some of its disk: pyro workspace exec WORKSPACE_ID -- df -h /",
        ),
        FailureKind::Busy => (ErrorKind::Busy, "try again in a moment"),
        _ => (ErrorKind::Guest, "pyro workspace status WORKSPACE_ID"),
    };
    PyroError::judged(kind, &error, hint.to_owned())
}

fn files(error: FileError) -> PyroError {
    let error = match error {
        FileError::Patch(error) => return error.into(),
        error => error,
    };
    let (kind, hint) = match &error {
        FileError::Patch(_) => (ErrorKind::InvalidInput, "make the patch with git diff"),
        FileError::Place(_) | FileError::After { .. } => {
            (ErrorKind::InvalidInput, "give a path relative to /workspace, or below it")
        }
        FileError::Nowhere { .. } => (ErrorKind::NotFound, "look what is there: pyro workspace file list WORKSPACE_ID"),
        FileError::IsRoot => (ErrorKind::InvalidInput, "name a file: pyro workspace file list WORKSPACE_ID"),
        FileError::Source(SourceError::Fs(cause)) if cause.is_not_found() => {
            (ErrorKind::NotFound, "check the path on the host")
        }
        FileError::Source(SourceError::Redirected(_)) | FileError::NewFile(OutputFileError::Redirected(_)) => {
            (ErrorKind::Denied, "name a path below a directory that is granted, with no link on its way")
        }
        FileError::Source(SourceError::Neither(_)) => (
            ErrorKind::InvalidInput,
            "give a directory, or a tar file called .tar, .tar.gz, .tar.bz2, .tar.xz or .tar.zst",
        ),
        FileError::Source(SourceError::Rules(_)) => {
            (ErrorKind::InvalidInput, "shorten its .gitignore files, or run without --respect-ignore")
        }
        FileError::Source(SourceError::NoRules(_)) => (ErrorKind::InvalidInput, "run without --respect-ignore"),
        FileError::Source(SourceError::Changed(_)) => {
            (ErrorKind::Conflict, "nothing was written; try again when nobody writes to it, or leave it out")
        }
        FileError::Source(SourceError::Archive(TarError::Truncated | TarError::Trailing(_))) => {
            (ErrorKind::InvalidInput, "nothing was written; make the archive again, or copy it again: tar -tf lists it")
        }
        FileError::Outside(_) => {
            (ErrorKind::InvalidInput, "read it with a command: pyro workspace exec WORKSPACE_ID -- cat PATH")
        }
        FileError::Links(_) => {
            (ErrorKind::InvalidInput, "see where the links lead: pyro workspace file list WORKSPACE_ID PATH")
        }
        FileError::EmptyArchive => (
            ErrorKind::InvalidInput,
            "nothing was changed; push an empty directory with --delete if that is what you want",
        ),
        FileError::Source(SourceError::Fs(_)) => (ErrorKind::Io, "check that the path can be read"),
        FileError::Source(_) => (ErrorKind::InvalidInput, "nothing was written; remove what is named, or leave it out"),
        FileError::GitRuns { .. } => {
            (ErrorKind::Denied, "read it first (pyro workspace file read); then export it with --keep-git-config")
        }
        FileError::IntoGit { .. } => {
            (ErrorKind::Denied, "export to a directory outside of .git; or allow it with --keep-git-config")
        }
        FileError::InTheWay(_) => (
            ErrorKind::Conflict,
            "nothing was changed; remove it, or push with --delete, which spares what git ignores",
        ),
        FileError::Output(HostTreeError::Exists { .. }) | FileError::NewFile(OutputFileError::Exists { .. }) => (
            ErrorKind::AlreadyExists,
            "choose another --output; --force replaces what is there, with all that it holds",
        ),
        FileError::Output(HostTreeError::Full { .. }) | FileError::NewFile(OutputFileError::Full { .. }) => {
            (ErrorKind::AlreadyExists, "choose another --output; a file or a link replaces no such directory")
        }
        FileError::NewFile(OutputFileError::Unnamed(_) | OutputFileError::Kept { .. }) => {
            (ErrorKind::InvalidInput, "name a place for the export alone in --output, such as ./export")
        }
        FileError::Archive(TarError::Sparse { .. }) => {
            (ErrorKind::Unsupported, "export it as a directory, which keeps holes: --format dir")
        }
        FileError::Output(HostTreeError::Root { .. } | HostTreeError::Tree(_))
        | FileError::NewFile(OutputFileError::Write { .. })
        | FileError::Archive(_) => {
            (ErrorKind::Io, "nothing was written; check the disk and the rights of the output's directory")
        }
        FileError::Output(_) => (ErrorKind::Guest, "pyro workspace status WORKSPACE_ID"),
        FileError::Special { .. } => (ErrorKind::InvalidInput, "export a file, a directory or a link"),
        FileError::NoBaseline { .. } => (ErrorKind::Corrupt, "export what is there: pyro workspace export --help"),
        FileError::Disk(_) | FileError::Kept(_) => (ErrorKind::Corrupt, "pyro doctor"),
        FileError::TooMany(_) | FileError::TooLong(_) => (ErrorKind::Unsupported, "name a directory below /workspace"),
    };
    PyroError::judged(kind, &error, hint.to_owned())
}

impl From<PatchError> for PyroError {
    fn from(error: PatchError) -> Self {
        let (kind, hint) = match &error {
            PatchError::Rejected(rejected) if rejected.is_too_much() => {
                (ErrorKind::InvalidInput, "split the patch, or push the files (pyro workspace sync push)")
            }
            PatchError::Rejected(rejected) => {
                let hint = rejected.hint();
                return Self::judged(ErrorKind::Conflict, &error, hint);
            }
            PatchError::Parse(error) => (ErrorKind::InvalidInput, patch(error)),
        };
        Self::judged(kind, &error, hint.to_owned())
    }
}

fn patch(error: &ParseError) -> &'static str {
    match error {
        ParseError::TooLarge { .. } | ParseError::LineTooLong { .. } | ParseError::TooMany { .. } => {
            "split the patch, or push the files (pyro workspace sync push)"
        }
        ParseError::Path { .. } => "name paths relative to /workspace",
        ParseError::GitDirectory { .. } => "run git in the workspace instead (pyro workspace exec)",
        ParseError::HunkHeader { .. } | ParseError::EmptyHunk { .. } | ParseError::NoFile { .. } => {
            "write '--- a/PATH', '+++ b/PATH', then '@@ -LINE +LINE @@' (or '@@' alone: its text says where), then lines \
             that begin with ' ', '-' or '+'"
        }
        ParseError::Codex { .. } => {
            "in this form each file begins with '*** Add File: PATH', '*** Update File: PATH' or '*** Delete File: PATH', \
             each line of it with ' ', '-' or '+', and the patch ends with '*** End Patch'"
        }
        ParseError::NoEnd { .. } => "nothing was changed; send it whole, with '*** End Patch' as its last line",
        ParseError::Binary { .. } => "make the patch with git diff --binary",
        ParseError::Nothing
        | ParseError::TwoNames { .. }
        | ParseError::Header { .. }
        | ParseError::Mode { .. }
        | ParseError::AfterLast { .. } => "make the patch with git diff, or write the file (pyro workspace file write)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs::FsError;
    use std::io;

    #[test]
    fn no_vm_of_a_workspace_is_told_by_its_own_id_or_as_one_that_is_gone() {
        use crate::store::vm::VmState;
        use crate::vm::operation::Operation;
        use pyro_protocol::message::{Failure as Said, FailureKind};
        use std::time::Duration;
        let (id, vm) = (Id::parse("0123456789ab").unwrap(), Id::parse("ba9876543210").unwrap());
        let stage =
            |stage| VmError::Failed(Failure { stage, message: "x".into(), causes: Vec::new(), console: String::new() });
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
            let words = format!("{told} {:?}", told.hint().unwrap());
            for wrong in ["vm_", "ba9876543210", "the vm is gone", "run it again", "WORKSPACE_ID"] {
                assert!(!words.contains(wrong), "{wrong}: {words}");
            }
        }
        let told = PyroError::from(WorkspaceError::Vm(stage(Stage::Mount))).of_workspace(id);
        assert!(told.hint().unwrap().contains("pyro workspace reset 0123456789ab"), "{told:?}");
    }

    #[test]
    fn a_hint_leads_to_what_was_meant() {
        let id = Id::parse("0123456789ab").unwrap();
        let missing = || EngineError::ProgramMissing { program: "qemu", package: "qemu-system-x86" };
        let unread = |kind: io::ErrorKind| {
            let source = FsError { action: "open", path: "/nothing".into(), source: kind.into() };
            WorkspaceError::from(FileError::from(SourceError::from(source)))
        };
        for (error, kind, hint) in [
            (WorkspaceError::NoCommand { id }, "invalid_input", "pyro workspace exec 0123456789ab -- COMMAND"),
            (
                WorkspaceError::Label(LabelError::Name),
                "invalid_input",
                "choose a name of 1 to 120 characters, without line breaks",
            ),
            (
                WorkspaceError::NoEngine(missing()),
                "unavailable",
                "sudo apt-get install -y qemu-system-x86, or run without a guest with --allow-host-compat",
            ),
            (WorkspaceError::Vm(VmError::Engine(missing())), "unavailable", "sudo apt-get install -y qemu-system-x86"),
            (unread(io::ErrorKind::NotFound), "not_found", "check the path on the host"),
            (unread(io::ErrorKind::PermissionDenied), "io", "check that the path can be read"),
        ] {
            let judged = PyroError::from(error);
            assert_eq!((judged.kind().name(), judged.hint()), (kind, Some(hint)));
        }
        assert!(
            PyroError::from(missing()).hint().unwrap().ends_with("--allow-host-compat"),
            "a command may do without"
        );
    }
}
