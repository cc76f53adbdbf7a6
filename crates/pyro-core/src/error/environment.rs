//! The failures of environments, judged.

use super::call::Call;
use super::common::doctor;
use super::{ErrorKind, Hint, OperationId, Parameter, PyroError};
use crate::environment::EnvironmentError;

impl From<EnvironmentError> for PyroError {
    fn from(error: EnvironmentError) -> Self {
        let (kind, hints) = environment(&error);
        Self::judged(kind, error, hints)
    }
}

fn environment(error: &EnvironmentError) -> (ErrorKind, Vec<Hint>) {
    let say = |words: &'static str| vec![Hint::say(words)];
    match error {
        EnvironmentError::Unknown { nearest: Some(nearest), .. } => {
            (ErrorKind::NotFound, vec![Hint::say(format!("did you mean {nearest}?"))])
        }
        EnvironmentError::Unknown { nearest: None, .. } => {
            (ErrorKind::NotFound, vec![Hint::call("", Call::to(OperationId::EnvironmentList))])
        }
        EnvironmentError::NotInstalled { name } => (ErrorKind::NotFound, vec![pull(name)]),
        EnvironmentError::Corrupt { name, .. } => (ErrorKind::Corrupt, vec![pull(name)]),
        EnvironmentError::CorruptKernel { .. } => (ErrorKind::Corrupt, vec![pull("debian:12")]),
        EnvironmentError::MissingPrograms { .. } => {
            let install = format!("sudo apt-get install -y {}", error.packages().join(" "));
            (ErrorKind::Unavailable, vec![Hint::host("", install)])
        }
        EnvironmentError::NoSubordinateIds { user, free } => {
            let range = format!("{free}-{}", free + 65_535);
            let add = format!("sudo usermod --add-subuids {range} --add-subgids {range} {user}");
            (ErrorKind::Unavailable, vec![Hint::host("", add)])
        }
        EnvironmentError::NoNamespaces { setting: Some((setting, value)), .. } => {
            (ErrorKind::Unavailable, vec![Hint::host("", format!("sudo sysctl {setting}={value}"))])
        }
        EnvironmentError::NoNamespaces { setting: None, .. } => (
            ErrorKind::Unavailable,
            say("this may be a container: run pyro outside of it, or as its root"),
        ),
        EnvironmentError::InvalidMirror { .. } => {
            let after = " to an address such as http://deb.debian.org/debian";
            (ErrorKind::InvalidInput, vec![Hint::parameter("set", Parameter::Mirror, after)])
        }
        EnvironmentError::MirrorUnreachable { .. } => {
            let other = Call::to(OperationId::EnvironmentPull)
                .with_open(Parameter::Environment, "ENVIRONMENT")
                .with_open(Parameter::Mirror, "URL");
            (
                ErrorKind::Unavailable,
                vec![Hint::say("try again"), Hint::call("another mirror", other).or()],
            )
        }
        EnvironmentError::TooLittleSpace { .. } | EnvironmentError::DiskFull { .. } => (
            ErrorKind::Io,
            vec![
                Hint::call("free some space", Call::to(OperationId::EnvironmentPrune)),
                Hint::say("set PYRO_ENVIRONMENT_CACHE_DIR to another disk").or(),
            ],
        ),
        EnvironmentError::OwnKernel(_) => {
            (ErrorKind::InvalidInput, say("mend it, or unset PYRO_KERNEL_DIR"))
        }
        EnvironmentError::Lock(_) => {
            (ErrorKind::Busy, say("wait until the other installation is done"))
        }
        EnvironmentError::Build { .. } => {
            (ErrorKind::Io, say("run it again; PYRO_LOG=debug shows every line"))
        }
        EnvironmentError::Kernel(_) | EnvironmentError::Fs(_) => (ErrorKind::Io, vec![doctor("")]),
        EnvironmentError::Interrupted(_) => (ErrorKind::Internal, say("run it again")),
    }
}

/// Install an environment, or install it again.
fn pull(name: &str) -> Hint {
    Hint::call("", Call::to(OperationId::EnvironmentPull).with(Parameter::Environment, name))
}
