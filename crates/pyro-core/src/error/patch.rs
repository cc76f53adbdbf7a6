//! The failures of patches, judged.

use super::{ErrorKind, PyroError};
use pyro_patch::patch::{HunkReject, Note, Reason, Reject};
use pyro_patch::patch::{ParseError, PatchError};
use pyro_protocol::TreePath;

impl From<PatchError> for PyroError {
    fn from(error: PatchError) -> Self {
        let (kind, hint) = match &error {
            PatchError::Rejected(rejected) if rejected.is_too_much() => {
                (ErrorKind::InvalidInput, "split the patch, or push the files (pyro workspace sync push)")
            }
            PatchError::Rejected(rejected) => {
                let hint = rejected.rejects.first().map(of_reject);
                return Self::judged(ErrorKind::Conflict, &error, hint);
            }
            PatchError::Parse(error) => (ErrorKind::InvalidInput, of_text(error)),
        };
        Self::judged(kind, &error, hint.to_owned())
    }
}

/// What to do about text that is no patch.
fn of_text(error: &ParseError) -> &'static str {
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

/// What to do about a file that is in the way; `WORKSPACE_ID` stands for the workspace.
fn of_reject(reject: &Reject) -> String {
    let path = &reject.path;
    match &reject.reason {
        Reason::Hunk(hunk) => of_hunk(hunk, path),
        Reason::Exists { .. } => format!(
            "to change {path}, send a change of its lines, not a new file; to replace it: pyro workspace file write \
             WORKSPACE_ID {path}"
        ),
        Reason::Missing => {
            "see what is there: pyro workspace file list WORKSPACE_ID; a file that is new has '--- /dev/null'"
                .to_owned()
        }
        Reason::TooMuch | Reason::TooLarge => {
            "split the patch, or push the files (pyro workspace sync push)".to_owned()
        }
        Reason::TooMuchWork => format!("write the file: pyro workspace file write WORKSPACE_ID {path}"),
        Reason::OtherBlob { .. } | Reason::Damaged { .. } => {
            "push the file instead (pyro workspace sync push)".to_owned()
        }
        Reason::Kind { .. } | Reason::Parent { .. } | Reason::NotEmpty | Reason::Link => format!(
            "see what is there (pyro workspace file list WORKSPACE_ID), and read it: pyro workspace file read \
             WORKSPACE_ID {path}"
        ),
    }
}

/// What to do about a hunk that does not fit.
fn of_hunk(hunk: &HunkReject, path: &TreePath) -> String {
    let read = format!("pyro workspace file read WORKSPACE_ID {path}");
    match &hunk.note {
        Some(Note::Applied { .. }) => format!("leave the hunk out if its change is in the file already: {read}"),
        Some(Note::Several { lines }) => {
            let line = lines.first().copied().unwrap_or(1);
            format!(
                "send the hunk again with the right line number, as in '@@ -{line} +{line} @@', or with more lines \
                 around the change"
            )
        }
        Some(Note::NoContext) => {
            "send the hunk again with a line of the file, marked ' ', above or below the new lines".to_owned()
        }
        Some(Note::Anchor { .. }) => {
            "send the hunk again with a whole line of the file after '@@', or with '@@' alone".to_owned()
        }
        Some(Note::NotAtEnd { .. }) => "send the patch again without '*** End of File' after this hunk".to_owned(),
        Some(Note::Overlap { .. }) => "join this hunk and the one before it into one".to_owned(),
        Some(Note::FileHasCrlf) => format!(
            "send the hunk again with \\r before the newline of each ' ', '-' and '+' line, or convert the file \
             first: pyro workspace exec WORKSPACE_ID -- sed -i 's/\\r$//' {path}"
        ),
        Some(Note::PatchHasCrlf) => "send the patch again without the \\r before each newline".to_owned(),
        Some(Note::NoNewline) => {
            "the last line of a file without a newline at its end is followed by '\\ No newline at end of file' in a \
             hunk; send it so"
                .to_owned()
        }
        Some(Note::WhiteSpace) => "send the hunk again with the white space of the lines shown".to_owned(),
        None => format!("send the hunk again with ' ' and '-' lines that are in the file as shown; all of it: {read}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_patch::Side;
    use pyro_patch::patch::PatchLimits;
    use pyro_patch::patch::parse;
    use pyro_patch::patch::resolve;
    use std::collections::BTreeMap;

    #[test]
    fn a_refusal_says_what_to_send() {
        let refused = |text: &str, file: &str| {
            let patch = parse(text.as_bytes(), &PatchLimits::default()).unwrap();
            let sides = BTreeMap::from([(TreePath::parse(b"m.py").unwrap(), Side::file(0o644, file))]);
            let refused = PyroError::from(PatchError::from(resolve(&patch, &sides).unwrap_err()));
            assert_eq!(refused.kind(), ErrorKind::Conflict);
            (refused.to_string(), refused.hint().unwrap().to_owned())
        };
        let head = "--- a/m.py\n+++ b/m.py\n";
        let (_, hint) = refused(&format!("{head}@@ -3,2 +3,2 @@\n three\n-4\n+x\n"), "1\n2\n\t3\n4\n5\n6\n");
        assert!(hint.starts_with("send the hunk again with ' ' and '-' lines that are in the file as shown"), "{hint}");
        for (hunk, file, word) in [
            ("@@ -1 +1 @@\n-1\n+x\n", "1\r\n", "\\r before the newline"),
            ("@@\n-1\n+x\n", "1\n1\n", "'@@ -1 +1 @@'"),
            ("@@\n+x\n", "1\n", "marked ' '"),
            ("@@ -1,2 +1,2 @@\n-1\n+x\n 2\n@@ -2,2 +2,2 @@\n 2\n-3\n+y\n", "1\n2\n3\n", "join this hunk"),
            ("@@ -1 +1 @@\n-1\n+x\n", "1", "\\ No newline"),
            ("@@ -1,2 +1,3 @@\n 1\n+x\n 2\n", "1\nx\n2\n", "leave the hunk out"),
        ] {
            let (message, hint) = refused(&format!("{head}{hunk}"), file);
            assert!(hint.contains(word), "{message}\n{hint}");
        }
        let (_, hint) = refused("--- /dev/null\n+++ b/m.py\n@@ -0,0 +1 @@\n+x\n", "1\n");
        assert!(
            hint.contains("a change of its lines") && hint.contains("pyro workspace file write WORKSPACE_ID m.py"),
            "{hint}"
        );
    }
}
