//! The published archive on other releases of Debian: it is made, unpacked in a chroot, and runs a
//! guest there as README says.
//!
//! Everything happens in namespaces that end with this process, so nothing stays mounted, whatever
//! fails.

use crate::check::Findings;
use crate::dist::{self, Profile};
use crate::{Result, cargo, install_page, qemus, quietly, system};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A release to try the archive on.
struct Release {
    suite: &'static str,
    name: &'static str,
    /// Whether the environment is installed in the chroot, as a newcomer does it; otherwise that of
    /// the tests is used.
    installs: bool,
}

const RELEASES: &[Release] = &[
    Release { suite: "trixie", name: "Debian 13", installs: true },
    // The oldest QEMU that serves, 5.2; its mmdebstrap is older than what is asked of it.
    Release { suite: "bullseye", name: "Debian 11", installs: false },
];

/// What runs in the namespaces: `$1` is the chroot, `$2` a folder with the archive, `$3` the tests'
/// environments or nothing, `$4` what to do in the chroot.
const ENTER: &str = r#"set -e
# A root that is no mount point would keep pyro from making mounts of its own.
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/tmp"
mkdir -p "$1/tmp/archive"
mount --bind "$2" "$1/tmp/archive"
if [ -n "$3" ]; then mkdir -p "$1$3"; mount --bind "$3" "$1$3"; export PYRO_ENVIRONMENT_CACHE_DIR="$3"; fi
cp -f /etc/resolv.conf "$1/etc/resolv.conf" 2>/dev/null || true
export HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
# Longer than an installation and two guests take under emulation.
exec timeout -k 10 1200 chroot "$1" /bin/sh -c "$4"
"#;

/// What begins it: the archive lies where a user has downloaded it to.
const DOWNLOADED: &str = "set -e
cd /tmp
cp archive/pyro-*.tar.gz .
";

/// What README tells to do, once `docs/install.md` was followed.
const STEPS: &str = r#"
./pyro doctor --quick
test "$(./pyro run debian:12 -- 'git --version; echo $((6 * 7))' | tail -n 1)" = 42
./pyro doctor | tee /tmp/doctor
tail -n 1 /tmp/doctor | grep -qx 'Guests can run on this host.'
"#;

/// A release and its minimal system, or why there is none.
pub(crate) struct Chroot {
    release: &'static Release,
    root: Result<PathBuf>,
}

/// Make what is not there yet.
pub(crate) fn make() -> Vec<Chroot> {
    RELEASES.iter().map(|release| Chroot { release, root: chroot(release.suite) }).collect()
}

/// Try the archive in each; what cannot be had here is skipped aloud.
pub(crate) fn test(chroots: &[Chroot]) -> Findings {
    let mut findings = Findings::default();
    if let Err(error) = dist::prepare() {
        findings.skipped.push(format!("the archive on other releases: {error}"));
        return findings;
    }
    let archive = match dist::dist(Profile::Trial) {
        Ok(archive) => archive,
        Err(error) => {
            findings.failed.push(format!("cargo xtask dist: {error}"));
            return findings;
        }
    };
    for Chroot { release, root } in chroots {
        let name = release.name;
        match root {
            Err(error) => {
                findings.skipped.push(format!("the archive on {name}: no chroot: {error}"))
            }
            Ok(root) => match runs(release, root, &archive) {
                Ok(()) => println!("the archive runs a guest on {name}"),
                Err(error) => findings.failed.push(format!("the archive on {name}: {error}")),
            },
        }
    }
    findings
}

fn runs(release: &Release, root: &Path, archive: &Path) -> Result {
    let folder = archive.parent().ok_or("the archive has no folder")?;
    let environments = cargo::products("tmp")?.join("environments");
    if !release.installs && !environments.is_dir() {
        return Err(format!("no environment is installed in {}", environments.display()));
    }
    let mut command = in_namespaces();
    command.args(["sh", "-c", ENTER, "sh"]).arg(root).arg(folder);
    command.arg(if release.installs { Path::new("") } else { &environments });
    command.arg([DOWNLOADED, install_page::archive(), STEPS].concat());
    for name in [
        "PYRO_QEMU",
        "PYRO_ACCEL",
        "PYRO_KERNEL_DIR",
        "PYRO_DATA_DIR",
        "PYRO_RUNTIME_DIR",
        "XDG_RUNTIME_DIR",
    ] {
        command.env_remove(name);
    }
    quietly(&mut command)
}

/// A command in mounts and processes of its own: the kernel ends both with the first of them, and
/// that one with this process.
fn in_namespaces() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare"]);
    if !is_root() {
        command.args(["--user", "--map-root-user", "--map-auto"]);
    }
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--"]);
    command
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

/// A minimal system of this release with the packages that README names, made where it is not there
/// yet.
fn chroot(suite: &str) -> Result<PathBuf> {
    let folder = cargo::products("tmp")?.join("chroots");
    let (root, packages) = (folder.join(suite), system::packages().join(","));
    // Beside it, since an ordinary user may not look into all of what belongs to the ids of a
    // namespace.
    let stamp = folder.join(format!("{suite}.packages"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == packages) {
        return Ok(root);
    }
    let failed = |error: std::io::Error| format!("cannot fill {}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    if !cargo::answers(in_namespaces().arg("true").stdin(Stdio::null())) {
        return Err("this user cannot make namespaces".to_owned());
    }
    if root.exists() {
        quietly(in_namespaces().args(["rm", "-rf", "--one-file-system"]).arg(&root))?;
    }
    eprintln!("xtask: installing a minimal {suite} into {}", root.display());
    let mut make = Command::new("mmdebstrap");
    make.args([
        "--variant=apt",
        "--format=directory",
        "--dpkgopt=force-unsafe-io",
        "--aptopt=Acquire::Check-Valid-Until \"false\"",
    ]);
    make.arg(format!("--include={packages}")).arg(suite).arg(&root).args(qemus::mirror());
    quietly(&mut make)?;
    fs::write(&stamp, packages).map_err(failed)?;
    Ok(root)
}

#[cfg(test)]
mod tests {
    use super::in_namespaces;

    #[test]
    fn what_is_mounted_ends_with_the_namespaces() {
        let folder = std::env::temp_dir().join(format!("pyro-xtask-mount-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mounted = in_namespaces().args(["mount", "-t", "tmpfs", "tmpfs"]).arg(&folder).output();
        // Where namespaces are forbidden there is nothing to hold.
        if mounted.is_ok_and(|out| out.status.success()) {
            let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
            assert!(!mounts.contains(folder.to_str().unwrap()), "{mounts}");
        }
        std::fs::remove_dir(&folder).unwrap();
    }
}
