//! The Python package: a wheel with the module and the static executable, tried in a clean
//! environment; for a release its sources too.

use crate::cargo::{products, root};
use crate::dist::Profile;
use crate::{Result, checkers, install_page, quietly, through};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How a released module is built: with zig's C library it runs on whatever has glibc 2.17.
const RELEASE: &str = "build-args=--locked --profile release --zig --compatibility manylinux2014";

/// How one that is only tried is built: as the tests are, for this machine.
const TRIAL: &str = "build-args=--locked --profile dev --compatibility off";

/// What a clean installation must do.
const TRY: &str = r#"
import subprocess, sys, sysconfig
from importlib.metadata import entry_points
import pyro_mcp
pyro = sysconfig.get_path("scripts") + "/pyro"
said = subprocess.run([pyro, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
assert said == f"pyro {pyro_mcp.__version__}\n", said
names = [one["name"] for one in pyro_mcp.Pyro().list_environments()]
assert "debian:12" in names, names
points = [one.value for one in entry_points(group="inspect_ai")]
assert points == ["pyro_mcp.inspect_ai"], points
"#;

/// Make the wheel with this executable in `folder`, and say where it is.
pub(crate) fn make(profile: Profile, executable: &Path, folder: &Path) -> Result<PathBuf> {
    let tools = checkers::wheel_tools(profile == Profile::Release)?;
    let made = products("tmp")?.join("wheel");
    let _ = fs::remove_dir_all(&made);
    let mut pip = Command::new(tools.join("bin/pip"));
    pip.args(["wheel", "-q", ".", "--no-deps", "--no-build-isolation", "-w"]).arg(&made);
    pip.args(["-C", if profile == Profile::Release { RELEASE } else { TRIAL }]);
    pip.env("PYRO_WHEEL_EXECUTABLE", executable).env("PATH", path_with(&tools.join("bin")));
    pip.current_dir(root());
    if profile == Profile::Trial {
        // Tests run beside it.
        pip = through(&["nice", "-n", "19"], &pip);
    }
    quietly(&mut pip)?;
    if profile == Profile::Release {
        let mut maturin = Command::new(tools.join("bin/maturin"));
        quietly(maturin.args(["sdist", "--out"]).arg(&made).current_dir(root()))?;
    }
    let mut wheel = None;
    for file in files(&made)? {
        let there = folder.join(file.file_name().unwrap_or_default());
        fs::copy(&file, &there)
            .map_err(|error| format!("cannot write {}: {error}", there.display()))?;
        if there.extension().is_some_and(|end| end == "whl") {
            wheel = Some(there);
        }
    }
    let wheel = wheel.ok_or("pip made no wheel")?;
    installs(&wheel)?;
    Ok(wheel)
}

/// Install the wheel, and nothing else, in a new environment, and use it there.
fn installs(wheel: &Path) -> Result {
    let clean = products("tmp")?.join("wheel-tried");
    let _ = fs::remove_dir_all(&clean);
    let failed = |error| format!("cannot make {}: {error}", clean.display());
    fs::create_dir(&clean).map_err(failed)?;
    fs::copy(wheel, clean.join(wheel.file_name().unwrap_or_default())).map_err(failed)?;
    let mut install = Command::new("bash");
    install.args(["-e", "-c", install_page::wheel()]).current_dir(&clean);
    quietly(install.env_remove("PYTHONPATH").env_remove("PYRO_PROGRAM"))?;
    let mut python = Command::new(clean.join("venv/bin/python"));
    // Not in the work tree, whose package would be found first.
    python.args(["-c", TRY]).current_dir(&clean).env_remove("PYTHONPATH");
    quietly(python.env_remove("PYRO_PROGRAM"))
}

fn path_with(folder: &Path) -> std::ffi::OsString {
    let mut path = folder.as_os_str().to_owned();
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    path
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
}
