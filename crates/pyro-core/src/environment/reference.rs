//! What an environment is.

use super::debian::Debian;

/// An environment that can be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// What a user types, such as `debian:12`.
    pub name: String,
    /// Version of the image's recipe; another version is another image.
    pub version: String,
    /// One line for people.
    pub description: String,
    /// The packages that a user would name.
    pub default_packages: Vec<String>,
    /// Distribution, such as `debian`.
    pub distribution: String,
    /// Release of the distribution.
    pub distribution_version: String,
    /// Where its image comes from.
    pub(super) origin: Origin,
    /// Lines for the guest's shell that read what most commands read; a template holds it in
    /// memory.
    pub(crate) warm: Vec<String>,
    /// Free space that installing takes at its peak: packages, unpacked system, image.
    pub(super) needs_mib: u64,
}

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is built from Debian's packages.
    Debian(Debian),
}

impl Environment {
    /// The packages that it holds beyond the minimal system.
    #[must_use]
    pub fn packages(&self) -> &[String] {
        let Origin::Debian(debian) = &self.origin;
        &debian.packages
    }

    /// Name of the directory that holds it when it is installed.
    pub(super) fn dir_name(&self) -> String {
        format!("{}-{}", self.name.replace(':', "_"), self.version)
    }
}
