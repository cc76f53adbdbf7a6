//! What the project needs from the system, and its installation with apt.

use crate::{Result, cargo};
use std::path::Path;
use std::process::{Command, Stdio};

/// A thing that must be there, and the Debian packages that bring it.
pub(crate) struct Need {
    /// A program's name, looked up on `PATH` and in the `sbin` folders; or an absolute path.
    what: &'static str,
    packages: &'static [&'static str],
}

/// To build pyro, to install environments and to run guests.
pub(crate) const RUN: &[Need] = &[
    // rustc needs a C compiler to link, so xtask would not be running without one; bundled SQLite
    // needs its headers.
    Need { what: "cc", packages: &["gcc", "libc6-dev"] },
    // Together: the two are of one version, and apt would rather remove an older or newer
    // qemu-utils than say so.
    Need { what: "qemu-system-x86_64", packages: &["qemu-system-x86", "qemu-utils"] },
    Need { what: "qemu-img", packages: &["qemu-utils"] },
    Need { what: "mmdebstrap", packages: &["mmdebstrap"] },
    Need { what: "newuidmap", packages: &["uidmap"] },
    Need { what: "mke2fs", packages: &["e2fsprogs"] },
    Need {
        what: "/usr/share/keyrings/debian-archive-keyring.gpg",
        packages: &["debian-archive-keyring"],
    },
    // The smallest Debian 13 has neither.
    Need { what: "gpgv", packages: &["gpgv"] },
    Need { what: "mount", packages: &["mount"] },
];

/// Packages of [`RUN`] that only building takes.
const BUILD: &[&str] = &["gcc", "libc6-dev"];

/// What README tells a user to install, and what a release must be given to run guests.
pub(crate) fn packages() -> Vec<&'static str> {
    let mut packages: Vec<_> = RUN.iter().flat_map(|need| need.packages).copied().collect();
    packages.retain(|package| !BUILD.contains(package));
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// For tests: other people's MCP clients, and a tool that kills a process between two system calls.
pub(crate) const CHECK: &[Need] = &[
    Need { what: "npm", packages: &["npm"] },
    Need { what: "python3", packages: &["python3", "python3-venv"] },
    Need { what: "strace", packages: &["strace"] },
];

/// To build the released executable: the C compiler that bundled SQLite is built with.
pub(crate) const DIST: &[Need] = &[Need { what: "musl-gcc", packages: &["musl-tools"] }];

/// Install what is missing. Quiet: one line that says what is installed, the whole log when it
/// fails.
pub(crate) fn ensure(needs: &[Need]) -> Result {
    let missing: Vec<&Need> = needs.iter().filter(|need| !is_there(need.what)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    packages.dedup();
    let by_hand = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    if find("apt-get").is_none() {
        let names: Vec<&str> = missing.iter().map(|need| need.what).collect();
        return Err(format!("missing: {}; on Debian they come with: {by_hand}", names.join(", ")));
    }
    let Some(privilege) = Privilege::of_this_user() else {
        return Err(format!(
            "packages are missing and this user cannot install them\nhint: as root, {by_hand}"
        ));
    };
    eprintln!("xtask: installing {}", packages.join(" "));
    install(privilege, &packages)
        .map_err(|log| format!("{log}\ncannot install packages; by hand: {by_hand}"))?;
    match needs.iter().find(|need| !is_there(need.what)) {
        None => Ok(()),
        Some(need) => Err(format!(
            "{} is still missing after installing {}",
            need.what,
            need.packages.join(" ")
        )),
    }
}

#[derive(Clone, Copy)]
enum Privilege {
    Root,
    Sudo,
}

impl Privilege {
    fn of_this_user() -> Option<Self> {
        let id = Command::new("id").arg("-u").output().ok()?;
        if id.stdout.trim_ascii() == b"0" {
            Some(Self::Root)
        } else {
            find("sudo").map(|_| Self::Sudo)
        }
    }

    fn apt_get(self) -> Command {
        let mut command = match self {
            Self::Root => Command::new("env"),
            Self::Sudo => {
                let mut sudo = Command::new("sudo");
                sudo.arg("env");
                sudo
            }
        };
        // Another apt on the machine is waited for, two minutes at most.
        command.args([
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-q",
            "-y",
            "-o",
            "DPkg::Lock::Timeout=120",
        ]);
        command
    }
}

/// Both attempts; the error is the log of everything that was tried.
fn install(privilege: Privilege, packages: &[&str]) -> Result {
    let mut log = String::new();
    // A broken source must not keep packages from coming out of a good one: only the installation
    // decides.
    logged(privilege.apt_get().arg("update"), &mut log);
    // Nothing of the user's is removed for pyro's sake.
    let install = ["install", "--no-install-recommends", "--no-remove"];
    let mut plain = privilege.apt_get();
    plain.args(install).args(packages);
    if logged(&mut plain, &mut log) {
        return Ok(());
    }
    // A machine may hold qemu-utils from a source that it no longer has (backports): then apt
    // refuses to put qemu-system-x86 of another version beside it, unless qemu-utils is taken to
    // that version too.
    if packages.contains(&"qemu-system-x86")
        && let Some(version) = candidate("qemu-system-x86")
    {
        let pinned = format!("qemu-utils={version}");
        let mut retry = privilege.apt_get();
        retry.args(install).args(["--allow-downgrades", pinned.as_str()]);
        retry.args(packages.iter().filter(|package| **package != "qemu-utils"));
        if logged(&mut retry, &mut log) {
            return Ok(());
        }
    }
    Err(log)
}

/// Run it, add what it printed to the log; true when it succeeded. Its stdin stays the user's, for
/// sudo.
fn logged(command: &mut Command, log: &mut String) -> bool {
    let line = format!("$ {command:?}\n").replace('"', "");
    log.push_str(&line);
    match command.stdout(Stdio::piped()).stderr(Stdio::piped()).output() {
        Ok(out) => {
            log.push_str(&String::from_utf8_lossy(&out.stdout));
            log.push_str(&String::from_utf8_lossy(&out.stderr));
            out.status.success()
        }
        Err(error) => {
            log.push_str(&format!("cannot start: {error}\n"));
            false
        }
    }
}

/// The version that apt would install.
fn candidate(package: &str) -> Option<String> {
    let out =
        Command::new("apt-cache").args(["policy", package]).env("LC_ALL", "C").output().ok()?;
    parse_candidate(&String::from_utf8_lossy(&out.stdout))
}

fn parse_candidate(policy: &str) -> Option<String> {
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

fn is_there(what: &str) -> bool {
    if what.starts_with('/') { Path::new(what).exists() } else { find(what).is_some() }
}

/// An ordinary user's `PATH` often lacks the `sbin` folders, where `mke2fs` lives.
pub(crate) fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Everything for guests and for the build: packages, and the static Rust target where it can be
/// had.
pub(crate) fn prepare() -> Result {
    ensure(RUN)?;
    if !cargo::ensure_static_target() {
        eprintln!(
            "xtask: {} cannot be had here; the guest's agent is linked statically to glibc",
            cargo::STATIC_TARGET
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{find, is_there, packages, parse_candidate};

    #[test]
    fn the_readme_names_the_packages() {
        // `pyro doctor` is held to the same line, by a test beside its list.
        let readme = include_str!("../../README.md");
        let (_, list) = readme.split_once("From the distribution: `").unwrap();
        let mut told: Vec<&str> = list.split_once('`').unwrap().0.split_whitespace().collect();
        told.sort_unstable();
        assert_eq!(told, packages());
    }

    #[test]
    fn candidate_is_read_from_apts_policy() {
        let policy =
            "qemu-system-x86:\n  Installed: (none)\n  Candidate: 1:7.2+dfsg-7\n  Version table:\n";
        assert_eq!(parse_candidate(policy).as_deref(), Some("1:7.2+dfsg-7"));
        assert_eq!(parse_candidate("x:\n  Installed: (none)\n  Candidate: (none)\n"), None);
        assert_eq!(parse_candidate(""), None);
    }

    #[test]
    fn programs_and_files_are_found() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-at-all").is_none());
        assert!(is_there("/bin/sh") && !is_there("/no/such/file"));
    }
}
