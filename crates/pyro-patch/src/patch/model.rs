//! A patch as values.

use crate::git::GitMode;
use pyro_protocol::TreePath;

/// Everything that one patch asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch<'a> {
    /// The commits of a series, in order: each starts from what the one before it left, and changes
    /// a path once. Only a change of kind deletes and creates the same path.
    pub steps: Vec<Vec<FilePatch<'a>>>,
    /// Submodules that it would move to another commit, sorted by the bytes of their paths; they
    /// are skipped.
    pub submodules: Vec<TreePath>,
}

impl<'a> Patch<'a> {
    /// Every change, in the order of the patch.
    pub fn files(&self) -> impl Iterator<Item = &FilePatch<'a>> {
        self.steps.iter().flatten()
    }
}

/// What a patch asks of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePatch<'a> {
    /// The line of the patch that it begins at, from one.
    pub line: usize,
    /// What happens to which path.
    pub change: Change,
    /// The mode it has, where the patch says.
    pub old_mode: Option<GitMode>,
    /// The mode it gets, where the patch says.
    pub new_mode: Option<GitMode>,
    /// What happens to the content.
    pub body: Body<'a>,
}

/// What happens to which path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is not there yet.
    Create(TreePath),
    /// It goes.
    Delete(TreePath),
    /// It changes. A plain patch does not say whether an empty file is there: then it may be
    /// missing.
    Modify {
        /// The file.
        path: TreePath,
        /// Whether it may be missing.
        may_create: bool,
    },
    /// It moves.
    Rename {
        /// Where it is.
        from: TreePath,
        /// Where it goes.
        to: TreePath,
    },
    /// It is taken twice.
    Copy {
        /// Where it is and stays.
        from: TreePath,
        /// Where the copy goes.
        to: TreePath,
    },
}

impl Change {
    /// The path whose content it starts from.
    #[must_use]
    pub fn source(&self) -> &TreePath {
        match self {
            Self::Create(path) | Self::Delete(path) | Self::Modify { path, .. } => path,
            Self::Rename { from, .. } | Self::Copy { from, .. } => from,
        }
    }

    /// The path that has the result.
    #[must_use]
    pub fn target(&self) -> &TreePath {
        match self {
            Self::Create(path) | Self::Delete(path) | Self::Modify { path, .. } => path,
            Self::Rename { to, .. } | Self::Copy { to, .. } => to,
        }
    }
}

/// What happens to a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Nothing.
    Unchanged,
    /// Lines change.
    Text(Vec<Hunk<'a>>),
    /// Lines change, by a format that cannot say whether the last line has a newline: that stays as
    /// it is.
    Chunks(Vec<Hunk<'a>>),
    /// All of it goes, whatever it is.
    Dropped,
    /// All of it changes.
    Binary(Binary),
}

/// A binary change, with the full ids that it is checked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// The blob that it changes; zeros where there is none.
    pub old_id: String,
    /// The blob that it makes.
    pub new_id: String,
    /// How.
    pub data: BinaryData,
}

/// The unpacked data of a binary change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BinaryData {
    /// The new content.
    Literal(Vec<u8>),
    /// git's instructions to make it from the old content.
    Delta(Vec<u8>),
}

/// Lines to find, and the lines to put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk<'a> {
    /// The line of the patch that holds its header, from one.
    pub line: usize,
    /// Its header: up to the second `@@`, where it has numbers.
    pub header: String,
    /// Where it belongs.
    pub place: Place<'a>,
    /// What it holds.
    pub lines: Vec<(Mark, Line<'a>)>,
}

impl<'a> Hunk<'a> {
    /// The lines that must be there.
    pub fn old_lines(&self) -> impl Iterator<Item = Line<'a>> + '_ {
        self.lines.iter().filter(|(mark, _)| *mark != Mark::Added).map(|(_, line)| *line)
    }

    /// The lines that will be there.
    pub fn new_lines(&self) -> impl Iterator<Item = Line<'a>> + '_ {
        self.lines.iter().filter(|(mark, _)| *mark != Mark::Removed).map(|(_, line)| *line)
    }
}

/// Where a hunk belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// Where its header says.
    Line {
        /// First line in the old file, from one; the line before it when the hunk has no old lines.
        start: usize,
        /// How many old lines its header names; the hunk may hold another number.
        count: usize,
    },
    /// Where its lines are.
    Text {
        /// Lines that stand before it, the outermost first.
        anchors: Vec<&'a [u8]>,
        /// Whether it ends with the file.
        at_end: bool,
    },
}

/// What a line of a hunk stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It stays.
    Context,
    /// It goes.
    Removed,
    /// It comes.
    Added,
}

/// One line; only a line feed ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Line<'a> {
    /// The bytes before the line feed.
    pub text: &'a [u8],
    /// Whether there is a line feed.
    pub newline: bool,
}
