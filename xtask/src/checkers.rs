//! Other people's programs that tests use, from PyPI and npm, into `target/`: MCP clients and suites,
//! which `pyro mcp serve` is run against, checkers of Python's types, and the frameworks that the
//! examples and the adapters are for.

use crate::{Result, cargo, quietly, system};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// From npm; the suite and the Inspector need a newer Node than Debian 12 has.
const NPM: &[&str] = &[
    "node@24.21.0",
    "@modelcontextprotocol/conformance@0.2.0-alpha.12",
    "@modelcontextprotocol/inspector@2.12.0",
    "pyright@1.1.414",
];

/// From PyPI.
const PYPI: &[&str] = &["mcp==2.3.0", "fastmcp==4.1.2"];

/// From PyPI, for the Python package: what holds its types, and what builds it.
const PYTHON: &[&str] = &["mypy==2.4.1", "maturin==1.16.0"];

/// From PyPI: frameworks with all that they need, one package a line.
const FRAMEWORKS: &str = include_str!("../../python/tests/frameworks/requirements.txt");

/// What installs them: pip takes minutes for so many.
const UV: &str = "uv==0.13.9";

/// Longest installation of the frameworks, in seconds.
const FRAMEWORKS_LIMIT: &str = "600";

/// Install what runs them; what cannot be had is told.
pub(crate) fn packages() {
    if let Err(error) = system::ensure(system::CHECK) {
        eprintln!("xtask: {error}");
    }
}

/// What a wheel that runs on older systems is built with.
const ZIG: &str = "ziglang==0.17.1";

/// The environment with what builds wheels, those for older systems too where they are asked for.
pub(crate) fn wheel_tools(for_older: bool) -> Result<PathBuf> {
    system::ensure(system::CHECK)?;
    ensure();
    let folder = cargo::products("tmp")?.join("checkers").join("python");
    if !folder.exists() {
        return Err("what builds wheels cannot be installed".to_owned());
    }
    if for_older {
        quietly(Command::new(folder.join("bin/pip")).args(["install", "-q", ZIG]))?;
    }
    Ok(folder)
}

/// Install what is not there. What cannot be had is told, and the tests that need it are skipped
/// aloud.
pub(crate) fn ensure() {
    let folder = match cargo::products("tmp") {
        Ok(folder) => folder.join("checkers"),
        Err(error) => return eprintln!("xtask: {error}"),
    };
    for (name, wanted, install) in [
        ("npm", NPM.join("\n"), install_npm as fn(&Path) -> Result),
        ("venv", PYPI.join("\n"), install_pypi),
        ("python", PYTHON.join("\n"), install_python),
        ("frameworks", FRAMEWORKS.to_owned(), install_frameworks),
    ] {
        let folder = folder.join(name);
        let stamp = folder.join("installed");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            continue;
        }
        eprintln!("xtask: installing the checkers in {name}: {}", shown(&wanted));
        if let Err(error) =
            made(&folder).and_then(|()| install(&folder)).and_then(|()| written(&stamp, &wanted))
        {
            // A half is worse than nothing: a test would fail where it should say that it cannot
            // run.
            let _ = fs::remove_dir_all(&folder);
            eprintln!("xtask: the checkers in {name} cannot be installed: {error}");
        }
    }
}

/// The packages, or how many they are.
fn shown(wanted: &str) -> String {
    match wanted.lines().count() {
        ..9 => wanted.replace('\n', " "),
        many => format!("{many} packages"),
    }
}

fn made(folder: &Path) -> Result {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot create {}: {error}", folder.display()))
}

fn written(file: &Path, text: &str) -> Result {
    fs::write(file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))
}

fn install_npm(folder: &Path) -> Result {
    written(&folder.join("package.json"), "{ \"private\": true }\n")?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-fund", "--no-audit", "--loglevel=error"]).args(NPM);
    quietly(npm.current_dir(folder))
}

fn install_pypi(folder: &Path) -> Result {
    install(folder, PYPI)
}

fn install_python(folder: &Path) -> Result {
    install(folder, PYTHON)
}

fn install_frameworks(folder: &Path) -> Result {
    install(folder, &[UV])?;
    let list = folder.join("requirements.txt");
    written(&list, FRAMEWORKS)?;
    let mut uv = Command::new("timeout");
    uv.arg(FRAMEWORKS_LIMIT).arg(folder.join("bin/uv")).args(["pip", "install", "-q", "--python"]);
    // Compiled now, or each test compiles what it imports.
    uv.arg(folder.join("bin/python")).args(["--compile-bytecode", "-r"]).arg(list);
    quietly(&mut uv)
}

/// Install packages of PyPI into a virtual environment of their own.
fn install(folder: &Path, packages: &[&str]) -> Result {
    quietly(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    quietly(Command::new(folder.join("bin/pip")).args(["install", "-q"]).args(packages))
}
