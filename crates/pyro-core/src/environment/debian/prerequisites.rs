//! What the host must have so that environments can be installed on it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::error::EnvironmentError;
use super::super::missing_program::MissingProgram;
use crate::config::Config;
use crate::host::program::{self, Program, ProgramError};

/// Debian's archive keys: what packages are verified with.
pub(super) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Not on anybody's PATH; it fetches with apt's own settings.
const APT_HELPER: &str = "/usr/lib/apt/apt-helper";
/// What making namespaces may take on a loaded host.
const NAMESPACE_LIMIT: Duration = Duration::from_secs(20);

/// Programs, or files with an absolute path, that a host must have, and their packages on Debian 12
/// and 13 and Ubuntu 24.04. README and `xtask` name the same packages.
const NEEDS: &[Need] = &[
    Need::always("unshare", "util-linux"),
    Need::always("apt-get", "apt"),
    Need::always("apt-config", "apt"),
    Need::always(APT_HELPER, "apt"),
    Need::always("dpkg-deb", "dpkg"),
    Need::always("qemu-img", "qemu-utils"),
    Need::always("mmdebstrap", "mmdebstrap"),
    Need::always("mke2fs", "e2fsprogs"),
    // Not part of the smallest Debian 13.
    Need::always("mount", "mount"),
    // apt verifies signatures with it, and from 3.0 on (Debian 13) with sqv where that is
    // installed.
    Need { or: Some("sqv"), ..Need::always("gpgv", "gpgv") },
    Need { only_user: true, ..Need::always("newuidmap", "uidmap") },
    Need { only_user: true, ..Need::always("newgidmap", "uidmap") },
    Need::always(KEYRING, "debian-archive-keyring"),
];

/// A program or a file, and the Debian package that has it.
struct Need {
    program: &'static str,
    /// A program that serves as well.
    or: Option<&'static str>,
    package: &'static str,
    /// Whether root does without.
    only_user: bool,
}

impl Need {
    const fn always(program: &'static str, package: &'static str) -> Self {
        Self { program, or: None, package, only_user: false }
    }

    fn find(&self, path: &OsStr) -> Option<PathBuf> {
        let found = |name: &str| match Path::new(name) {
            file if file.is_absolute() => file.exists().then(|| file.to_owned()),
            _ => program::find(path, name),
        };
        found(self.program).or_else(|| found(self.or?))
    }
}

/// The host's programs that installing takes.
#[derive(Clone, Debug)]
pub(in crate::environment) struct Tools {
    /// The user's PATH and the administrators' directories.
    pub(super) path: OsString,
    /// Whether namespaces are made by root.
    pub(super) root: bool,
    pub(super) unshare: PathBuf,
    pub(super) apt_get: PathBuf,
    pub(super) apt_config: PathBuf,
    pub(super) apt_helper: PathBuf,
    pub(in crate::environment) dpkg_deb: PathBuf,
    pub(in crate::environment) qemu_img: PathBuf,
}

impl Tools {
    /// Find all programs.
    ///
    /// # Errors
    /// [`EnvironmentError::MissingPrograms`], with all that are missing at once.
    pub(in crate::environment) fn find(config: &Config) -> Result<Self, EnvironmentError> {
        let root = nix::unistd::geteuid().is_root();
        let mut missing = Vec::new();
        let mut found = BTreeMap::new();
        for need in NEEDS.iter().filter(|need| !root || !need.only_user) {
            match need.find(&config.path) {
                Some(file) => drop(found.insert(need.program, file)),
                None => {
                    missing.push(MissingProgram { program: need.program, package: need.package })
                }
            }
        }
        // Where one is missing nothing is returned.
        let mut take = |program| found.remove(program).unwrap_or_default();
        let tools = Self {
            path: program::with_administrator_dirs(&config.path),
            root,
            unshare: take("unshare"),
            apt_get: take("apt-get"),
            apt_config: take("apt-config"),
            apt_helper: take(APT_HELPER),
            dpkg_deb: take("dpkg-deb"),
            qemu_img: take("qemu-img"),
        };
        if missing.is_empty() {
            Ok(tools)
        } else {
            Err(EnvironmentError::MissingPrograms { missing })
        }
    }

    /// A shell that runs `script` as PID 1 of a PID namespace of its own, with mounts of its own,
    /// and for an ordinary user as root of a user namespace that maps the user's subordinate ids.
    /// When `unshare` dies (it dies with this process) the kernel kills PID 1, with it everything
    /// in the namespace, and the mounts vanish with the last.
    pub(super) fn in_namespaces(&self, name: &str, script: &str) -> Program {
        let user: &[&str] =
            if self.root { &[] } else { &["--user", "--map-root-user", "--map-auto"] };
        Program::new(&self.unshare)
            .called(name)
            .args(user)
            .args([
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "--",
                "/bin/sh",
                "-c",
                script,
                name,
            ])
            .env("PATH", &self.path)
            .env("LC_ALL", "C.UTF-8")
    }

    /// Try whether the host lets this user make the namespaces.
    ///
    /// # Errors
    /// [`EnvironmentError::NoSubordinateIds`] or [`EnvironmentError::NoNamespaces`].
    pub(in crate::environment) async fn try_namespaces(&self) -> Result<(), EnvironmentError> {
        let tried = self.in_namespaces("unshare", "exit 0").run(NAMESPACE_LIMIT, &mut |_| {}).await;
        let Err(source) = tried else { return Ok(()) };
        if !self.root && matches!(source, ProgramError::Failed { .. }) {
            let uid = nix::unistd::geteuid();
            let user = nix::unistd::User::from_uid(uid).ok().flatten();
            let user = user.map_or_else(|| uid.to_string(), |user| user.name);
            let lists = ["/etc/subuid", "/etc/subgid"].map(small_file);
            if !lists.iter().all(|list| has_range(list, &user, uid.as_raw())) {
                return Err(EnvironmentError::NoSubordinateIds { user, free: first_free(&lists) });
            }
        }
        Err(EnvironmentError::NoNamespaces { setting: forbidding(small_file), source })
    }
}

/// What a file of the system holds; nothing where there is none.
fn small_file(path: &str) -> String {
    String::from_utf8_lossy(
        &crate::host::fs::read_bounded(Path::new(path), 1 << 20).unwrap_or_default(),
    )
    .into_owned()
}

/// The kernel's setting that keeps users from making namespaces, and the value that lets them;
/// `read` reads a file.
fn forbidding(read: impl Fn(&str) -> String) -> Option<(&'static str, u8)> {
    let is = |path: &str, value: &str| read(path).trim() == value;
    if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        return Some(("kernel.apparmor_restrict_unprivileged_userns", 0));
    }
    is("/proc/sys/kernel/unprivileged_userns_clone", "0")
        .then_some(("kernel.unprivileged_userns_clone", 1))
}

/// The first id behind every range of lists such as `/etc/subuid`, where `useradd` begins to give
/// them or later.
fn first_free(lists: &[String]) -> u64 {
    let ends = lists.iter().flat_map(|list| list.lines()).filter_map(|line| {
        let mut numbers = line.trim().split(':').skip(1).map(|number| number.parse::<u64>().ok());
        numbers.next()??.checked_add(numbers.next()??)
    });
    ends.chain([100_000]).max().unwrap_or_default()
}

/// Whether a list such as `/etc/subuid` gives the user ids up to 65534, which the group `nogroup`
/// has.
fn has_range(list: &str, user: &str, uid: u32) -> bool {
    let uid = uid.to_string();
    let counts = list.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let name = fields.next()?;
        let count = fields.nth(1)?.parse::<u64>().ok()?;
        (name == user || name == uid).then_some(count)
    });
    counts.sum::<u64>() >= 65534
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What every Debian and Ubuntu has, or they could not install the rest.
    const EVERYWHERE: [&str; 3] = ["util-linux", "apt", "dpkg"];

    #[test]
    fn the_readme_names_the_packages() {
        let readme = include_str!("../../../../../README.md");
        let (_, list) = readme.split_once("From the distribution: `").unwrap();
        let told: BTreeSet<&str> = list.split_once('`').unwrap().0.split_whitespace().collect();
        let ours =
            NEEDS.iter().map(|need| need.package).filter(|package| !EVERYWHERE.contains(package));
        assert_eq!(told, ours.chain(["qemu-system-x86"]).collect());
    }

    #[test]
    fn a_need_is_met_by_what_serves_as_well() {
        let dir = tempfile::tempdir().unwrap();
        let need = Need { or: Some("pyro-other"), ..Need::always("pyro-one", "one") };
        assert_eq!(need.find(dir.path().as_os_str()), None);
        let other = dir.path().join("pyro-other");
        std::os::unix::fs::symlink("/bin/sh", &other).unwrap();
        assert_eq!(need.find(dir.path().as_os_str()), Some(other));
    }

    #[test]
    fn subordinate_ids_are_read_by_name_and_by_number() {
        for (list, expected) in [
            ("", false),
            ("alice:100000:65536", true),
            ("1000:100000:65536\n", true),
            ("bob:100000:65536", false),
            ("alice:100000:1000", false),
            ("alice:100000:32767\nalice:200000:32767", true),
            ("alice:100000", false),
            ("alice:100000:many", false),
        ] {
            assert_eq!(has_range(list, "alice", 1000), expected, "{list:?}");
        }
    }

    #[test]
    fn a_free_range_stands_behind_all_that_are_given() {
        let lists = [
            "alice:100000:65536\nbroken\nbob:many:1\n".to_owned(),
            "alice:165536:1000\n".to_owned(),
        ];
        assert_eq!(first_free(&lists), 166_536);
        assert_eq!(first_free(&[]), 100_000);
    }

    #[test]
    fn the_setting_that_forbids_namespaces_is_named() {
        let with = |name: &'static str, value: &'static str| {
            forbidding(
                move |path| if path.ends_with(name) { value.to_owned() } else { String::new() },
            )
        };
        assert_eq!(with("userns_clone", "0\n"), Some(("kernel.unprivileged_userns_clone", 1)));
        assert_eq!(
            with("restrict_unprivileged_userns", "1\n"),
            Some(("kernel.apparmor_restrict_unprivileged_userns", 0))
        );
        assert_eq!(with("userns_clone", "1\n"), None);
    }
}
