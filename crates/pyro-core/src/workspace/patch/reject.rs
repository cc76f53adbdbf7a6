//! `Reject`: why one file of a patch does not apply, in words that a model can act on.

use crate::workspace::git::path::RelPath;
use crate::workspace::side::ArtifactType;
use std::fmt;

/// How many rejects an error spells out.
const SHOWN: usize = 20;

/// How many of them show what the file holds.
const EXCERPTS: usize = 3;

/// A change that does not fit its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The file.
    pub path: RelPath,
    /// What is in the way.
    pub reason: Reason,
}

/// What is in the way of a change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It should be new.
    #[error("it exists already, as {}", .found.describe())]
    Exists {
        /// What is there.
        found: ArtifactType,
    },
    /// It should be there.
    #[error("it does not exist")]
    Missing,
    /// It is another kind of thing than the patch says.
    #[error("it is {}, not {}", .found.describe(), .expected.describe())]
    Kind {
        /// What the patch says.
        expected: ArtifactType,
        /// What is there.
        found: ArtifactType,
    },
    /// A directory on the way is none.
    #[error("'{parent}' is {}, not a directory", .found.describe())]
    Parent {
        /// Which.
        parent: RelPath,
        /// What is there.
        found: ArtifactType,
    },
    /// The file, before or after, has too many bytes or lines.
    #[error("it is too large to be patched")]
    TooLarge,
    /// The files before or after it, together with those before it in the patch, have too many bytes.
    #[error("the files of the patch hold more than {} MiB together", super::limits::TOTAL_BYTES >> 20)]
    TooMuch,
    /// Deleting would lose lines that the patch does not know of.
    #[error("it holds more than the patch deletes")]
    NotEmpty,
    /// The result is no target of a link.
    #[error("the patch makes a link to nothing, or to a name that is too long")]
    Link,
    /// A hunk does not fit.
    #[error(transparent)]
    Hunk(#[from] Box<HunkReject>),
    /// Binary data is for another content.
    #[error("the binary patch is for blob {expected}, the file is blob {found}")]
    OtherBlob {
        /// What the patch says.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Binary data does not make what it says.
    #[error("the binary patch does not make the blob {expected} that it names")]
    Damaged {
        /// What the patch says.
        expected: String,
    },
    /// Finding the places takes too much work.
    #[error("finding the places of its hunks takes too long: the patch and the file repeat themselves too much")]
    TooMuchWork,
}

/// A hunk that does not fit; its texts are cut short and printable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HunkReject {
    /// Which hunk of the file, from one.
    pub number: usize,
    /// Its header.
    pub header: String,
    /// Where the header is in the patch, from one.
    pub patch_line: usize,
    /// The line of the file where it met other text, from one.
    pub line: usize,
    /// What it expected there; none for the end of the file.
    pub expected: Option<String>,
    /// What is there; none for the end of the file.
    pub found: Option<String>,
    /// What else is known.
    pub note: Option<Note>,
    /// The first line of the excerpt, from one.
    pub excerpt_from: usize,
    /// The lines of the file where the hunk would be, as they are.
    pub excerpt: Vec<String>,
}

/// What may have gone wrong with a hunk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// The result is there.
    #[error("its result is at line {line} already: it may have been applied before")]
    Applied {
        /// Where.
        line: usize,
    },
    /// Its lines are at more places than one, and not where its header says.
    #[error("its lines are at {}", at_lines(.lines))]
    Several {
        /// The first of them.
        lines: Vec<usize>,
    },
    /// It has no line that could be checked.
    #[error("it only adds lines, and nothing says where")]
    NoContext,
    /// The line that should stand before it is not there.
    #[error("no line reads `{anchor}`")]
    Anchor {
        /// The line that its header names.
        anchor: String,
    },
    /// Its lines are there, but not at the end, where it says that they are.
    #[error("its lines are at line {line}, not at the end of the file")]
    NotAtEnd {
        /// Where.
        line: usize,
    },
    /// Its lines are there, but an earlier hunk changed them.
    #[error("its lines at line {line} belong to an earlier hunk")]
    Overlap {
        /// Where.
        line: usize,
    },
    /// The lines differ by their ends only.
    #[error("the file has CRLF line ends, the patch has LF")]
    FileHasCrlf,
    /// The lines differ by their ends only.
    #[error("the patch has CRLF line ends, the file has LF")]
    PatchHasCrlf,
    /// The last line of the file has no newline, that of the patch has one, or the other way round.
    #[error("only the newline at the end of the file differs")]
    NoNewline,
    /// The lines differ by white space only.
    #[error("only white space differs")]
    WhiteSpace,
}

fn at_lines(lines: &[usize]) -> String {
    let numbers: Vec<_> = lines.iter().map(ToString::to_string).collect();
    format!("lines {}", numbers.join(", "))
}

impl fmt::Display for HunkReject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "hunk {} ({}) does not apply at line {}: ", self.number, self.header, self.line)?;
        let line = |text: &Option<String>| text.as_ref().map_or("the end of the file".to_owned(), |t| format!("`{t}`"));
        write!(out, "expected {}, found {}", line(&self.expected), line(&self.found))?;
        self.note.as_ref().map_or(Ok(()), |note| write!(out, "; {note}"))
    }
}

impl std::error::Error for HunkReject {}

impl fmt::Display for Reject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.path, self.reason)
    }
}

/// A patch that does not fit; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Every file that is in the way, sorted.
    pub rejects: Vec<Reject>,
}

impl Rejected {
    /// Whether it would fit in parts.
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        self.rejects.iter().any(|reject| reject.reason == Reason::TooMuch)
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "patch does not apply, nothing was changed")?;
        for (index, reject) in self.rejects.iter().take(SHOWN).enumerate() {
            write!(out, "\n{reject}")?;
            match &reject.reason {
                Reason::Hunk(hunk) if index < EXCERPTS && !hunk.excerpt.is_empty() => {
                    write!(out, "\n{} is, from line {}:", reject.path, hunk.excerpt_from)?;
                    for line in &hunk.excerpt {
                        write!(out, "\n| {line}")?;
                    }
                }
                _ => {}
            }
        }
        match self.rejects.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(out, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Rejected {}
