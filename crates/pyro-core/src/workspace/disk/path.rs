//! `DiskPath`: a place anywhere on a workspace's disk, parsed where it enters.

use crate::host::terminal::printable;
use crate::workspace::paths::ROOT;
use crate::workspace::place::PlaceError;
use pyro_patch::git::quote;
use pyro_protocol::{GuestPath, TreePath};

/// An absolute path on a disk, without `.` and `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskPath(GuestPath);

impl DiskPath {
    /// Take an absolute path, or one relative to `/workspace`; in quotes as git writes a name that
    /// is no UTF-8. A `..` goes up by what stands before it, whatever is there.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn parse(raw: &[u8]) -> Result<Self, PlaceError> {
        if raw.trim_ascii().is_empty() {
            return Err(PlaceError::Empty);
        }
        match quote::unquote(raw) {
            Some((plain, [])) if raw.starts_with(b"\"") => Self::plain(&plain),
            _ => Self::plain(raw),
        }
    }

    fn plain(raw: &[u8]) -> Result<Self, PlaceError> {
        let root: &[u8] = if raw.starts_with(b"/") { b"" } else { ROOT.as_bytes() };
        let mut names: Vec<&[u8]> = Vec::new();
        for name in root.split(|byte| *byte == b'/').chain(raw.split(|byte| *byte == b'/')) {
            match name {
                b"" | b"." => {}
                b".." => drop(names.pop()),
                name => names.push(name),
            }
        }
        let path = [b"/", &names.join(&b'/')[..]].concat();
        let no_path = || PlaceError::NoPath(printable(raw));
        TreePath::parse(&path[1..]).map_err(|_| no_path())?;
        GuestPath::parse(&path).map(Self).map_err(|_| no_path())
    }

    /// The bytes, beginning with a slash.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// As text; quoted as git quotes it when it is not UTF-8.
    pub(super) fn to_text(&self) -> String {
        quote::text(self.as_bytes())
    }

    /// What is at `below` seen from here, as text.
    pub(super) fn join(&self, below: &TreePath) -> String {
        match (self.as_bytes(), below.as_bytes()) {
            (above, b"") => quote::text(above),
            (b"/", below) => quote::text(&[b"/", below].concat()),
            (above, below) => quote::text(&[above, b"/", below].concat()),
        }
    }

    /// The part of this path that is below `above`; none where it is not.
    pub(super) fn below(&self, above: &Self) -> Option<TreePath> {
        let rest = match above.as_bytes() {
            b"/" => &self.as_bytes()[1..],
            above => self.as_bytes().strip_prefix(above)?.strip_prefix(b"/")?,
        };
        TreePath::parse(rest).ok().filter(|rest| !rest.is_root())
    }
}

#[cfg(test)]
mod tests {
    use super::DiskPath;

    #[test]
    fn paths_are_anywhere_and_normal() {
        for (raw, absolute) in [
            (".", "/workspace"),
            ("a b//c/./d", "/workspace/a b/c/d"),
            ("/etc/../var/lib/", "/var/lib"),
            ("../etc", "/etc"),
            ("../../..", "/"),
            ("/", "/"),
            ("\"/a\\377\"", "\"/a\\377\""),
        ] {
            assert_eq!(DiskPath::parse(raw.as_bytes()).unwrap().to_text(), absolute, "{raw}");
        }
        for raw in ["", " ", "a\0b", &"n".repeat(256), &"n/".repeat(2100)] {
            assert!(DiskPath::parse(raw.as_bytes()).is_err(), "{raw}");
        }
        let path = |raw: &str| DiskPath::parse(raw.as_bytes()).unwrap();
        for (path_, above, below) in [
            ("/etc/a b", "/etc", Some("a b")),
            ("/etc/a", "/", Some("etc/a")),
            ("/etc", "/etc", None),
            ("/etcetera", "/etc", None),
        ] {
            let found = path(path_).below(&path(above));
            assert_eq!(found.as_ref().map(|below| below.to_string()).as_deref(), below, "{path_}");
            if let Some(found) = found {
                assert_eq!(path(above).join(&found), path_);
            }
        }
    }
}
