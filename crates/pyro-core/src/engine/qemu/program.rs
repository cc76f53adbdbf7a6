//! Which QEMU is used and how it is started, with the host's libraries or its own.

use super::abilities::Abilities;
use crate::config::{Config, QemuProgram};
use crate::engine::error::EngineError;
use crate::engine::spec::Accel;
use crate::host::program::{self, Program};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The program that runs machines.
const PROGRAM: &str = "qemu-system-x86_64";

/// The same for KVM alone, without a sandbox of its own.
pub(super) const SMALL_PROGRAM: &str = "qemu-system-x86_64-microvm";

/// The dynamic loader of x86_64 Linux with glibc.
const LOADER: &str = "ld-linux-x86-64.so.2";

/// Find the QEMU that the settings name, else the one on `PATH`.
///
/// # Errors
/// [`EngineError::ProgramMissing`], or [`EngineError::NotThere`] for what the settings name.
pub fn find(config: &Config) -> Result<QemuProgram, EngineError> {
    match &config.qemu {
        None => match program::find(&config.path, PROGRAM) {
            Some(executable) => Ok(executable.into()),
            None => {
                Err(EngineError::ProgramMissing { program: PROGRAM, package: "qemu-system-x86" })
            }
        },
        Some(named) if !program::is_executable(&named.executable) => {
            Err(EngineError::NotThere { path: named.executable.clone() })
        }
        Some(named) if !named.libraries.is_empty() && named.loader().is_none() => {
            Err(EngineError::NotThere { path: named.libraries[0].join(LOADER) })
        }
        Some(named) => Ok(named.clone()),
    }
}

impl QemuProgram {
    /// The program for machines of `accel`: Debian's small build where it is beside this one and
    /// can run them.
    ///
    /// It knows KVM and the microvm machine only, loads 10 libraries instead of 51, starts in half
    /// the time and takes a third of the memory (measured: ARCHITECTURE.md).
    #[must_use]
    pub(crate) fn for_accel(self, accel: Accel, abilities: &Abilities) -> Self {
        let small = self.executable.with_file_name(SMALL_PROGRAM);
        let serves =
            accel == Accel::Kvm && abilities.small_build_serves() && program::is_executable(&small);
        if serves { Self { executable: small, ..self } } else { self }
    }

    /// The loader among its own libraries. The host's may be older than its C library.
    fn loader(&self) -> Option<PathBuf> {
        self.libraries
            .iter()
            .map(|directory| directory.join(LOADER))
            .find(|loader| program::is_executable(loader))
    }

    /// What is executed.
    pub(super) fn file(&self) -> PathBuf {
        self.loader().unwrap_or_else(|| self.executable.clone())
    }

    /// The arguments before those of the machine.
    pub(super) fn leading_args(&self) -> Vec<OsString> {
        if self.loader().is_none() {
            return Vec::new();
        }
        let mut path = OsString::new();
        for (index, directory) in self.libraries.iter().enumerate() {
            path.push(if index == 0 { "" } else { ":" });
            path.push(directory);
        }
        let mut args = vec![
            "--inhibit-cache".into(),
            "--library-path".into(),
            path,
            self.executable.clone().into(),
        ];
        // QEMU looks for these beside what was executed, which is the loader.
        for directory in self.firmware() {
            args.extend(["-L".into(), directory.into()]);
        }
        args
    }

    /// The variables that it is started with.
    pub(super) fn variables(&self) -> Vec<(&'static str, OsString)> {
        self.modules().map(|directory| ("QEMU_MODULE_DIR", directory.into())).into_iter().collect()
    }

    /// What it reads beside its executable where it brings its own libraries.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        if self.libraries.is_empty() {
            return Vec::new();
        }
        self.libraries.iter().cloned().chain(self.firmware()).chain(self.loader()).collect()
    }

    /// Its accelerators and block drivers are modules in Debian's packages.
    fn modules(&self) -> Option<PathBuf> {
        self.libraries
            .iter()
            .map(|directory| directory.join("qemu"))
            .find(|directory| directory.is_dir())
    }

    fn firmware(&self) -> Vec<PathBuf> {
        let share =
            self.executable.parent().and_then(Path::parent).map(|prefix| prefix.join("share"));
        let directories = ["qemu", "seabios", "qemu-efi"]
            .into_iter()
            .filter_map(|name| Some(share.as_ref()?.join(name)));
        directories.filter(|directory| directory.is_dir()).collect()
    }

    /// It, to be asked something.
    pub(crate) fn command(&self, args: &[&str]) -> Program {
        let command =
            Program::new(&self.file()).called(PROGRAM).args(self.leading_args()).args(args);
        self.variables()
            .into_iter()
            .fold(command, |command, (name, value)| command.env(name, value))
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make the files that are to be found")]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(path: PathBuf) -> PathBuf {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn a_qemu_with_its_own_libraries_is_started_by_its_own_loader() {
        let root = tempfile::tempdir().unwrap();
        let usr = root.path().join("usr");
        let executable = file(usr.join("bin").join(PROGRAM));
        let libraries = vec![usr.join("lib"), root.path().join("lib")];
        let plain = QemuProgram::from(executable.clone());
        assert_eq!(
            (plain.file(), plain.leading_args(), plain.files()),
            (executable.clone(), vec![], vec![])
        );
        let loader = file(libraries[1].join(LOADER));
        let firmware = usr.join("share/seabios");
        std::fs::create_dir_all(&firmware).unwrap();
        std::fs::create_dir_all(libraries[0].join("qemu")).unwrap();
        let own = QemuProgram { executable: executable.clone(), libraries: libraries.clone() };
        assert_eq!(own.file(), loader);
        let path = format!("{}:{}", libraries[0].display(), libraries[1].display());
        let args = ["--inhibit-cache", "--library-path", &path, executable.to_str().unwrap(), "-L"];
        let told: Vec<_> =
            own.leading_args().iter().map(|arg| arg.to_str().unwrap().to_owned()).collect();
        assert_eq!(told[..5], args);
        assert_eq!(told[5..], [firmware.to_str().unwrap()]);
        assert_eq!(own.variables(), [("QEMU_MODULE_DIR", libraries[0].join("qemu").into())]);
        assert!(own.files().contains(&loader) && own.files().contains(&firmware));
        let abilities =
            |version: &str| Abilities { version: version.to_owned(), switched_off: Vec::new() };
        let (old, new) = (abilities("5.2.0"), abilities("10.0.13"));
        assert_eq!(own.clone().for_accel(Accel::Kvm, &new), own, "there is no smaller build");
        let small = file(usr.join("bin").join(SMALL_PROGRAM));
        assert_eq!(own.clone().for_accel(Accel::Kvm, &new).executable, small);
        assert_eq!(own.clone().for_accel(Accel::Kvm, &old), own);
        assert_eq!(own.clone().for_accel(Accel::Tcg, &new), own);
    }
}
