//! The name of an archive's member, as it stands there.

/// A name from an archive; shown without what could steer a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeName(pub(super) Vec<u8>);

impl From<&[u8]> for TreeName {
    fn from(name: &[u8]) -> Self {
        Self(name.to_vec())
    }
}

impl std::fmt::Display for TreeName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        String::from_utf8_lossy(&self.0).chars().try_for_each(|char| {
            if char.is_control() {
                write!(out, "{}", char.escape_default())
            } else {
                write!(out, "{char}")
            }
        })
    }
}
