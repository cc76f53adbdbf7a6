//! `GitDir`: where the `.git` of a directory on the host leads.

use crate::host::fs::canonical;
use crate::host::path::HostPath;
use pyro_patch::git::config;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Longest file that points somewhere, in bytes.
const POINTER_LEN: u64 = 8192;

/// Longest file of settings, in bytes.
const SETTINGS_LEN: u64 = 1 << 20;

/// A repository on the host.
#[derive(Clone, Debug)]
pub struct GitDir {
    /// What one working tree has for itself: `HEAD`, `index`.
    pub own: HostPath,
    /// What all working trees share: `objects`, `refs`, `config`. The same, unless it is a linked
    /// worktree.
    pub common: HostPath,
    /// Whether `.git` is a file or a link that names another directory by an absolute path, which
    /// no other machine has.
    pub is_absolute: bool,
}

/// A `.git` that leads to no repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitDirError {
    /// It leads out of what the caller may read.
    #[error("{}/.git points to {}, which this server may not read", at.display(), to.display())]
    NotGranted {
        /// Directory that holds the `.git` file or link.
        at: PathBuf,
        /// Git directory that it points to.
        to: PathBuf,
    },
    /// Nothing is there that git would use.
    #[error("{}/.git points to {}, where there is no repository", at.display(), to.display())]
    Nowhere {
        /// Directory that holds the `.git` file or link.
        at: PathBuf,
        /// Git directory that it points to.
        to: PathBuf,
    },
}

impl GitDir {
    /// The repository of the working tree at `at`; none where git would see none. Blocking.
    ///
    /// # Errors
    /// [`GitDirError`] for a `.git` that names a directory which cannot be used.
    pub fn find(at: &HostPath) -> Result<Option<Self>, GitDirError> {
        let dot = at.join(OsStr::new(".git"));
        let Some(kind) = dot.kind() else { return Ok(None) };
        let target = if kind.is_symlink() {
            dot.link_target()
        } else if kind.is_file() {
            dot.read_regular(POINTER_LEN, false).as_deref().and_then(pointer)
        } else {
            return Ok(is_repository(&dot, &dot).then(|| Self {
                own: dot.clone(),
                common: dot,
                is_absolute: false,
            }));
        };
        let Some(target) = target else { return Ok(None) };
        let is_absolute = target.is_absolute();
        let to = at.as_path().join(target);
        let not_granted =
            |to: &Path| GitDirError::NotGranted { at: at.as_path().into(), to: to.into() };
        let own = at.reach(&to).ok_or_else(|| not_granted(&to))?;
        let common = match own.join(OsStr::new("commondir")).read_regular(POINTER_LEN, true) {
            Some(text) => {
                let to = own.as_path().join(OsStr::from_bytes(line(&text)));
                at.reach(&to).ok_or_else(|| not_granted(&to))?
            }
            None => own.clone(),
        };
        if !is_repository(&own, &common) {
            return Err(GitDirError::Nowhere { at: at.as_path().into(), to });
        }
        Ok(Some(Self { own, common, is_absolute }))
    }

    /// Whether the repository itself names the working tree at `at`: then whoever wrote its `.git`
    /// chose no other one. Blocking.
    #[must_use]
    pub fn points_back(&self, at: &HostPath) -> bool {
        let at = canonical(at.as_path());
        let leads_to = |path: &[u8]| canonical(&self.own.as_path().join(OsStr::from_bytes(path)));
        if self.own != self.common {
            let is_of_common =
                self.own.as_path().parent() == Some(&self.common.as_path().join("worktrees"));
            let text = self
                .own
                .join(OsStr::new("gitdir"))
                .read_regular(POINTER_LEN, false)
                .unwrap_or_default();
            let above = line(&text).strip_suffix(b"/.git");
            return is_of_common && above.is_some_and(|above| leads_to(above) == at);
        }
        // That of a submodule.
        ["config.worktree", "config"].iter().any(|name| {
            let text = self.own.join(OsStr::new(name)).read_regular(SETTINGS_LEN, false);
            let settings = text.as_deref().and_then(config::parse).unwrap_or_default();
            let told = settings.iter().rfind(|setting| setting.is("core", "worktree"));
            told.and_then(|setting| setting.value.as_deref())
                .is_some_and(|path| leads_to(path) == at)
        })
    }
}

/// As git decides it, but for what `HEAD` holds.
fn is_repository(own: &HostPath, common: &HostPath) -> bool {
    let is_dir = |name: &str| {
        common.join(OsStr::new(name)).canonical().kind().is_some_and(|kind| kind.is_dir())
    };
    own.join(OsStr::new("HEAD")).kind().is_some() && is_dir("objects") && is_dir("refs")
}

/// What a `.git` file names.
fn pointer(text: &[u8]) -> Option<PathBuf> {
    let path = line(text.strip_prefix(b"gitdir: ")?);
    (!path.is_empty() && !path.contains(&0)).then(|| PathBuf::from(OsStr::from_bytes(path)))
}

/// The text without the end of its last line.
fn line(text: &[u8]) -> &[u8] {
    let end =
        text.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_read_as_git_reads_it() {
        for (text, path) in [
            (&b"gitdir: ../a b\n"[..], Some("../a b")),
            (b"gitdir: /x\r\n\n", Some("/x")),
            (b"gitdir: \n", None),
            (b"gitdir:/x", None),
            (b"ref: x", None),
            (b"gitdir: a\0b", None),
        ] {
            assert_eq!(pointer(text), path.map(PathBuf::from));
        }
    }
}
