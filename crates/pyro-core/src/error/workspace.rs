//! The failures of workspaces and their files, judged.

use super::{ErrorKind, PyroError, ROOM, engine};
use crate::engine::EngineError;
use crate::guest::client::ClientError;
use crate::host::output::OutputFileError;
use crate::host::tree::HostTreeError;
use crate::vm::VmError;
use crate::workspace::WorkspaceError;
use crate::workspace::files::FileError;
use crate::workspace::files::source::SourceError;
use crate::workspace::label::LabelError;
use crate::workspace::patch::{ParseError, PatchError};

impl From<WorkspaceError> for PyroError {
    fn from(error: WorkspaceError) -> Self {
        let (kind, hint) = match error {
            WorkspaceError::Vm(VmError::Engine(error)) => return without_a_way_out(&error),
            WorkspaceError::Vm(error) => return error.into(),
            WorkspaceError::Store(error) => return error.into(),
            WorkspaceError::Guest(error) => return guest(error),
            WorkspaceError::File(error) => return files(error),
            WorkspaceError::Files(ref error) if error.is_full() => (ErrorKind::Io, ROOM.to_owned()),
            WorkspaceError::Files(_) => (ErrorKind::Io, "pyro doctor".to_owned()),
            WorkspaceError::Label(ref error) => (ErrorKind::InvalidInput, label(error).to_owned()),
            WorkspaceError::NoCommand { id } => {
                (ErrorKind::InvalidInput, format!("pyro workspace exec {id} -- COMMAND"))
            }
            WorkspaceError::Cwd(_) => {
                (ErrorKind::InvalidInput, "give it absolute or below /workspace, without '..'".to_owned())
            }
            WorkspaceError::NoSuchWorkspace { .. } => (ErrorKind::NotFound, "pyro workspace list".to_owned()),
            WorkspaceError::NotStarted { id, .. } => {
                (ErrorKind::WrongState, format!("pyro workspace start {id} (workspace_start)"))
            }
            WorkspaceError::EndedMeanwhile { id, .. } => (
                ErrorKind::Guest,
                format!("start it and look, its files are whole: pyro workspace start {id} (workspace_start)"),
            ),
            WorkspaceError::EndedUnfinished { .. } => {
                (ErrorKind::Guest, "nothing of it is left; create it again: pyro workspace create".to_owned())
            }
            WorkspaceError::Changing { id, .. } => {
                (ErrorKind::Busy, format!("look again in a moment: pyro workspace status {id}"))
            }
            WorkspaceError::LayerGone { id, resettable: true, .. } => (
                ErrorKind::Corrupt,
                format!("its baseline is there, go back to it: pyro workspace reset {id} (workspace_reset)"),
            ),
            WorkspaceError::LayerGone { id, .. } => {
                (ErrorKind::Corrupt, format!("its files are lost: pyro workspace delete {id} (workspace_delete)"))
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
            WorkspaceError::Count(_) => (ErrorKind::InvalidInput, "pyro workspace fork --help".to_owned()),
        };
        Self::judged(kind, &error, hint)
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
        FileError::IsRoot => (ErrorKind::InvalidInput, "name a file: pyro workspace file list WORKSPACE_ID"),
        FileError::Source(SourceError::Fs(cause)) if cause.is_not_found() => {
            (ErrorKind::NotFound, "check the path on the host")
        }
        FileError::Source(SourceError::Neither(_)) => {
            (ErrorKind::InvalidInput, "give a directory, a .tar, .tar.gz, .tgz or .tar.zst file")
        }
        FileError::Source(SourceError::NoRules(_)) => (ErrorKind::InvalidInput, "run without --respect-ignore"),
        FileError::Source(SourceError::Fs(_)) => (ErrorKind::Io, "check that the path can be read"),
        FileError::Source(_) => (ErrorKind::InvalidInput, "nothing was written; remove what is named, or leave it out"),
        FileError::InTheWay(_) => (ErrorKind::Conflict, "nothing was changed; remove it, or push with --delete"),
        FileError::Output(HostTreeError::Exists { .. }) | FileError::NewFile(OutputFileError::Exists { .. }) => {
            (ErrorKind::AlreadyExists, "choose another --output, or replace it with --force")
        }
        FileError::Output(HostTreeError::Root { .. } | HostTreeError::Tree(_))
        | FileError::NewFile(OutputFileError::Write { .. })
        | FileError::Archive(_) => {
            (ErrorKind::Io, "nothing was written; check the disk and the rights of the output's directory")
        }
        FileError::Output(_) => (ErrorKind::Guest, "pyro workspace status WORKSPACE_ID"),
        FileError::Special { .. } => (ErrorKind::InvalidInput, "export a file, a directory or a link"),
        FileError::Incomplete { .. } => (ErrorKind::Unsupported, "export the directory instead: --format dir"),
        FileError::NoBaseline { .. } => (ErrorKind::Corrupt, "export what is there: pyro workspace export --help"),
        FileError::Disk(_) | FileError::Kept(_) => (ErrorKind::Corrupt, "pyro doctor"),
        FileError::TooMany(_) => (ErrorKind::Unsupported, "name a directory below /workspace"),
    };
    PyroError::judged(kind, &error, hint.to_owned())
}

impl From<PatchError> for PyroError {
    fn from(error: PatchError) -> Self {
        let (kind, hint) = match &error {
            PatchError::Rejected(_) => (
                ErrorKind::Conflict,
                "read the files as they are (pyro workspace file read), and make the patch anew from them",
            ),
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
        ParseError::HunkCounts { .. } => {
            "count the lines again: '@@ -start,old +start,new @@' has context and '-' as old, context and '+' as new lines"
        }
        ParseError::Binary { .. } => "make the patch with git diff --binary",
        ParseError::Twice { .. } => "join the changes of a file under one header, or apply one patch after the other",
        ParseError::Nothing
        | ParseError::TwoNames { .. }
        | ParseError::Header { .. }
        | ParseError::Mode { .. }
        | ParseError::NoFile { .. }
        | ParseError::HunkHeader { .. }
        | ParseError::AfterLast { .. } => "make the patch with git diff, or write the file (pyro workspace file write)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs::FsError;
    use crate::id::Id;
    use std::io;

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
