//! `cargo xtask dist`: the archive and the Python package that are published.

use crate::cargo::{self, STATIC_TARGET, cargo, ensure_static_target, finish, products, root};
use crate::{Result, system, through, wheel};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Documents at the root that go along.
const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "contract.toml",
    "docs",
];

/// How much the compiler does for the executable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// All of it, for an archive that is published.
    Release,
    /// Little, for one that is only tried: the same features and the same static target in a
    /// quarter of the time.
    Trial,
}

/// Install what the static executable is built with.
pub(crate) fn prepare() -> Result {
    system::prepare()?;
    system::ensure(system::DIST)?;
    if ensure_static_target() {
        return Ok(());
    }
    Err(format!("the released executable is static: rustup target add {STATIC_TARGET}"))
}

/// Make the archive, and say where it is.
pub(crate) fn dist(profile: Profile) -> Result<PathBuf> {
    prepare()?;
    let (name, dist) = match profile {
        Profile::Release => ("release", root().join("dist")),
        Profile::Trial => (cargo::TRIAL_PROFILE, products("tmp")?.join("dist")),
    };
    let mut build = cargo(["build", "--locked", "-p", "pyro-cli", "--target", STATIC_TARGET]);
    build.args(["--profile", name]);
    if profile == Profile::Trial {
        // Tests run beside it.
        build = through(&["nice", "-n", "19"], build.arg("--quiet"));
    }
    finish("building pyro", &mut build)?;

    // xtask lies in target/debug, so this is target/<triple>/<profile>.
    let pyro = products(STATIC_TARGET)?.join(name).join("pyro");
    let name = format!("pyro-{VERSION}-x86_64-linux");
    let folder = dist.join(&name);
    lay_out(&pyro, &folder)
        .map_err(|error| format!("cannot fill {}: {error}", folder.display()))?;

    let archive = format!("{name}.tar.gz");
    // The same tree gives the same archive: order, owners and times are fixed.
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"]);
    tar.args(["--use-compress-program=gzip -9n", "-cf", archive.as_str(), name.as_str()])
        .current_dir(&dist);
    finish("tar", &mut tar)?;
    let sum = Command::new("sha256sum").arg(&archive).current_dir(&dist).output();
    let sum = sum.map_err(|error| format!("cannot start sha256sum: {error}"))?;
    if !sum.status.success() {
        return Err(format!("sha256sum failed ({})", sum.status));
    }
    fs::write(dist.join(format!("{archive}.sha256")), sum.stdout)
        .map_err(|error| format!("cannot write the checksum: {error}"))?;
    wheel::make(profile, &pyro, &dist)?;
    Ok(dist.join(archive))
}

fn lay_out(pyro: &Path, folder: &Path) -> std::io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    for sub in ["completions", "man"] {
        fs::create_dir_all(folder.join(sub))?;
    }
    fs::copy(pyro, folder.join("pyro"))?;
    for document in DOCUMENTS {
        copy(&root().join(document), &folder.join(document))?;
    }
    for (shell, file) in [("bash", "pyro.bash"), ("zsh", "_pyro"), ("fish", "pyro.fish")] {
        fs::write(folder.join("completions").join(file), printed(pyro, &["completions", shell])?)?;
    }
    let man = Command::new(pyro).arg("man").arg(folder.join("man")).status()?;
    if man.success() {
        Ok(())
    } else {
        Err(std::io::Error::other(format!("pyro man failed ({man})")))
    }
}

/// Copy a file, or a folder with all that it holds.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// What pyro prints for these arguments; nothing printed is an error.
fn printed(pyro: &Path, args: &[&str]) -> std::io::Result<Vec<u8>> {
    let out = Command::new(pyro).args(args).output()?;
    if out.status.success() && !out.stdout.is_empty() {
        return Ok(out.stdout);
    }
    Err(std::io::Error::other(format!("pyro {} printed nothing ({})", args.join(" "), out.status)))
}
