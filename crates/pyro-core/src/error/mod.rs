//! `PyroError`: every failure as its users meet it, judged here and nowhere else.

mod workspace;

use crate::bench::BenchError;
use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::environment::EnvironmentError;
use crate::guest::client::ClientError;
use crate::id::IdError;
use crate::store::StoreError;
use crate::vm::VmError;
use crate::vm::control::failure::{Failure, Stage};
use crate::vm::line::OptionError;
use crate::vm::output::OutputError;
use crate::vm::output::name::OutputNameError;
use crate::vm::shape::OutOfRange;
use std::error::Error;
use std::io::ErrorKind::BrokenPipe;

/// What to do about a full disk of the host.
const ROOM: &str = "free some space: pyro env prune, or delete what you need no more (pyro workspace list)";

/// What to do about a guest that does not boot.
const OTHER_ENGINE: &str =
    "see what this host has (pyro doctor), try PYRO_ACCEL=tcg or kvm, or name another QEMU with PYRO_QEMU";

/// Lines of a guest's console that an error shows.
const CONSOLE_LINES: usize = 12;

/// What a caller may branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked for is not valid in itself.
    InvalidInput,
    /// The thing named does not exist.
    NotFound,
    /// It exists already.
    AlreadyExists,
    /// It is not in a state for this.
    WrongState,
    /// Somebody else is at it.
    Busy,
    /// It changed in between.
    Conflict,
    /// This host lacks what it takes, for now.
    Unavailable,
    /// This pyro cannot do it.
    Unsupported,
    /// It took too long.
    Timeout,
    /// The guest failed.
    Guest,
    /// A file of pyro's is not what it was.
    Corrupt,
    /// It was not granted.
    Denied,
    /// The host's files, network or processes failed.
    Io,
    /// A fault of pyro's own.
    Internal,
}

impl ErrorKind {
    /// The name that JSON, MCP and Python use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::WrongState => "wrong_state",
            Self::Busy => "busy",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Unsupported => "unsupported",
            Self::Timeout => "timeout",
            Self::Guest => "guest",
            Self::Corrupt => "corrupt",
            Self::Denied => "denied",
            Self::Io => "io",
            Self::Internal => "internal",
        }
    }
}

/// A failure: what to branch on, what happened, and what to do next.
#[derive(Debug)]
pub struct PyroError {
    kind: ErrorKind,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    closed_output: bool,
}

impl PyroError {
    /// What to branch on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the reader of the command's output went away.
    #[must_use]
    pub fn is_closed_output(&self) -> bool {
        self.closed_output
    }

    /// The causes below the message, outermost first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// What to do next, most often a command to type.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    fn judged(kind: ErrorKind, error: &(dyn Error + 'static), hint: impl Into<Option<String>>) -> Self {
        let causes =
            std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string).collect();
        Self { kind, message: error.to_string(), causes, hint: hint.into(), closed_output: false }
    }
}

impl std::fmt::Display for PyroError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.message)
    }
}

impl Error for PyroError {}

impl From<ConfigError> for PyroError {
    fn from(error: ConfigError) -> Self {
        let hint = match &error {
            ConfigError::NoHome => "export HOME, or PYRO_DATA_DIR and PYRO_ENVIRONMENT_CACHE_DIR".to_owned(),
            ConfigError::Invalid { name, .. } => format!("unset {name}, or set it to {}", expected(&error)),
        };
        Self::judged(ErrorKind::InvalidInput, &error, hint)
    }
}

fn expected(error: &ConfigError) -> &'static str {
    match error {
        ConfigError::Invalid { expected, .. } => expected,
        ConfigError::NoHome => "your home directory",
    }
}

impl From<StoreError> for PyroError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Newer { .. } => {
                Self::judged(ErrorKind::Unsupported, &error, "install the newer pyro".to_owned())
            }
            StoreError::Directory(error) if error.is_full() => Self::judged(ErrorKind::Io, error, ROOM.to_owned()),
            StoreError::Directory(_) => Self::judged(
                ErrorKind::Io,
                &error,
                "point PYRO_DATA_DIR to a directory of your own that you can write to".to_owned(),
            ),
            StoreError::Broken { noun: "workspace", id, .. } => {
                Self::judged(ErrorKind::Corrupt, &error, format!("pyro workspace delete {id}"))
            }
            StoreError::Broken { .. } => {
                Self::judged(ErrorKind::Corrupt, &error, "try again: the broken record is cleared away".to_owned())
            }
            error if error.is_full() => Self::judged(ErrorKind::Io, error, ROOM.to_owned()),
            StoreError::Sql(_) => Self::judged(ErrorKind::Io, &error, "pyro doctor".to_owned()),
        }
    }
}

impl From<EngineError> for PyroError {
    fn from(error: EngineError) -> Self {
        let (kind, hint) = engine(&error, ", or run without a guest with --allow-host-compat");
        Self::judged(kind, &error, hint)
    }
}

/// `otherwise` is what can be done without the program that is missing.
fn engine(error: &EngineError, otherwise: &str) -> (ErrorKind, String) {
    match error {
        EngineError::ProgramMissing { package, .. } => {
            (ErrorKind::Unavailable, format!("sudo apt-get install -y {package}{otherwise}"))
        }
        EngineError::NotThere { .. } => (
            ErrorKind::InvalidInput,
            "unset PYRO_QEMU to use the one on PATH, or set it to EXECUTABLE:LIBRARY_DIRECTORY:…".to_owned(),
        ),
        EngineError::NoAnswer { path, .. } => (
            ErrorKind::Unavailable,
            format!("see what {} --version says; sudo apt-get install -y --reinstall qemu-system-x86", path.display()),
        ),
        EngineError::TooOld { .. } => {
            (ErrorKind::Unavailable, format!("upgrade qemu-system-x86, or name a newer QEMU with PYRO_QEMU{otherwise}"))
        }
        EngineError::KvmUnusable { .. } => (ErrorKind::Unavailable, "PYRO_ACCEL=auto".to_owned()),
        EngineError::KernelNeedsOther { .. } => {
            (ErrorKind::InvalidInput, "set PYRO_ACCEL to what the kernel's kernel.toml names".to_owned())
        }
        EngineError::Start { .. } => (ErrorKind::Io, "pyro doctor".to_owned()),
    }
}

impl From<EnvironmentError> for PyroError {
    fn from(error: EnvironmentError) -> Self {
        let (kind, hint) = environment(&error);
        Self::judged(kind, &error, hint)
    }
}

impl From<VmError> for PyroError {
    fn from(error: VmError) -> Self {
        match error {
            VmError::Environment(error) => error.into(),
            VmError::Engine(error) => error.into(),
            VmError::Store(error) => error.into(),
            VmError::Failed(failure) => failure.into(),
            VmError::OutOfRange(error) => error.into(),
            error => {
                let (kind, hint) = vm(&error);
                let closed_output = matches!(&error, VmError::Output(cause) if cause.kind() == BrokenPipe);
                Self { closed_output, ..Self::judged(kind, &error, hint.map(str::to_owned)) }
            }
        }
    }
}

impl From<BenchError> for PyroError {
    fn from(error: BenchError) -> Self {
        let (kind, hint) = match error {
            BenchError::Vm(error) => return error.into(),
            BenchError::Store(error) => return error.into(),
            BenchError::Busy => (ErrorKind::Busy, Some("wait until it has ended")),
            BenchError::Run(_) => (ErrorKind::Guest, Some("pyro doctor")),
            BenchError::Against { .. } => {
                (ErrorKind::InvalidInput, Some("run the command by itself until it succeeds"))
            }
            BenchError::NothingAgainst => {
                (ErrorKind::InvalidInput, Some("leave --against out, or give it a command for the shell"))
            }
            BenchError::Command { .. } | BenchError::Lost { .. } => (ErrorKind::Guest, Some("pyro doctor")),
            BenchError::Files(_) => (ErrorKind::Io, Some("look at the path, its rights and its disk")),
            BenchError::Results { .. } => (ErrorKind::Corrupt, Some("measure again: cargo xtask bench")),
            BenchError::Cancelled => (ErrorKind::Conflict, None),
        };
        Self::judged(kind, &error, hint.map(str::to_owned))
    }
}

impl From<IdError> for PyroError {
    fn from(error: IdError) -> Self {
        Self::judged(ErrorKind::InvalidInput, &error, "take the id from the result that created it".to_owned())
    }
}

impl From<OutputNameError> for PyroError {
    fn from(error: OutputNameError) -> Self {
        Self::judged(ErrorKind::InvalidInput, &error, "take stdout_file or stderr_file from the result".to_owned())
    }
}

impl From<OutOfRange> for PyroError {
    fn from(error: OutOfRange) -> Self {
        let hint = format!("set --{} to {}", error.name.replace('_', "-"), error.expected);
        Self::judged(ErrorKind::InvalidInput, &error, hint)
    }
}

impl From<OptionError> for PyroError {
    fn from(error: OptionError) -> Self {
        let hint = match error {
            OptionError::Cwd(_) => "give it absolute, in a workspace also below /workspace, without '..'",
            OptionError::VariableName { .. } => {
                "give a name and a value, as in MY_VAR=1; a shell drops what is called otherwise"
            }
            OptionError::VariableValue { .. } => "leave it out: no program can be given one",
            OptionError::LongVariable { .. } | OptionError::Variables(_) => {
                "put what is long into a file, or hand it on through stdin"
            }
            OptionError::Shell { .. } => "use one of these, or leave it out for the user's login shell",
            OptionError::User(_) => "give a name or a number, and a group behind a colon, as in www-data or 1000:1000",
        };
        Self::judged(ErrorKind::InvalidInput, &error, hint.to_owned())
    }
}

fn vm(error: &VmError) -> (ErrorKind, Option<&'static str>) {
    use crate::vm::operation::Operation;
    match error {
        VmError::NoSuchVm { .. } => {
            (ErrorKind::NotFound, Some("create one (vm_create); it may have been used or expired"))
        }
        VmError::Expired { .. } => {
            (ErrorKind::NotFound, Some("create another one (vm_create), with a longer ttl_seconds if it is to last"))
        }
        VmError::WrongState { next: Operation::Start, .. } => {
            (ErrorKind::WrongState, Some("start it first (vm_start)"))
        }
        VmError::WrongState { next: Operation::Exec, .. } => {
            (ErrorKind::WrongState, Some("run the command in it (vm_exec)"))
        }
        VmError::WrongState { .. } => (ErrorKind::WrongState, Some("delete it (vm_delete)")),
        VmError::Changing { .. } => {
            (ErrorKind::Busy, Some("look again in a moment (vm_status), or delete it (vm_delete)"))
        }
        VmError::InUse { .. } => {
            (ErrorKind::Busy, Some("create another vm for this command (vm_create), or use vm_run"))
        }
        VmError::TooManyActive { .. } => {
            (ErrorKind::Busy, Some("wait until one ends, stop or delete one, or set PYRO_MAX_ACTIVE_VMS"))
        }
        VmError::Layer { full: true, .. } => (ErrorKind::Io, Some(ROOM)),
        VmError::Layer { .. } => (ErrorKind::Guest, Some("try again, or stop it first (pyro workspace stop)")),
        VmError::ImageGone { .. } => (ErrorKind::Corrupt, Some("delete the vm (vm_delete) and create another one")),
        VmError::Kept(OutputError::Gone { .. }) => {
            (ErrorKind::NotFound, Some("run the command again; old outputs make room for new ones"))
        }
        VmError::Kept(OutputError::Read { .. }) => (ErrorKind::Io, Some("pyro doctor")),
        VmError::LongCommand { .. } => (ErrorKind::InvalidInput, Some("write a script to a file, and run that")),
        VmError::NoChoiceOfShell => {
            (ErrorKind::Unsupported, Some("leave --shell out, or start the vm again: vm_stop, then vm_start"))
        }
        VmError::NoCommand => (ErrorKind::InvalidInput, Some("pyro run debian:12 -- git --version")),
        VmError::NoNetwork => (ErrorKind::Unsupported, Some("run without --network")),
        VmError::TooManyVcpus { .. } => (ErrorKind::InvalidInput, Some("ask for fewer with --vcpu-count")),
        VmError::Cancelled => (ErrorKind::Conflict, None),
        VmError::NoSync(_) => (ErrorKind::Io, Some("look how busy the host's disk is: pyro doctor")),
        VmError::Unkillable(_) => (ErrorKind::Guest, Some("run it again; the vm is gone")),
        VmError::Control(_) => (ErrorKind::Internal, Some("run it again; what was left is cleared away")),
        VmError::Stuck => (ErrorKind::Internal, Some("pyro doctor")),
        VmError::Guest(ClientError::Failed(failure)) => {
            use pyro_protocol::message::FailureKind;
            match failure.kind {
                FailureKind::InvalidInput => (ErrorKind::InvalidInput, Some("pyro run --help")),
                FailureKind::UnknownUser => (
                    ErrorKind::NotFound,
                    Some("see who is there: pyro run ENVIRONMENT -- getent passwd; or give numbers, as in 1000:1000"),
                ),
                FailureKind::Directory => (
                    ErrorKind::NotFound,
                    Some(
                        "give --cwd a directory that is there and that the user may enter: pyro run ENVIRONMENT -- ls -ld /PATH",
                    ),
                ),
                FailureKind::Unsupported => {
                    (ErrorKind::Unsupported, Some("leave the user out, or run where a guest can be had: pyro doctor"))
                }
                _ => (ErrorKind::Guest, Some("run it again; the vm is gone")),
            }
        }
        VmError::Guest(_) => (ErrorKind::Guest, Some("run it again; the vm is gone")),
        VmError::Output(_) | VmError::Supervisor(_) | VmError::Files(_) | VmError::Leftovers(_) => {
            (ErrorKind::Io, Some("pyro doctor"))
        }
        VmError::Random(_) => (ErrorKind::Io, None),
        VmError::Environment(_)
        | VmError::Engine(_)
        | VmError::Store(_)
        | VmError::Failed(_)
        | VmError::OutOfRange(_) => (ErrorKind::Internal, None),
    }
}

impl From<Failure> for PyroError {
    fn from(failure: Failure) -> Self {
        let (kind, before, hint) = match failure.stage {
            Stage::Files => (ErrorKind::Io, "cannot prepare the vm", "see that there is room (df -h): pyro doctor"),
            Stage::HostFull => (ErrorKind::Io, "the vm ended", ROOM),
            Stage::Engine => (ErrorKind::Unavailable, "cannot start the vm", "pyro doctor"),
            Stage::Boot | Stage::Hung => (ErrorKind::Guest, "the guest did not come up", OTHER_ENGINE),
            Stage::Mount => (ErrorKind::Guest, "the guest cannot use its disk", "pull the environment again"),
            Stage::Killed => {
                (ErrorKind::Guest, "the vm did not start", "try again; where that does not help: pyro doctor")
            }
            Stage::Running => (ErrorKind::Guest, "the vm ended", "run it again, with more --mem-mib if memory ran out"),
            Stage::Stopped => {
                (ErrorKind::WrongState, "the vm ended", "start it again (vm_start), unless it was deleted")
            }
            Stage::Stopping => (ErrorKind::Guest, "the vm did not end in order", "start it again (vm_start)"),
            Stage::Unknown => (ErrorKind::Guest, "the vm ended", "run it again; where that does not help: pyro doctor"),
            Stage::Expired => (ErrorKind::Timeout, "the vm ended", "ask for a longer life with --ttl-seconds"),
        };
        let mut causes = failure.causes;
        if !failure.console.is_empty() {
            causes.push(format!("the guest's console ends with:\n{}", last_lines(&failure.console)));
        }
        Self {
            kind,
            message: format!("{before}: {}", failure.message),
            causes,
            hint: Some(hint.to_owned()),
            closed_output: false,
        }
    }
}

/// The last [`CONSOLE_LINES`] lines of a console.
fn last_lines(console: &str) -> &str {
    let begins = console.rmatch_indices('\n').nth(CONSOLE_LINES - 1).map_or(0, |(at, _)| at + 1);
    &console[begins..]
}

fn environment(error: &EnvironmentError) -> (ErrorKind, Option<String>) {
    let say = |hint: &str| Some(hint.to_owned());
    match error {
        EnvironmentError::Unknown { nearest: Some(nearest), .. } => {
            (ErrorKind::NotFound, Some(format!("did you mean {nearest}?")))
        }
        EnvironmentError::Unknown { nearest: None, .. } => (ErrorKind::NotFound, say("pyro env list")),
        EnvironmentError::NotInstalled { name } => (ErrorKind::NotFound, Some(format!("pyro env pull {name}"))),
        EnvironmentError::Corrupt { name, .. } => (ErrorKind::Corrupt, Some(format!("pyro env pull {name}"))),
        EnvironmentError::CorruptKernel { .. } => (ErrorKind::Corrupt, say("pyro env pull debian:12")),
        EnvironmentError::MissingPrograms { .. } => {
            (ErrorKind::Unavailable, Some(format!("sudo apt-get install -y {}", error.packages().join(" "))))
        }
        EnvironmentError::NoSubordinateIds { user, free } => {
            let range = format!("{free}-{}", free + 65_535);
            (ErrorKind::Unavailable, Some(format!("sudo usermod --add-subuids {range} --add-subgids {range} {user}")))
        }
        EnvironmentError::NoNamespaces { setting: Some((setting, value)), .. } => {
            (ErrorKind::Unavailable, Some(format!("sudo sysctl {setting}={value}")))
        }
        EnvironmentError::NoNamespaces { setting: None, .. } => {
            (ErrorKind::Unavailable, say("this may be a container: run pyro outside of it, or as its root"))
        }
        EnvironmentError::InvalidMirror { .. } => {
            (ErrorKind::InvalidInput, say("pass an address such as --mirror http://deb.debian.org/debian"))
        }
        EnvironmentError::MirrorUnreachable { .. } => {
            (ErrorKind::Unavailable, say("try again, or another mirror: pyro env pull --mirror URL ENVIRONMENT"))
        }
        EnvironmentError::TooLittleSpace { .. } | EnvironmentError::DiskFull { .. } => {
            (ErrorKind::Io, say("free some space (pyro env prune), or set PYRO_ENVIRONMENT_CACHE_DIR to another disk"))
        }
        EnvironmentError::OwnKernel(_) => (ErrorKind::InvalidInput, say("mend it, or unset PYRO_KERNEL_DIR")),
        EnvironmentError::Lock(_) => (ErrorKind::Busy, say("wait until the other installation is done")),
        EnvironmentError::Build { .. } => (ErrorKind::Io, say("run it again; PYRO_LOG=debug shows every line")),
        EnvironmentError::Kernel(_) | EnvironmentError::Fs(_) => (ErrorKind::Io, say("pyro doctor")),
        EnvironmentError::Interrupted(_) => (ErrorKind::Internal, say("run it again")),
    }
}
