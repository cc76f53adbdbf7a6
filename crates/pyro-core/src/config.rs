//! Settings as values: surfaces read the environment and hand it over, core never does.

mod error;
mod pyro_program;
mod qemu;
mod variables;

pub use error::ConfigError;
pub use pyro_program::PyroProgram;
pub use qemu::QemuProgram;

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use variables::Variables;

/// Seconds of a week.
const WEEK_SECONDS: u32 = 7 * 24 * 3600;

/// Which accelerator a machine uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AccelChoice {
    /// KVM where a measurement shows that it works, TCG otherwise.
    #[default]
    Auto,
    /// KVM, or an error.
    Kvm,
    /// Software emulation.
    Tcg,
}

impl AccelChoice {
    fn parse(value: &OsStr) -> Option<Self> {
        match value.to_str()? {
            "auto" => Some(Self::Auto),
            "kvm" => Some(Self::Kvm),
            "tcg" => Some(Self::Tcg),
            _ => None,
        }
    }
}

/// How much of a command's output its result holds. What is beyond is left out of its middle and
/// kept in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InlineOutput {
    /// So many bytes of text of each stream.
    Each(usize),
    /// So many bytes of both streams together, written as JSON strings.
    Json(usize),
}

impl InlineOutput {
    /// Bytes of each stream where nothing else is asked for.
    pub const EACH: usize = 64 * 1024;
}

impl Default for InlineOutput {
    fn default() -> Self {
        Self::Each(Self::EACH)
    }
}

/// Everything that core needs to know about where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Records and disk layers, mode 0700 (`PYRO_DATA_DIR`, else `$XDG_DATA_HOME/pyro-mcp`, else
    /// `~/.local/share/pyro-mcp`).
    pub data_dir: PathBuf,
    /// Sockets, mode 0700 (`PYRO_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/pyro-mcp`, else `run` in the
    /// data directory).
    pub runtime_dir: PathBuf,
    /// Installed environments (`PYRO_ENVIRONMENT_CACHE_DIR`, else
    /// `~/.cache/pyro-mcp/environments`).
    pub environment_cache_dir: PathBuf,
    /// The `pyro` that is started as a vm's supervisor.
    pub program: PyroProgram,
    /// Accelerator (`PYRO_ACCEL`: `auto`, `kvm`, `tcg`).
    pub accel: AccelChoice,
    /// A kernel of the user's own: a directory with `vmlinux` and `kernel.toml`
    /// (`PYRO_KERNEL_DIR`).
    pub kernel_dir: Option<PathBuf>,
    /// The QEMU that runs machines (`PYRO_QEMU`); the one on `PATH` where it is not set.
    pub qemu: Option<QemuProgram>,
    /// Debian mirror to install environments from (`PYRO_MIRROR`), instead of the one the host's
    /// apt uses.
    pub mirror: Option<String>,
    /// Whether supervisors log to this process's stderr (`PYRO_LOG` is set) instead of a file of
    /// their vm.
    pub trace_supervisors: bool,
    /// Whether vms start from templates (`PYRO_TEMPLATES`: `on`, `off`).
    pub templates: bool,
    /// How many vms may be active at once (`PYRO_MAX_ACTIVE_VMS`); by the host's memory where it is
    /// not set.
    pub max_active_vms: Option<u32>,
    /// How long a workspace whose lifetime is over is kept, stopped, in seconds
    /// (`PYRO_WORKSPACE_RETENTION_SECONDS`); a week where it is not set.
    pub workspace_retention_seconds: u32,
    /// `PATH` as the user has it, to find qemu and the other host programs.
    pub path: OsString,
    /// How much of a command's output its result holds.
    pub inline: InlineOutput,
}

impl Config {
    /// Build from variables; `variable` answers for the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn from_variables(
        program: impl Into<PyroProgram>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let variables = Variables(variable);
        let data_dir = match variables.path("PYRO_DATA_DIR")? {
            Some(path) => path,
            None => variables.path_or_under_home("XDG_DATA_HOME", ".local/share")?.join("pyro-mcp"),
        };
        let paths = (variables.path("PYRO_RUNTIME_DIR")?, variables.path("XDG_RUNTIME_DIR")?);
        let runtime_dir = match paths {
            (Some(path), _) => path,
            (None, Some(path)) if is_own_dir(&path) && variables.set("PYRO_DATA_DIR").is_none() => {
                path.join("pyro-mcp")
            }
            _ => data_dir.join("run"),
        };
        let environment_cache_dir = match variables.path("PYRO_ENVIRONMENT_CACHE_DIR")? {
            Some(path) => path,
            None => variables
                .path_or_under_home("XDG_CACHE_HOME", ".cache")?
                .join("pyro-mcp/environments"),
        };
        let accel = variables.parsed("PYRO_ACCEL", "auto, kvm or tcg", AccelChoice::parse)?;
        let qemu = variables.parsed(
            "PYRO_QEMU",
            "an absolute path, or EXECUTABLE:LIBRARY_DIRECTORY:…",
            QemuProgram::parse,
        )?;
        let templates = variables.parsed("PYRO_TEMPLATES", "on or off", |value| {
            [("on", true), ("off", false)]
                .into_iter()
                .find_map(|(name, templates)| (value == name).then_some(templates))
        })?;
        let max_active_vms =
            variables.parsed("PYRO_MAX_ACTIVE_VMS", "a whole number from 1", |value| {
                value.to_str()?.parse().ok().filter(|max| *max > 0)
            })?;
        let retention = variables.parsed(
            "PYRO_WORKSPACE_RETENTION_SECONDS",
            "a whole number of seconds",
            |value| value.to_str()?.parse().ok(),
        )?;
        Ok(Self {
            data_dir,
            runtime_dir,
            workspace_retention_seconds: retention.unwrap_or(WEEK_SECONDS),
            environment_cache_dir,
            program: program.into(),
            accel: accel.unwrap_or_default(),
            kernel_dir: variables.path("PYRO_KERNEL_DIR")?,
            qemu,
            trace_supervisors: variables.set("PYRO_LOG").is_some(),
            templates: templates.unwrap_or(true),
            max_active_vms,
            mirror: variables.set("PYRO_MIRROR").map(|value| value.to_string_lossy().into_owned()),
            path: variables
                .set("PATH")
                .unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin".into()),
            inline: InlineOutput::default(),
        })
    }

    /// As [`Config::from_variables`], whatever they hold: what cannot be used is named and left
    /// out. Without a home there is no place for files; `/dev/null` stands for it, below which
    /// nothing can be made.
    #[must_use]
    pub fn salvaged(
        program: impl Into<PyroProgram>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> (Self, Vec<ConfigError>) {
        let program = program.into();
        let (mut faults, mut left_out, mut home): (Vec<_>, Vec<&str>, _) =
            (Vec::new(), Vec::new(), None);
        loop {
            let found = Self::from_variables(program.clone(), |name| match (name, &home) {
                ("HOME", Some(home)) => Some(OsString::from(home)),
                _ => variable(name).filter(|_| !left_out.contains(&name)),
            });
            match found {
                Ok(config) => return (config, faults),
                Err(fault) => {
                    match &fault {
                        ConfigError::Invalid { name, .. } if *name != "HOME" => left_out.push(name),
                        _ => home = Some("/dev/null"),
                    }
                    faults.push(fault);
                }
            }
        }
    }

    /// The variables that give another pyro these settings, whatever this process's own say; empty
    /// is unset.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, OsString)> {
        // What is logged, and by which program, is not a setting that is handed on.
        let Self {
            program: _,
            trace_supervisors: _,
            data_dir,
            runtime_dir,
            environment_cache_dir,
            ..
        } = self;
        let Self { accel, kernel_dir, qemu, mirror, templates, max_active_vms, .. } = self;
        let Self { workspace_retention_seconds, path, .. } = self;
        let accel = match accel {
            AccelChoice::Auto => "auto",
            AccelChoice::Kvm => "kvm",
            AccelChoice::Tcg => "tcg",
        };
        vec![
            ("PYRO_DATA_DIR", data_dir.into()),
            ("PYRO_RUNTIME_DIR", runtime_dir.into()),
            ("PYRO_ENVIRONMENT_CACHE_DIR", environment_cache_dir.into()),
            ("PYRO_ACCEL", accel.into()),
            ("PYRO_KERNEL_DIR", kernel_dir.clone().unwrap_or_default().into()),
            ("PYRO_QEMU", qemu.as_ref().map(QemuProgram::variable).unwrap_or_default()),
            ("PYRO_MIRROR", mirror.clone().unwrap_or_default().into()),
            ("PYRO_TEMPLATES", if *templates { "on" } else { "off" }.into()),
            (
                "PYRO_MAX_ACTIVE_VMS",
                max_active_vms.map(|max| max.to_string()).unwrap_or_default().into(),
            ),
            ("PYRO_WORKSPACE_RETENTION_SECONDS", workspace_retention_seconds.to_string().into()),
            ("PATH", path.clone()),
        ]
    }
}

/// Whether a directory is there that belongs to this user: that of another, which a shell after
/// `su` still names, is no place for sockets.
fn is_own_dir(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|there| there.is_dir() && there.uid() == rustix::process::geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_directory_of_another_user_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = |path: &Path| {
            config(&[("HOME", "/home/u"), ("XDG_RUNTIME_DIR", path.to_str().unwrap())])
                .unwrap()
                .runtime_dir
        };
        assert_eq!(runtime(dir.path()), dir.path().join("pyro-mcp"));
        let other = if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(dir.path(), Some(65534), None).unwrap();
            dir.path()
        } else {
            Path::new("/usr")
        };
        assert_eq!(runtime(other), PathBuf::from("/home/u/.local/share/pyro-mcp/run"));
    }

    fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_variables("/usr/bin/pyro", |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn defaults_follow_the_xdg_rules() {
        let config = config(&[("HOME", "/home/u")]).unwrap();
        assert_eq!(config.data_dir, PathBuf::from("/home/u/.local/share/pyro-mcp"));
        assert_eq!(config.runtime_dir, PathBuf::from("/home/u/.local/share/pyro-mcp/run"));
        assert_eq!(
            config.environment_cache_dir,
            PathBuf::from("/home/u/.cache/pyro-mcp/environments")
        );
        assert_eq!(config.accel, AccelChoice::Auto);
    }

    #[test]
    fn settings_survive_the_way_to_another_process() {
        let full = [
            ("PYRO_DATA_DIR", "/d"),
            ("PYRO_RUNTIME_DIR", "/r"),
            ("PYRO_ENVIRONMENT_CACHE_DIR", "/e"),
            ("PYRO_ACCEL", "kvm"),
            ("PYRO_KERNEL_DIR", "/k"),
            ("PYRO_QEMU", "/q/qemu-system-x86_64:/q/lib"),
            ("PYRO_MIRROR", "http://m"),
            ("PYRO_TEMPLATES", "off"),
            ("PYRO_MAX_ACTIVE_VMS", "7"),
            ("PYRO_WORKSPACE_RETENTION_SECONDS", "8"),
            ("PATH", "/p"),
        ];
        for variables in [&full[..], &[("HOME", "/h")]] {
            let ours = config(variables).unwrap();
            let told = ours.variables();
            let find = |name: &str| {
                told.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone())
            };
            assert_eq!(Config::from_variables(ours.program.clone(), find).unwrap(), ours);
        }
    }

    #[test]
    fn what_cannot_be_used_is_left_out_where_something_must_be_said() {
        let salvaged = |variables: &[(&str, &str)]| {
            Config::salvaged("/usr/bin/pyro", |name| {
                variables
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| OsString::from(value))
            })
        };
        let (config, faults) =
            salvaged(&[("PYRO_ACCEL", "foo"), ("PYRO_TEMPLATES", "no"), ("PYRO_KERNEL_DIR", "/k")]);
        let named: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), 3, "{named:?}");
        for name in ["HOME", "PYRO_ACCEL", "PYRO_TEMPLATES"] {
            assert!(named.iter().any(|fault| fault.contains(name)), "{named:?}");
        }
        assert_eq!((config.accel, config.kernel_dir), (AccelChoice::Auto, Some("/k".into())));
        assert!(config.data_dir.starts_with("/dev/null"));
        assert_eq!(salvaged(&[("HOME", "relative")]).1.len(), 1);
        assert_eq!(salvaged(&[("HOME", "/home/u")]).1, []);
    }

    #[test]
    fn a_setting_that_cannot_be_is_named() {
        assert_eq!(config(&[]).unwrap_err(), ConfigError::NoHome);
        for (name, value) in [
            ("PYRO_ACCEL", "xen"),
            ("PYRO_TEMPLATES", "no"),
            ("PYRO_QEMU", "qemu-system-x86_64"),
            ("PYRO_MAX_ACTIVE_VMS", "0"),
            ("PYRO_DATA_DIR", "relative"),
        ] {
            let error = config(&[("HOME", "/h"), (name, value)]).unwrap_err();
            assert!(
                error.to_string().contains(name) && error.to_string().contains(value),
                "{error}"
            );
        }
    }
}
