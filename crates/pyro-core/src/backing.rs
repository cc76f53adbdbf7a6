//! What the disk of a vm stands on.

use serde::{Deserialize, Serialize};

/// What the disk of a vm, or the lowest layer of a workspace's disk, stands on. Records and
/// messages hold the image's digest, or nothing for a tree of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<ImageDigest>", into = "Option<ImageDigest>")]
pub enum Backing {
    /// The image of an environment: commands run in a guest.
    Image(ImageDigest),
    /// A directory of the host: commands run there, as the caller's user, without a guest.
    HostTree,
}

/// Digest of an environment's image, in hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageDigest(String);

impl Backing {
    /// The digest of the image, where there is one.
    #[must_use]
    pub fn image(&self) -> Option<&ImageDigest> {
        match self {
            Self::Image(digest) => Some(digest),
            Self::HostTree => None,
        }
    }

    /// Whether commands run on the host.
    #[must_use]
    pub fn is_host_tree(&self) -> bool {
        matches!(self, Self::HostTree)
    }
}

impl From<Option<ImageDigest>> for Backing {
    fn from(digest: Option<ImageDigest>) -> Self {
        digest.map_or(Self::HostTree, Self::Image)
    }
}

impl From<Backing> for Option<ImageDigest> {
    fn from(backing: Backing) -> Self {
        match backing {
            Backing::Image(digest) => Some(digest),
            Backing::HostTree => None,
        }
    }
}

impl From<String> for ImageDigest {
    fn from(digest: String) -> Self {
        Self(digest)
    }
}

impl AsRef<str> for ImageDigest {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Backing, ImageDigest};

    #[test]
    fn a_message_holds_a_digest_or_nothing() {
        let image = Backing::Image(ImageDigest::from("00ff".to_owned()));
        for (backing, text) in [(image, "\"00ff\""), (Backing::HostTree, "null")] {
            assert_eq!(serde_json::to_string(&backing).unwrap(), text);
            assert_eq!(serde_json::from_str::<Backing>(text).unwrap(), backing);
        }
    }
}
