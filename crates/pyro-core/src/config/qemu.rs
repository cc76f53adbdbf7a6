//! `PYRO_QEMU`: which QEMU runs machines, and the libraries that it brings along.

use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// A QEMU on this host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Form")]
pub struct QemuProgram {
    /// The executable.
    pub executable: PathBuf,
    /// Directories of its own libraries, C library and dynamic loader included, as for a QEMU
    /// unpacked from another release's packages. Empty where the host's libraries serve.
    pub libraries: Vec<PathBuf>,
}

/// A QEMU as it is read: older versions wrote the executable alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Alone(PathBuf),
    Whole {
        executable: PathBuf,
        #[serde(default)]
        libraries: Vec<PathBuf>,
    },
}

impl From<Form> for QemuProgram {
    fn from(form: Form) -> Self {
        match form {
            Form::Alone(executable) => executable.into(),
            Form::Whole { executable, libraries } => Self { executable, libraries },
        }
    }
}

impl QemuProgram {
    /// Read `EXECUTABLE` or `EXECUTABLE:DIRECTORY:…`; none where a path is not absolute.
    pub(super) fn parse(value: &OsStr) -> Option<Self> {
        let mut paths = value
            .as_bytes()
            .split(|&byte| byte == b':')
            .map(|path| PathBuf::from(OsStr::from_bytes(path)));
        let executable = paths.next()?;
        let libraries: Vec<PathBuf> = paths.collect();
        let all_absolute = libraries.iter().chain([&executable]).all(|path| path.is_absolute());
        all_absolute.then_some(Self { executable, libraries })
    }

    /// The value of the variable that names this QEMU.
    pub(super) fn variable(&self) -> OsString {
        let paths: Vec<&[u8]> = [&self.executable]
            .into_iter()
            .chain(&self.libraries)
            .map(|path| path.as_os_str().as_bytes())
            .collect();
        OsString::from_vec(paths.join(&b':'))
    }
}

impl From<PathBuf> for QemuProgram {
    fn from(executable: PathBuf) -> Self {
        Self { executable, libraries: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_comes_first_and_its_libraries_follow() {
        let parse = |value: &str| QemuProgram::parse(OsStr::new(value));
        assert_eq!(parse("/q/qemu"), Some(PathBuf::from("/q/qemu").into()));
        let own = parse("/q/bin/qemu:/q/lib:/q/lib64").unwrap();
        assert_eq!(own.libraries, [PathBuf::from("/q/lib"), PathBuf::from("/q/lib64")]);
        assert_eq!(own.variable(), "/q/bin/qemu:/q/lib:/q/lib64");
        for value in ["", "qemu", "/q/qemu:lib", "/q/qemu:"] {
            assert_eq!(parse(value), None, "{value:?}");
        }
    }
}
