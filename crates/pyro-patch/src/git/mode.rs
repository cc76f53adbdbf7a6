//! `GitMode`: the three modes that git keeps of what pyro handles.

use serde::{Serialize, Serializer};
use std::fmt;

/// A mode as git writes it: of a file it keeps whether it can be executed, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitMode {
    /// `100644`.
    File,
    /// `100755`.
    Executable,
    /// `120000`.
    Symlink,
}

impl GitMode {
    /// The mode of a regular file with these permission bits.
    #[must_use]
    pub fn of_file(permissions: u32) -> Self {
        if permissions & 0o100 == 0 { Self::File } else { Self::Executable }
    }

    /// The mode that six octal digits stand for; files of older gits (`100664`) count by their
    /// execute bit.
    #[must_use]
    pub fn parse(digits: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(digits).ok().filter(|text| text.len() <= 7)?;
        let bits = u32::from_str_radix(text, 8)
            .ok()
            .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        match bits & 0o170_000 {
            0o100_000 => Some(Self::of_file(bits)),
            0o120_000 => Some(Self::Symlink),
            _ => None,
        }
    }

    /// Whether both are files, or both are links.
    #[must_use]
    pub fn same_kind(self, other: Self) -> bool {
        (self == Self::Symlink) == (other == Self::Symlink)
    }

    /// The permission bits of a new file of this mode.
    #[must_use]
    pub fn new_permissions(self) -> u32 {
        if self == Self::Executable { 0o755 } else { 0o644 }
    }

    /// The permission bits of an existing file that gets this mode: only execute bits change, for
    /// whoever may read.
    #[must_use]
    pub fn changed_permissions(self, present: u32) -> u32 {
        match self {
            Self::Executable if present & 0o100 == 0 => present | ((present & 0o444) >> 2) | 0o100,
            Self::File => present & !0o111,
            _ => present,
        }
    }
}

impl fmt::Display for GitMode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
        })
    }
}

impl Serialize for GitMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::GitMode;

    #[test]
    fn modes_are_read_as_git_reads_them() {
        for (digits, mode) in [
            ("100644", Some(GitMode::File)),
            ("100664", Some(GitMode::File)),
            ("100755", Some(GitMode::Executable)),
            ("100700", Some(GitMode::Executable)),
            ("120000", Some(GitMode::Symlink)),
            ("160000", None),
            ("040000", None),
            ("+10064", None),
            ("", None),
            ("99999999999", None),
        ] {
            assert_eq!(GitMode::parse(digits.as_bytes()), mode, "{digits}");
        }
    }

    #[test]
    fn only_execute_bits_change_and_only_for_readers() {
        assert_eq!(GitMode::Executable.changed_permissions(0o640), 0o750);
        assert_eq!(GitMode::Executable.changed_permissions(0o700), 0o700);
        assert_eq!(GitMode::File.changed_permissions(0o4755), 0o4644);
        assert_eq!(GitMode::File.changed_permissions(0o600), 0o600);
    }
}
