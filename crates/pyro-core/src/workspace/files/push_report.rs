//! What a push did, as surfaces tell it.

use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use crate::store::workspace::LeftOut;
use serde::Serialize;

/// A push that is done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkspaceSync {
    /// The workspace.
    pub workspace_id: Id,
    /// Where it ran.
    pub execution_mode: ExecutionMode,
    /// What was pushed.
    pub workspace_sync: Pushed,
}

/// What was pushed. The names are those of the contract; `unchanged`, `deleted`, `changed`,
/// `dry_run`, `left_out` and `left_out_count` are ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pushed {
    /// `directory` or `tar_archive`.
    pub mode: &'static str,
    /// Where it came from.
    pub source_path: String,
    /// Where it went.
    pub destination: String,
    /// Files, directories and links that were written.
    pub entry_count: u64,
    /// Bytes of files that were written.
    pub bytes_written: u64,
    /// Files, directories and links that were right already, but for a mode or a time.
    pub unchanged: u64,
    /// Files, directories and links that were deleted.
    pub deleted: u64,
    /// Whether anything was different.
    pub changed: bool,
    /// Whether it was only looked at.
    pub dry_run: bool,
    /// The first few nodes of the source that were not carried, or not whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// How many there are.
    pub left_out_count: u64,
    /// Whether what git ignores was left out, and left alone.
    pub respect_ignore: bool,
    /// Why git does not work in all of what was pushed, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_note: Option<String>,
}
