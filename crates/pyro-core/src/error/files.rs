//! The failures of a workspace's files, judged.

use super::call::Call;
use super::common::doctor;
use super::workspace::{list_files, status};
use super::{ErrorKind, Hint, OperationId, Parameter, PyroError};
use crate::archive::TarError;
use crate::disk::DiskFault;
use crate::host::fs::FsError;
use crate::host::output::OutputFileError;
use crate::host::tree::HostTreeError;
use crate::workspace::WorkspaceError;
use crate::workspace::files::FileError;
use crate::workspace::files::source::SourceError;

/// A kind, with what to do.
type Judgement = (ErrorKind, Vec<Hint>);

impl From<FileError> for PyroError {
    fn from(error: FileError) -> Self {
        let (kind, hints) = match error {
            FileError::Patch(error) => return error.into(),
            ref error => file(error),
        };
        Self::judged(kind, error, hints)
    }
}

impl PyroError {
    /// A file of the host that the caller named, or its stdin, cannot be read.
    #[must_use]
    pub fn unreadable(error: FsError) -> Self {
        WorkspaceError::from(FileError::from(SourceError::from(error))).into()
    }
}

fn say(words: &'static str) -> Vec<Hint> {
    vec![Hint::say(words)]
}

fn file(error: &FileError) -> Judgement {
    match error {
        FileError::Place(_) | FileError::After { .. } => {
            (ErrorKind::InvalidInput, say("give a path relative to /workspace, or below it"))
        }
        FileError::Nowhere { .. } => (ErrorKind::NotFound, vec![list_files("look what is there")]),
        FileError::IsRoot => (ErrorKind::InvalidInput, vec![list_files("name a file")]),
        FileError::Outside(_) => {
            let cat =
                Call::to_workspace(OperationId::WorkspaceExec).with(Parameter::Command, "cat PATH");
            (ErrorKind::InvalidInput, vec![Hint::call("read it with a command", cat)])
        }
        FileError::Links(_) => {
            (ErrorKind::InvalidInput, vec![list_files("see where the links lead")])
        }
        FileError::EmptyArchive => {
            let after = " if that is what you want";
            let push = Hint::parameter("push an empty directory with", Parameter::Delete, after);
            (ErrorKind::InvalidInput, vec![Hint::say("nothing was changed"), push])
        }
        FileError::GitRuns { path } => {
            let read =
                Call::to_workspace(OperationId::WorkspaceFileRead).with(Parameter::Path, path);
            let export = Hint::parameter("then export it with", Parameter::KeepGitConfig, "");
            (ErrorKind::Denied, vec![Hint::call("read it first", read), export])
        }
        FileError::IntoGit { .. } => {
            let allow = Hint::parameter("allow it with", Parameter::KeepGitConfig, "").or();
            (ErrorKind::Denied, vec![Hint::say("export to a directory outside of .git"), allow])
        }
        FileError::InTheWay(_) => {
            let after = ", which spares what git ignores";
            let push = Hint::parameter("push with", Parameter::Delete, after).or();
            (
                ErrorKind::Conflict,
                vec![Hint::say("nothing was changed"), Hint::say("remove it"), push],
            )
        }
        FileError::Archive(TarError::Sparse { .. }) => {
            let before = "export it as a directory, which keeps holes:";
            (ErrorKind::Unsupported, vec![Hint::parameter(before, Parameter::Format, " dir")])
        }
        FileError::Archive(_) => unwritten(),
        FileError::Special { .. } => {
            (ErrorKind::InvalidInput, say("export a file, a directory or a link"))
        }
        FileError::NoBaseline { .. } => {
            let hint = Hint::usage("export what is there", OperationId::WorkspaceExport);
            (ErrorKind::Corrupt, vec![hint])
        }
        FileError::OnDisk(fault) => disk(fault),
        FileError::Unwritten { .. } => unwritten(),
        FileError::Disk(_) | FileError::Kept(_) | FileError::Unread(_) => {
            (ErrorKind::Corrupt, vec![doctor("")])
        }
        FileError::TooMany(_) | FileError::TooLong(_) => {
            (ErrorKind::Unsupported, say("name a directory below /workspace"))
        }
        FileError::Patch(_) => (ErrorKind::InvalidInput, say("make the patch with git diff")),
        FileError::Source(error) => source(error),
        FileError::Output(error) => output(error),
        FileError::NewFile(error) => new_file(error),
    }
}

/// What is asked of a disk that no guest has, or what is on it.
fn disk(fault: &DiskFault) -> Judgement {
    let list = |why| {
        let list = Call::to_workspace(OperationId::WorkspaceDiskList);
        vec![Hint::call(why, list.with(Parameter::Path, "/"))]
    };
    match fault {
        DiskFault::NotFound(_) => (ErrorKind::NotFound, list("look what is there")),
        DiskFault::NotDirectory(_) | DiskFault::NotFile { .. } | DiskFault::Links(_) => {
            (ErrorKind::InvalidInput, list("look what is there"))
        }
        DiskFault::Directories => {
            (ErrorKind::Unsupported, say("name a directory below, or list without what is below"))
        }
        DiskFault::Journal => (
            ErrorKind::WrongState,
            vec![
                Hint::call("start it", Call::to_workspace(OperationId::WorkspaceStart)),
                Hint::call("then stop it", Call::to_workspace(OperationId::WorkspaceStop)),
            ],
        ),
        DiskFault::Unreadable(_) => {
            let reset = Call::to_workspace(OperationId::WorkspaceReset);
            (ErrorKind::Corrupt, vec![Hint::call("go back to its baseline", reset)])
        }
    }
}

/// What is to be carried into a workspace.
fn source(error: &SourceError) -> Judgement {
    let no_rules = || Hint::parameter("run without", Parameter::RespectIgnore, "");
    match error {
        SourceError::Fs(cause) if cause.is_not_found() => {
            (ErrorKind::NotFound, say("check the path on the host"))
        }
        SourceError::Fs(_) => (ErrorKind::Io, say("check that the path can be read")),
        SourceError::Redirected(_) => redirected(),
        SourceError::Neither(_) => (
            ErrorKind::InvalidInput,
            say(
                "give a directory, or a tar file called .tar, .tar.gz, .tar.bz2, .tar.xz or .tar.zst",
            ),
        ),
        SourceError::Rules(_) => (
            ErrorKind::InvalidInput,
            vec![Hint::say("shorten its .gitignore files"), no_rules().or()],
        ),
        SourceError::NoRules(_) => (ErrorKind::InvalidInput, vec![no_rules()]),
        SourceError::Changed(_) => (
            ErrorKind::Conflict,
            say("nothing was written; try again when nobody writes to it, or leave it out"),
        ),
        SourceError::Archive(TarError::Truncated | TarError::Trailing(_)) => (
            ErrorKind::InvalidInput,
            say("nothing was written; make the archive again, or copy it again: tar -tf lists it"),
        ),
        _ => (
            ErrorKind::InvalidInput,
            say("nothing was written; remove what is named, or leave it out"),
        ),
    }
}

/// A directory that comes out of a workspace.
fn output(error: &HostTreeError) -> Judgement {
    match error {
        HostTreeError::Exists { .. } => exists(),
        HostTreeError::Full { .. } => full(),
        HostTreeError::Root { .. } | HostTreeError::Tree(_) => unwritten(),
        _ => (ErrorKind::Guest, vec![status("")]),
    }
}

/// A file that comes out of a workspace.
fn new_file(error: &OutputFileError) -> Judgement {
    match error {
        OutputFileError::Redirected(_) => redirected(),
        OutputFileError::Exists { .. } => exists(),
        OutputFileError::Full { .. } => full(),
        OutputFileError::Unnamed(_) | OutputFileError::Kept { .. } => {
            let before = "name a place for the export alone in";
            let hint = Hint::parameter(before, Parameter::OutputPath, ", such as ./export");
            (ErrorKind::InvalidInput, vec![hint])
        }
        OutputFileError::Write { .. } => unwritten(),
    }
}

fn redirected() -> Judgement {
    (
        ErrorKind::Denied,
        say("name a path below a directory that is granted, with no link on its way"),
    )
}

fn unwritten() -> Judgement {
    (
        ErrorKind::Io,
        say("nothing was written; check the disk and the rights of the output's directory"),
    )
}

fn exists() -> Judgement {
    let replaces =
        Hint::parameter("", Parameter::Force, " replaces what is there, with all that it holds");
    (
        ErrorKind::AlreadyExists,
        vec![Hint::parameter("choose another", Parameter::OutputPath, ""), replaces],
    )
}

fn full() -> Judgement {
    let other = Hint::parameter("choose another", Parameter::OutputPath, "");
    (
        ErrorKind::AlreadyExists,
        vec![other, Hint::say("a file or a link replaces no such directory")],
    )
}
