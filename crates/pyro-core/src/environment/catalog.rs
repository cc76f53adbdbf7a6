//! The environments that pyro knows without being told, and which one a name means.

use super::debian::Debian;
use super::error::EnvironmentError;
use super::reference::{Environment, Origin};

/// The only platform that guests have.
pub const PLATFORM: &str = "linux-x86_64";
/// The catalog changes only with the program.
pub const CATALOG_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Which versions of the program can use the catalog's images.
pub(super) const COMPATIBILITY: &str = ">=3.0.0,<4.0.0";
/// The release of Debian that all of them are built from.
pub(super) const SUITE: &str = "bookworm";

/// How far a mistyped name may be from a known one to be suggested.
const NEAR: f64 = 0.7;

/// An [`Environment`] as it is compiled in; the fields are documented there.
struct Entry {
    name: &'static str,
    version: &'static str,
    description: &'static str,
    default_packages: &'static [&'static str],
    distribution: &'static str,
    distribution_version: &'static str,
    suite: &'static str,
    packages: &'static [&'static str],
    warm: &'static [&'static str],
    needs_mib: u64,
}

/// In the order in which they are listed.
static CATALOG: [Entry; 3] = [
    Entry {
        name: "debian:12",
        version: "1.1.0",
        description: "Debian 12 with Git, curl, ssh and the usual small tools, for everyday agent work",
        default_packages: &[
            "bash",
            "coreutils",
            "git",
            "curl",
            "file",
            "less",
            "openssh-client",
            "patch",
            "procps",
            "xz-utils",
        ],
        distribution: "debian",
        distribution_version: "12",
        suite: SUITE,
        packages: &[
            "bash",
            "coreutils",
            "git",
            "ca-certificates",
            "curl",
            "file",
            "less",
            "openssh-client",
            "patch",
            "procps",
            "xz-utils",
        ],
        warm: &["git --version"],
        needs_mib: 900,
    },
    Entry {
        name: "debian:12-base",
        version: "1.0.0",
        description: "Minimal Debian 12 with a shell and core utilities",
        default_packages: &["bash", "coreutils"],
        distribution: "debian",
        distribution_version: "12",
        suite: SUITE,
        packages: &["bash", "coreutils"],
        warm: &["true"],
        needs_mib: 650,
    },
    Entry {
        name: "debian:12-build",
        version: "1.0.0",
        description: "Debian 12 with Git, a C and C++ compiler, make, CMake and Python 3",
        default_packages: &["bash", "coreutils", "git", "gcc", "make", "cmake", "python3"],
        distribution: "debian",
        distribution_version: "12",
        suite: SUITE,
        // Without recommended packages gcc has no C library to compile against, and CMake asks for
        // a C++ compiler.
        packages: &[
            "bash",
            "coreutils",
            "git",
            "ca-certificates",
            "gcc",
            "g++",
            "libc6-dev",
            "make",
            "cmake",
            "python3",
        ],
        warm: &["git --version"],
        needs_mib: 2000,
    },
];

/// All built-in environments, as they are listed.
#[must_use]
pub fn catalog() -> Vec<Environment> {
    CATALOG.iter().map(Entry::environment).collect()
}

impl Entry {
    fn environment(&self) -> Environment {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Environment {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            description: self.description.to_owned(),
            default_packages: owned(self.default_packages),
            distribution: self.distribution.to_owned(),
            distribution_version: self.distribution_version.to_owned(),
            warm: owned(self.warm),
            needs_mib: self.needs_mib,
            origin: Origin::Debian(Debian {
                suite: self.suite.to_owned(),
                packages: owned(self.packages),
            }),
        }
    }
}

impl Environment {
    /// The environment called `name`.
    ///
    /// # Errors
    /// [`EnvironmentError::Unknown`], with all names and the one that was probably meant.
    pub(crate) fn find(name: &str) -> Result<Self, EnvironmentError> {
        let mut known = catalog();
        if let Some(index) = known.iter().position(|environment| environment.name == name) {
            return Ok(known.swap_remove(index));
        }
        let known: Vec<String> = known.into_iter().map(|environment| environment.name).collect();
        let nearest = nearest(name, &known).cloned();
        Err(EnvironmentError::Unknown { name: name.to_owned(), known, nearest })
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
            let Err(EnvironmentError::Unknown { known, nearest, .. }) = Environment::find(typed)
            else {
                panic!("{typed} is known");
            };
            assert_eq!((known.len(), nearest.as_deref()), (3, meant), "{typed}");
        }
    }
}
