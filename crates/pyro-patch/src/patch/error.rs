//! Why a patch is no patch, or does not apply.

use super::path::PathError;
use super::reject::Rejected;

/// A patch that cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// It cannot be read.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It does not fit the files.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// Why text is not a patch; lines count from one, what is quoted is cut short and printable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Too many bytes.
    #[error("patch is larger than {max} bytes")]
    TooLarge {
        /// The most.
        max: usize,
    },
    /// Too long a line.
    #[error("line {line} of the patch is longer than {max} bytes")]
    LineTooLong {
        /// Which.
        line: usize,
        /// The most.
        max: usize,
    },
    /// Too many files or hunks.
    #[error("patch has more than {max} {what}")]
    TooMany {
        /// Files or hunks.
        what: &'static str,
        /// The most.
        max: usize,
    },
    /// There is no header in it.
    #[error(
        "patch holds no change: no line begins a file ('diff --git', '---' and '+++', or \
         '*** Begin Patch')"
    )]
    Nothing,
    /// A name that nothing may be written to.
    #[error("line {line} of the patch names '{name}': {why}")]
    Path {
        /// Line of the patch, from 1.
        line: usize,
        /// What it names.
        name: String,
        /// What is wrong.
        why: PathError,
    },
    /// A name in a repository's own directory.
    #[error("line {line} of the patch names '{name}': a patch may not change a .git directory")]
    GitDirectory {
        /// Line of the patch, from 1.
        line: usize,
        /// What it names.
        name: String,
    },
    /// Two names that are not a rename.
    #[error("line {line} of the patch has two names for one file: '{old}' and '{new}'")]
    TwoNames {
        /// Line of the patch, from 1.
        line: usize,
        /// The old one.
        old: String,
        /// The new one.
        new: String,
    },
    /// Headers that contradict each other, or lack something.
    #[error("the file at line {line} of the patch {why}")]
    Header {
        /// Line of the patch, from 1.
        line: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A mode that is no file's or link's.
    #[error(
        "line {line} of the patch has mode '{mode}': only 100644, 100755 and 120000 can be applied"
    )]
    Mode {
        /// Line of the patch, from 1.
        line: usize,
        /// What it has.
        mode: String,
    },
    /// A hunk that no file precedes.
    #[error("line {line} of the patch begins a hunk, but no '---' and '+++' lines precede it")]
    NoFile {
        /// Line of the patch, from 1.
        line: usize,
    },
    /// A hunk that holds nothing.
    #[error("the hunk at line {line} of the patch has no lines that begin with ' ', '-' or '+'")]
    EmptyHunk {
        /// Line of the patch, from 1.
        line: usize,
    },
    /// A line that does not belong into the form that Codex writes.
    #[error("line {line} of the patch should {expected}, found '{found}'")]
    Codex {
        /// Line of the patch, from 1.
        line: usize,
        /// What it should be.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A patch of that form that was cut off.
    #[error("the patch that begins at line {line} does not end with '*** End Patch'")]
    NoEnd {
        /// Line of the patch, from 1.
        line: usize,
    },
    /// A hunk's first line that is none.
    #[error(
        "line {line} of the patch should be a hunk header like '@@ -1,3 +1,4 @@', found '{found}'"
    )]
    HunkHeader {
        /// Line of the patch, from 1.
        line: usize,
        /// What is there.
        found: String,
    },
    /// A hunk with lines after the last one.
    #[error("line {line} of the patch follows a line that has no newline at the end of the file")]
    AfterLast {
        /// Line of the patch, from 1.
        line: usize,
    },
    /// Binary data that is none.
    #[error("the binary data at line {line} of the patch {why}")]
    Binary {
        /// Line of the patch, from 1.
        line: usize,
        /// What is wrong.
        why: &'static str,
    },
}
