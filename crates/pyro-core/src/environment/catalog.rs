//! The environments that pyro knows by name.

use super::error::EnvironmentError;

/// The only platform that guests have.
pub const PLATFORM: &str = "linux-x86_64";
/// The catalog changes only with the program.
pub const CATALOG_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Which versions of the program can use the catalog's images.
pub(super) const COMPATIBILITY: &str = ">=3.0.0,<4.0.0";
/// How far a mistyped name may be from a known one to be suggested.
const NEAR: f64 = 0.7;

/// An environment that can be installed.
#[derive(Debug, PartialEq, Eq)]
pub struct Environment {
    /// What a user types, such as `debian:12`.
    pub name: &'static str,
    /// Version of the image's recipe; another version is another image.
    pub version: &'static str,
    /// One line for people.
    pub description: &'static str,
    /// The packages that a user would name.
    pub default_packages: &'static [&'static str],
    /// Distribution, such as `debian`.
    pub distribution: &'static str,
    /// Release of the distribution.
    pub distribution_version: &'static str,
    /// Debian's name of the release.
    pub(super) suite: &'static str,
    /// What is asked of apt beyond the minimal system.
    pub(super) packages: &'static [&'static str],
    /// Lines for the guest's shell that read what most commands read; a template holds it in memory.
    pub(crate) warm: &'static [&'static str],
    /// Free space that installing takes at its peak: packages, unpacked system, image.
    pub(super) needs_mib: u64,
}

/// All environments, as they are listed.
pub static CATALOG: [Environment; 3] = [
    Environment {
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
        suite: "bookworm",
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
    Environment {
        name: "debian:12-base",
        version: "1.0.0",
        description: "Minimal Debian 12 with a shell and core utilities",
        default_packages: &["bash", "coreutils"],
        distribution: "debian",
        distribution_version: "12",
        suite: "bookworm",
        packages: &["bash", "coreutils"],
        warm: &["true"],
        needs_mib: 650,
    },
    Environment {
        name: "debian:12-build",
        version: "1.0.0",
        description: "Debian 12 with Git, a C and C++ compiler, make, CMake and Python 3",
        default_packages: &["bash", "coreutils", "git", "gcc", "make", "cmake", "python3"],
        distribution: "debian",
        distribution_version: "12",
        suite: "bookworm",
        // Without recommended packages gcc has no C library to compile against, and CMake asks for a C++ compiler.
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

impl Environment {
    /// The environment called `name`.
    ///
    /// # Errors
    /// [`EnvironmentError::Unknown`], with all names and the one that was probably meant.
    pub fn find(name: &str) -> Result<&'static Self, EnvironmentError> {
        CATALOG.iter().find(|entry| entry.name == name).ok_or_else(|| EnvironmentError::Unknown {
            name: name.to_owned(),
            known: CATALOG.iter().map(|entry| entry.name).collect(),
            nearest: nearest(name, CATALOG.iter().map(|entry| entry.name)),
        })
    }

    /// The packages that it holds beyond the minimal system.
    #[must_use]
    pub fn packages(&self) -> &'static [&'static str] {
        self.packages
    }

    /// Name of the directory that holds it when it is installed.
    pub(super) fn dir_name(&self) -> String {
        format!("{}-{}", self.name.replace(':', "_"), self.version)
    }
}

/// The known name that is most like `name`, where one is like it at all.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let scored = known.map(|entry| (strsim::jaro_winkler(&name, entry), entry));
    scored.filter(|(score, _)| *score >= NEAR).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, entry)| entry)
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
            assert_eq!((known.len(), nearest), (3, meant), "{typed}");
        }
    }
}
