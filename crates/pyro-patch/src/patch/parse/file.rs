//! One file of a patch, in git's form or the plain one.

use super::cursor::Cursor;
use super::header::Header;
use super::names::{self, Labels, Raw, one_name};
use super::plain;
use super::reader::Reader;
use super::submodule;
use crate::git::text::printable;
use crate::patch::error::ParseError;
use crate::patch::model::{Body, Change, FilePatch, Hunk, Place};
use pyro_protocol::TreePath;

impl<'a> Reader<'a> {
    /// The next file; none at the end.
    pub(super) fn file(&mut self) -> Result<Option<FilePatch<'a>>, ParseError> {
        while let Some(line) = self.cursor.peek() {
            if line.starts_with(b"diff --git ") {
                let start = self.cursor.line();
                let header = Header::read(&mut self.cursor)?;
                let body_follows = self.cursor.at_plain_file();
                // Such a line in a message is not a header.
                if (header.lines > 0 || body_follows)
                    && let Some(file) = self.git_file(header, start)?
                {
                    return Ok(Some(file));
                }
            } else if self.cursor.at_plain_file() {
                if let Some(file) = self.plain_file()? {
                    return Ok(Some(file));
                }
            } else if line.starts_with(b"@@ -") && super::hunk::is_header(line) {
                return Err(ParseError::NoFile { line: self.cursor.line() });
            } else {
                self.commit_begins |= begins_commit(line);
                if let Some(name) = submodule::logged(line) {
                    self.submodule(name, self.cursor.line())?;
                }
                self.cursor.take();
            }
        }
        Ok(None)
    }

    /// A file in git's form; none when it is a submodule.
    fn git_file(
        &mut self,
        header: Header<'a>,
        line: usize,
    ) -> Result<Option<FilePatch<'a>>, ParseError> {
        let labels =
            if self.cursor.at_labels() { Some(take_labels(&mut self.cursor)) } else { None };
        let change = git_change(&header, labels.as_ref(), line)?;
        let kinds = header.old_mode.zip(header.new_mode);
        if kinds.is_some_and(|(old, new)| !old.same_kind(new)) {
            return Err(ParseError::Header {
                line,
                why: "turns a file into a link or back without deleting it",
            });
        }
        let body =
            if labels.is_some() { self.text(&change)? } else { self.other_body(&header, line)? };
        if header.submodule || matches!(&body, Body::Text(hunks) if submodule::is_bump(hunks)) {
            self.submodule(change.target().as_bytes(), line)?;
            return Ok(None);
        }
        if body == Body::Unchanged
            && matches!(change, Change::Modify { .. })
            && header.new_mode.is_none_or(|mode| Some(mode) == header.old_mode)
        {
            return Err(ParseError::Header { line, why: "has no hunks and changes nothing" });
        }
        Ok(Some(FilePatch {
            line,
            change,
            old_mode: header.old_mode,
            new_mode: header.new_mode,
            body,
        }))
    }

    /// What follows a header without `---` and `+++`.
    fn other_body(&mut self, header: &Header<'_>, line: usize) -> Result<Body<'a>, ParseError> {
        let Some(next) = self.cursor.peek() else { return Ok(Body::Unchanged) };
        if next.starts_with(b"GIT binary patch") {
            self.binary(header).map(Body::Binary)
        } else if next.starts_with(b"Binary files ") || next.starts_with(b"Files ") {
            Err(ParseError::Header {
                line,
                why: "is binary, and the patch only names it (git diff --binary carries it)",
            })
        } else {
            Ok(Body::Unchanged)
        }
    }

    fn text(&mut self, change: &Change) -> Result<Body<'a>, ParseError> {
        let hunks = self.hunks()?;
        let line = hunks.first().map_or(0, |hunk| hunk.line);
        let has = |lines: fn(&Hunk<'a>) -> bool| hunks.iter().any(lines);
        match change {
            Change::Create(_) if has(|hunk| hunk.old_lines().next().is_some()) => {
                Err(ParseError::Header { line, why: "is new, but has lines to remove or keep" })
            }
            Change::Delete(_) if has(|hunk| hunk.new_lines().next().is_some()) => {
                Err(ParseError::Header { line, why: "is deleted, but has lines to add or keep" })
            }
            _ => Ok(Body::Text(hunks)),
        }
    }

    /// A file in the plain form; none when it is a submodule.
    fn plain_file(&mut self) -> Result<Option<FilePatch<'a>>, ParseError> {
        let line = self.cursor.line();
        let labels = take_labels(&mut self.cursor);
        let mut change = plain::change(&labels, line)?;
        let hunks = self.hunks()?;
        if submodule::is_bump(&hunks) {
            self.submodule(change.target().as_bytes(), line)?;
            return Ok(None);
        }
        if let Change::Modify { may_create, .. } = &mut change {
            let at_start = |hunk: &Hunk<'_>| matches!(hunk.place, Place::Line { start: 0, .. });
            *may_create =
                hunks.len() == 1 && at_start(&hunks[0]) && hunks[0].old_lines().next().is_none();
        }
        let wrong = |lines: fn(&Hunk<'a>) -> bool| hunks.iter().any(lines);
        let why = match change {
            Change::Create(_) if wrong(|hunk| hunk.old_lines().next().is_some()) => {
                "is new, but has lines to remove"
            }
            Change::Delete(_) if wrong(|hunk| hunk.new_lines().next().is_some()) => {
                "is deleted, but has lines to add"
            }
            _ => {
                return Ok(Some(FilePatch {
                    line,
                    change,
                    old_mode: None,
                    new_mode: None,
                    body: Body::Text(hunks),
                }));
            }
        };
        Err(ParseError::Header { line, why })
    }
}

/// Whether a line begins a commit in a mail of `git format-patch`, or in `git log -p`.
fn begins_commit(line: &[u8]) -> bool {
    let rest =
        line.strip_prefix(b"From ").or_else(|| line.strip_prefix(b"commit ")).unwrap_or_default();
    let id = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    matches!(id, 40 | 64) && rest.get(id).is_none_or(|byte| byte.is_ascii_whitespace())
}

fn take_labels<'a>(cursor: &mut Cursor<'a>) -> Labels<'a> {
    // Both lines were looked at: they are there and long enough.
    let mut next =
        || names::label(cursor.take().and_then(|line| line.get(4..)).unwrap_or_default());
    let old = next();
    Labels { old, new: next() }
}

/// What a header of git asks for.
fn git_change(
    header: &Header<'_>,
    labels: Option<&Labels<'_>>,
    line: usize,
) -> Result<Change, ParseError> {
    let why = |why| ParseError::Header { line, why };
    let moved =
        |from: &Raw<'_>, to: &Raw<'_>| Ok((names::path(from, line)?, names::path(to, line)?));
    let change = match (&header.rename_from, &header.rename_to, &header.copy_from, &header.copy_to)
    {
        (None, None, None, None) => in_place(header, labels, line)?,
        _ if header.created || header.deleted => {
            return Err(why("is renamed or copied, and created or deleted"));
        }
        (Some(from), Some(to), None, None) => {
            let (from, to) = moved(from, to)?;
            Change::Rename { from, to }
        }
        (None, None, Some(from), Some(to)) => {
            let (from, to) = moved(from, to)?;
            Change::Copy { from, to }
        }
        _ => return Err(why("is renamed or copied, but one name is missing")),
    };
    if change.source() == change.target()
        && matches!(change, Change::Rename { .. } | Change::Copy { .. })
    {
        return Err(why("is renamed or copied to itself"));
    }
    if let Some(labels) = labels {
        verify(&labels.old.0, change.source(), header.created, line)?;
        verify(&labels.new.0, change.target(), header.deleted, line)?;
    }
    Ok(change)
}

/// What a header asks for that moves nothing.
fn in_place(
    header: &Header<'_>,
    labels: Option<&Labels<'_>>,
    line: usize,
) -> Result<Change, ParseError> {
    let why = |why| ParseError::Header { line, why };
    let label = |side: fn(&Labels<'_>) -> Option<Vec<u8>>| labels.and_then(side);
    let old = label(|labels| labels.old.0.as_deref().map(<[u8]>::to_vec));
    let new = label(|labels| labels.new.0.as_deref().map(<[u8]>::to_vec));
    // The first line decides; where it cannot be told apart, the labels do.
    let name = match (&header.names, &old, &new) {
        (Some((old, new)), _, _) => one_name(old, new, line)?,
        (None, Some(old), Some(new)) => one_name(old, new, line)?,
        (None, Some(old), None) => names::old_alone(old).to_vec(),
        (None, None, Some(new)) => names::new_alone(new).to_vec(),
        (None, None, None) => return Err(why("has no name that can be told")),
    };
    let path = names::path(&name, line)?;
    match (header.created, header.deleted) {
        (true, true) => Err(why("is created and deleted")),
        (true, false) => Ok(Change::Create(path)),
        (false, true) => Ok(Change::Delete(path)),
        // git writes the mode lines; others who write `diff --git` may not.
        _ if labels.is_some() && old.is_none() && new.is_some() => Ok(Change::Create(path)),
        _ if labels.is_some() && new.is_none() && old.is_some() => Ok(Change::Delete(path)),
        _ => Ok(Change::Modify { path, may_create: false }),
    }
}

/// A label must name what the header names, or nothing where there is nothing.
fn verify(
    label: &Option<Raw<'_>>,
    path: &TreePath,
    absent: bool,
    line: usize,
) -> Result<(), ParseError> {
    match label {
        Some(name) if !names::means(name, path) => {
            Err(ParseError::TwoNames { line, old: path.to_string(), new: printable(name, 200) })
        }
        Some(_) if absent => Err(ParseError::Header {
            line,
            why: "is created or deleted, but no label is /dev/null",
        }),
        _ => Ok(()),
    }
}
