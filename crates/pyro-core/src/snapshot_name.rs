//! `SnapshotName`: what a user calls a snapshot, parsed at the door.

use std::fmt;

/// What the files of a workspace right after its creation are called.
pub const BASELINE: &str = "baseline";

/// What the present files of a workspace are called where they are compared with a snapshot.
pub const NOW: &str = "now";

/// Most characters of a name.
const MAX_LEN: usize = 64;

/// The name of a snapshot: 1 to 64 letters, digits, `.`, `_` and `-`, the first a letter or a
/// digit; neither `BASELINE` nor `NOW`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotName(String);

/// Why a text is no name of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotNameError {
    /// It has other characters, or too many.
    #[error(
        "the snapshot name {text:?} must match [A-Za-z0-9][A-Za-z0-9._-]{{0,63}}{}",
        if *is_long { ": it has more than 64 characters" } else { "" }
    )]
    Form {
        /// As given, as much of it as is shown.
        text: String,
        /// Whether it is too long.
        is_long: bool,
    },
    /// It names something else already.
    #[error("the snapshot name {0} is reserved")]
    Reserved(&'static str),
}

impl SnapshotName {
    /// A name as given.
    ///
    /// # Errors
    /// [`SnapshotNameError`].
    pub fn parse(text: &str) -> Result<Self, SnapshotNameError> {
        let is_first = |byte: &u8| byte.is_ascii_alphanumeric();
        let is_rest = |byte: &u8| is_first(byte) || matches!(byte, b'.' | b'_' | b'-');
        let is_long = text.chars().count() > MAX_LEN;
        match text.as_bytes() {
            [first, rest @ ..] if !is_long && is_first(first) && rest.iter().all(is_rest) => {}
            _ => {
                let text = text.chars().take(MAX_LEN).collect();
                return Err(SnapshotNameError::Form { text, is_long });
            }
        }
        match [BASELINE, NOW].into_iter().find(|reserved| *reserved == text) {
            Some(reserved) => Err(SnapshotNameError::Reserved(reserved)),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a workspace can go back to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Snapshot {
    /// Its disk right after its creation.
    #[default]
    Baseline,
    /// A snapshot that somebody took.
    Named(SnapshotName),
}

impl Snapshot {
    /// A snapshot as it is asked for.
    ///
    /// # Errors
    /// [`SnapshotNameError::Form`], and [`SnapshotNameError::Reserved`] for `NOW`.
    pub fn parse(text: &str) -> Result<Self, SnapshotNameError> {
        if text == BASELINE {
            return Ok(Self::Baseline);
        }
        SnapshotName::parse(text).map(Self::Named)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Baseline => BASELINE,
            Self::Named(name) => name.as_str(),
        }
    }

    /// `baseline` or `named`, as results tell it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Baseline => BASELINE,
            Self::Named(_) => "named",
        }
    }
}

/// A state of a workspace that is compared with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiffPoint {
    /// Its baseline, or a snapshot.
    Closed(Snapshot),
    /// Its present files.
    Now,
}

impl DiffPoint {
    /// A state as it is asked for.
    ///
    /// # Errors
    /// [`SnapshotNameError::Form`].
    pub fn parse(text: &str) -> Result<Self, SnapshotNameError> {
        if text == NOW {
            return Ok(Self::Now);
        }
        Snapshot::parse(text).map(Self::Closed)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Closed(snapshot) => snapshot.name(),
            Self::Now => NOW,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_none_is_taken_twice() {
        for good in ["a", "A.b_c-1", "0", "before-fix", "baseline2", &"k".repeat(64)] {
            assert_eq!(SnapshotName::parse(good).unwrap().as_str(), good);
            assert_eq!(Snapshot::parse(good).unwrap().kind(), "named");
        }
        for bad in ["", "../x", ".x", "-x", "a b", "a/b", "ä", "a\n", "a\0", "baseline ", "_a"] {
            let error = SnapshotName::parse(bad).unwrap_err();
            assert!(matches!(error, SnapshotNameError::Form { is_long: false, .. }), "{bad:?}");
        }
        let long = SnapshotName::parse(&"k".repeat(300)).unwrap_err().to_string();
        assert!(long.len() < 200 && long.ends_with("more than 64 characters"), "{long}");
        assert_eq!(SnapshotName::parse("baseline"), Err(SnapshotNameError::Reserved("baseline")));
        assert_eq!(SnapshotName::parse("now"), Err(SnapshotNameError::Reserved("now")));
        assert_eq!(Snapshot::parse("baseline"), Ok(Snapshot::Baseline));
        assert_eq!(Snapshot::parse("now"), Err(SnapshotNameError::Reserved("now")));
        assert_eq!(DiffPoint::parse("now"), Ok(DiffPoint::Now));
        assert_eq!(DiffPoint::parse("baseline"), Ok(DiffPoint::Closed(Snapshot::Baseline)));
    }
}
