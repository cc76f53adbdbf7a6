//! What an environment is, and which one a name means.

use super::catalog::catalog;
use super::debian::Debian;
use super::error::EnvironmentError;

/// How far a mistyped name may be from a known one to be suggested.
const NEAR: f64 = 0.7;

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
    /// Lines for the guest's shell that read what most commands read; a template holds it in memory.
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
    /// The environment called `name`.
    ///
    /// # Errors
    /// [`EnvironmentError::Unknown`], with all names and the one that was probably meant.
    pub fn find(name: &str) -> Result<Self, EnvironmentError> {
        let mut known = catalog();
        if let Some(index) = known.iter().position(|environment| environment.name == name) {
            return Ok(known.swap_remove(index));
        }
        let known: Vec<String> = known.into_iter().map(|environment| environment.name).collect();
        let nearest = nearest(name, &known).cloned();
        Err(EnvironmentError::Unknown { name: name.to_owned(), known, nearest })
    }

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

/// The known name that is most like `name`, where one is like it at all.
fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a String> {
    let name = name.to_lowercase();
    let scored = known.iter().map(|entry| (strsim::jaro_winkler(&name, entry), entry));
    let near = scored.filter(|(score, _)| *score >= NEAR);
    near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, entry)| entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_found_and_others_get_a_suggestion() {
        assert_eq!(Environment::find("debian:12").unwrap().dir_name(), "debian_12-1.1.0");
        for (typed, meant) in [
            ("debian12", Some("debian:12")),
            ("Debian:12", Some("debian:12")),
            ("debian:12-bulid", Some("debian:12-build")),
            ("debian-base", Some("debian:12-base")),
            ("windows", None),
            ("", None),
        ] {
            let Err(EnvironmentError::Unknown { known, nearest, .. }) = Environment::find(typed) else {
                panic!("{typed} is known");
            };
            assert_eq!((known.len(), nearest.as_deref()), (3, meant), "{typed}");
        }
    }
}
