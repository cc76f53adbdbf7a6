//! `cargo xtask run ARGS…`: from a machine that has never seen the project to a command in a guest.

use crate::{Result, cargo, system};
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

pub(crate) fn run(args: &[OsString]) -> Result {
    system::prepare()?;
    let pyro = cargo::products(cargo::TRIAL_PROFILE)?.join("pyro");
    // A release build takes four times as long, which a first try does not repay.
    let mut build = cargo::cargo(["build", "--locked", "-p", "pyro-cli"]);
    build.args(["--profile", cargo::TRIAL_PROFILE]);
    if pyro.exists() {
        // The first build takes minutes and shows how far it is; later ones would only stand in the
        // command's way.
        build.arg("--quiet");
    }
    cargo::finish("building pyro", &mut build)?;
    // Replacing xtask hands on signals and the exit status as they are.
    let error = Command::new(&pyro).arg("run").args(args).exec();
    Err(format!("cannot start {}: {error}", pyro.display()))
}
