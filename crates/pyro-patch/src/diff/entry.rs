//! `Entry`: one changed path, and its part of the patch.

use crate::git::BlobId;
use crate::git::GitMode;
use crate::side::ArtifactType;
use pyro_protocol::TreePath;
use serde::Serialize;

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It was not there.
    Added,
    /// Its content or its execute bit changed.
    Modified,
    /// It is gone.
    Deleted,
    /// It became another kind of thing.
    TypeChanged,
    /// It has the content of a path that is gone; only where renames are asked for.
    Renamed,
}

/// How the patch carries a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// As text: headers and hunks.
    Text,
    /// As a `GIT binary patch`.
    Binary,
    /// Left out: it is too large, or cannot be where something that is left out stays. The patch
    /// applies without it.
    Named,
    /// Not at all: git keeps nothing of it.
    None,
}

/// One changed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: TreePath,
    /// Where it was, when it was renamed.
    pub old_path: Option<TreePath>,
    /// What happened to it.
    pub status: Status,
    /// What it is now, or was when it is gone.
    pub artifact: ArtifactType,
    /// How the patch carries it.
    pub form: Form,
    /// Its part of the patch: ASCII names, UTF-8 content.
    pub patch: String,
    /// Lines that were added.
    pub added_lines: usize,
    /// Lines that were deleted.
    pub deleted_lines: usize,
    /// Its mode before, of a file or a link.
    pub old_mode: Option<GitMode>,
    /// Its mode now, of a file or a link.
    pub new_mode: Option<GitMode>,
    /// The blob id before, where known.
    pub old_id: Option<BlobId>,
    /// The blob id now, where known.
    pub new_id: Option<BlobId>,
}

impl Entry {
    /// Its part of the patch when that is text that a person reads, not encoded data.
    #[must_use]
    pub fn text_patch(&self) -> Option<&str> {
        (self.form == Form::Text).then_some(self.patch.as_str())
    }

    /// Keep the change, leave it out of the patch.
    pub(super) fn leave_out(&mut self) {
        if matches!(self.form, Form::Text | Form::Binary) {
            self.form = Form::Named;
            self.patch.clear();
        }
    }

    /// One half of a change of kind: git deletes the old thing and creates the new one.
    pub(super) fn half(&self, status: Status) -> Self {
        let old = status == Status::Deleted;
        Self {
            status,
            old_mode: self.old_mode.filter(|_| old),
            new_mode: self.new_mode.filter(|_| !old),
            old_id: self.old_id.filter(|_| old),
            new_id: self.new_id.filter(|_| !old),
            patch: String::new(),
            ..self.clone()
        }
    }
}
