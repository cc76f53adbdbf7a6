//! Cargo and rustc as the project calls them.

use crate::Result;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the guest's agent and the released executable are built for: static, so that they run
/// anywhere.
pub(crate) const STATIC_TARGET: &str = "x86_64-unknown-linux-musl";

/// The profile of `Cargo.toml` that builds in minutes what runs nearly as fast as a release.
pub(crate) const TRIAL_PROFILE: &str = "trial";

/// The root of the work tree that cargo was called in. What was compiled in may be another one:
/// work trees that share a target folder share the xtask in it.
pub(crate) fn root() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest).parent().expect("xtask is a folder of the work tree").to_owned()
}

/// A cargo command in the root, without what the cargo that started xtask said about xtask.
pub(crate) fn cargo<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        }) {
            command.env_remove(name);
        }
    }
    command.args(args).current_dir(root());
    command
}

/// Run to the end with the caller's terminal; the error names `what`.
pub(crate) fn finish(what: &str, command: &mut Command) -> Result {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{what} failed ({status})")),
        Err(error) => Err(format!("cannot start {what}: {error}")),
    }
}

/// True when the program starts and ends with success; its output is dropped.
pub(crate) fn answers(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The folder of one profile's products, such as `target/release`; xtask itself lies in its
/// neighbour.
pub(crate) fn products(profile: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()
        .map_err(|error| format!("cannot tell where xtask lies: {error}"))?;
    let target = own
        .parent()
        .and_then(Path::parent)
        .ok_or_else(|| format!("{} has no folder", own.display()))?;
    Ok(target.join(profile))
}

/// Let rustup add the static target where it is missing; true when it is there afterwards.
pub(crate) fn ensure_static_target() -> bool {
    if has_static_target() {
        return true;
    }
    if crate::system::find("rustup").is_none() {
        return false;
    }
    eprintln!("xtask: adding the Rust target {STATIC_TARGET}");
    let added =
        finish("rustup target add", Command::new("rustup").args(["target", "add", STATIC_TARGET]));
    if let Err(error) = added {
        eprintln!("xtask: {error}");
    }
    has_static_target()
}

fn has_static_target() -> bool {
    let printed = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", STATIC_TARGET])
        .current_dir(root())
        .stderr(Stdio::null())
        .output();
    printed.is_ok_and(|out| {
        out.status.success() && Path::new(String::from_utf8_lossy(&out.stdout).trim()).is_dir()
    })
}
