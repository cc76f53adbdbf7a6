//! The failures of patches, judged: what to send instead.

use super::call::Call;
use super::{ErrorKind, Hint, OperationId, Parameter, PyroError};
use pyro_patch::patch::{HunkReject, Note, ParseError, PatchError, Reason, Reject};

impl From<PatchError> for PyroError {
    fn from(error: PatchError) -> Self {
        let (kind, hints) = match &error {
            PatchError::Rejected(rejected) if rejected.is_too_much() => {
                (ErrorKind::InvalidInput, too_much())
            }
            PatchError::Rejected(rejected) => {
                (ErrorKind::Conflict, rejected.rejects.first().map(reject).unwrap_or_default())
            }
            PatchError::Parse(error) => (ErrorKind::InvalidInput, parse(error)),
        };
        Self::judged(kind, error, hints)
    }
}

fn too_much() -> Vec<Hint> {
    vec![Hint::say("split the patch"), push("push the files").or()]
}

fn push(why: &'static str) -> Hint {
    Hint::call(why, Call::to_workspace(OperationId::WorkspaceSyncPush))
}

/// An operation on a file of the workspace.
fn file(operation: OperationId, path: impl ToString) -> Call {
    Call::to_workspace(operation).with(Parameter::Path, path)
}

fn list() -> Hint {
    Hint::call("see what is there", Call::to_workspace(OperationId::WorkspaceFileList))
}

fn parse(error: &ParseError) -> Vec<Hint> {
    let words = match error {
        ParseError::TooLarge { .. }
        | ParseError::LineTooLong { .. }
        | ParseError::TooMany { .. } => {
            return too_much();
        }
        ParseError::GitDirectory { .. } => {
            let exec = Call::to_workspace(OperationId::WorkspaceExec);
            return vec![Hint::call("run git in the workspace instead", exec)];
        }
        ParseError::Nothing
        | ParseError::TwoNames { .. }
        | ParseError::Header { .. }
        | ParseError::Mode { .. }
        | ParseError::AfterLast { .. } => {
            let write = Call::to_workspace(OperationId::WorkspaceFileWrite);
            return vec![
                Hint::say("make the patch with git diff"),
                Hint::call("write the file", write).or(),
            ];
        }
        ParseError::Path { .. } => "name paths relative to /workspace",
        ParseError::HunkHeader { .. }
        | ParseError::EmptyHunk { .. }
        | ParseError::NoFile { .. } => {
            "write '--- a/PATH', '+++ b/PATH', then '@@ -LINE +LINE @@' (or '@@' alone: its text says \
             where), then lines that begin with ' ', '-' or '+'"
        }
        ParseError::Codex { .. } => {
            "in this form each file begins with '*** Add File: PATH', '*** Update File: PATH' or \
             '*** Delete File: PATH', each line of it with ' ', '-' or '+', and the patch ends with \
             '*** End Patch'"
        }
        ParseError::NoEnd { .. } => {
            "nothing was changed; send it whole, with '*** End Patch' as its last line"
        }
        ParseError::Binary { .. } => "make the patch with git diff --binary",
    };
    vec![Hint::say(words)]
}

/// What to do about a change that does not fit its file.
fn reject(reject: &Reject) -> Vec<Hint> {
    let path = &reject.path;
    let write = |why| Hint::call(why, file(OperationId::WorkspaceFileWrite, path));
    match &reject.reason {
        Reason::Hunk(hunk) => of_hunk(hunk, path),
        Reason::Exists { .. } => vec![
            Hint::say(format!("to change {path}, send a change of its lines, not a new file")),
            write("to replace it"),
        ],
        Reason::Missing => vec![list(), Hint::say("a file that is new has '--- /dev/null'")],
        Reason::TooMuch | Reason::TooLarge => too_much(),
        Reason::TooMuchWork => vec![write("write the file")],
        Reason::OtherBlob { .. } | Reason::Damaged { .. } => vec![push("push the file instead")],
        Reason::Kind { .. } | Reason::Parent { .. } | Reason::NotEmpty | Reason::Link => {
            vec![list(), Hint::call("read it", file(OperationId::WorkspaceFileRead, path))]
        }
    }
}

fn of_hunk(hunk: &HunkReject, path: impl ToString) -> Vec<Hint> {
    let path = path.to_string();
    let read = |why| Hint::call(why, file(OperationId::WorkspaceFileRead, &path));
    let words = match &hunk.note {
        Some(Note::Applied { .. }) => {
            return vec![read("leave the hunk out if its change is in the file already")];
        }
        Some(Note::Several { lines }) => {
            let line = lines.first().copied().unwrap_or(1);
            return vec![Hint::say(format!(
                "send the hunk again with the right line number, as in '@@ -{line} +{line} @@', or with \
                 more lines around the change"
            ))];
        }
        Some(Note::FileHasCrlf) => {
            let convert = Call::to_workspace(OperationId::WorkspaceExec)
                .with(Parameter::Command, format!("sed -i 's/\\r$//' {path}"));
            let words =
                "send the hunk again with \\r before the newline of each ' ', '-' and '+' line";
            return vec![Hint::say(words), Hint::call("convert the file first", convert).or()];
        }
        None => {
            let words = "send the hunk again with ' ' and '-' lines that are in the file as shown";
            return vec![Hint::say(words), read("all of it")];
        }
        Some(Note::NoContext) => {
            "send the hunk again with a line of the file, marked ' ', above or below the new lines"
        }
        Some(Note::Anchor { .. }) => {
            "send the hunk again with a whole line of the file after '@@', or with '@@' alone"
        }
        Some(Note::NotAtEnd { .. }) => {
            "send the patch again without '*** End of File' after this hunk"
        }
        Some(Note::Overlap { .. }) => "join this hunk and the one before it into one",
        Some(Note::PatchHasCrlf) => "send the patch again without the \\r before each newline",
        Some(Note::NoNewline) => {
            "the last line of a file without a newline at its end is followed by \
             '\\ No newline at end of file' in a hunk; send it so"
        }
        Some(Note::WhiteSpace) => "send the hunk again with the white space of the lines shown",
    };
    vec![Hint::say(words)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::wording::{plain, worded};
    use pyro_patch::Side;
    use pyro_patch::patch::{Patch, PatchLimits, parse, resolve};
    use pyro_protocol::TreePath;
    use std::collections::BTreeMap;

    #[test]
    fn a_patch_that_does_not_apply_is_told_what_to_send() {
        let head = "--- a/m.py\n+++ b/m.py\n";
        for (patch, file, words) in [
            (
                format!("{head}@@ -3,2 +3,2 @@\n three\n-4\n+x\n"),
                "1\n2\n\t3\n4\n",
                "that are in the file as shown",
            ),
            (format!("{head}@@ -1 +1 @@\n-1\n+x\n"), "1\r\n", "\\r before the newline"),
            (format!("{head}@@\n-1\n+x\n"), "1\n1\n", "'@@ -1 +1 @@'"),
            (format!("{head}@@\n+x\n"), "1\n", "marked ' '"),
            (
                format!("{head}@@ -1,2 +1,2 @@\n-1\n+x\n 2\n@@ -2,2 +2,2 @@\n 2\n-3\n+y\n"),
                "1\n2\n3\n",
                "join this hunk",
            ),
            (format!("{head}@@ -1 +1 @@\n-1\n+x\n"), "1", "\\ No newline"),
            (format!("{head}@@ -1,2 +1,3 @@\n 1\n+x\n 2\n"), "1\nx\n2\n", "leave the hunk out"),
            (
                "--- /dev/null\n+++ b/m.py\n@@ -0,0 +1 @@\n+x\n".to_owned(),
                "1\n",
                "a change of its lines, not a new file; to replace it: workspace.file.write \
                 workspace_id=WORKSPACE_ID path=m.py",
            ),
        ] {
            let parsed = parsed(&patch);
            let sides =
                BTreeMap::from([(TreePath::parse(b"m.py").unwrap(), Side::file(0o644, file))]);
            let error = PyroError::from(PatchError::from(resolve(&parsed, &sides).unwrap_err()));
            let hint = worded(error.hints(), &plain::Plain).unwrap();
            assert!(error.kind() == ErrorKind::Conflict && hint.contains(words), "{error}\n{hint}");
        }
    }

    fn parsed(text: &str) -> Patch<'_> {
        parse(text.as_bytes(), &PatchLimits::default()).unwrap()
    }
}
