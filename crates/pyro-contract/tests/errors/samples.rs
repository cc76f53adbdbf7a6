//! One error for each way in which errors are judged.

use pyro_core::host_files::FsError;
use pyro_core::testing::tar::TarError;
use pyro_core::testing::{
    Accel, BenchError, ClientError, DiskFault, EngineError, EnvironmentError, Failure, FileError,
    LabelError, MissingProgram, Operation, OutputError, OutputFileError, SecretError, ShellError,
    SourceError, Stage, ThreadError, VmError, WorkspaceChange, WorkspaceError,
};
use pyro_core::{
    ConfigError, GivenSecret, Id, OptionError, OutputName, PlaceError, PyroError, Shape,
    SnapshotName, VmState,
};
use pyro_patch::patch::{ParseError, PatchError};
use pyro_protocol::message::{self, FailureKind};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Parameters of the tool that failed: all that hints name, but for what is the user's alone.
pub(crate) fn parameters() -> Vec<String> {
    let names = pyro_core::hints::Parameter::ALL.iter().map(|parameter| parameter.name());
    names.filter(|name| *name != "keep_git_config").map(str::to_owned).collect()
}

pub(crate) fn all() -> Vec<PyroError> {
    let mut all = settings();
    all.extend(threads().map(PyroError::from));
    all.extend(engines().map(PyroError::from));
    all.extend(environments().map(PyroError::from));
    all.extend(vms().into_iter().chain(stages().map(VmError::Failed)).map(PyroError::from));
    all.extend(guests().map(|error| PyroError::from(VmError::Guest(error))));
    all.extend([BenchError::Busy, BenchError::NothingAgainst].map(PyroError::from));
    all.extend(workspaces().into_iter().map(PyroError::from));
    let of_workspace =
        stages().map(VmError::Failed).into_iter().chain(guests().map(VmError::Guest));
    all.extend(of_workspace.map(|error| PyroError::from(WorkspaceError::Vm(error))));
    all.extend(guests().map(|error| PyroError::from(WorkspaceError::Guest(error))));
    all.extend(files().into_iter().map(|error| PyroError::from(WorkspaceError::File(error))));
    all.extend(shells().map(PyroError::from));
    all.extend(secrets().map(PyroError::from));
    all
}

fn id() -> Id {
    Id::parse("0123456789ab").unwrap()
}

fn snapshot() -> SnapshotName {
    SnapshotName::parse("before-fix").unwrap()
}

fn failed(kind: io::ErrorKind) -> FsError {
    FsError { action: "open", path: "/some/file".into(), source: kind.into() }
}

fn settings() -> Vec<PyroError> {
    let invalid = ConfigError::Invalid {
        name: "PYRO_ACCEL",
        value: "x".into(),
        expected: "auto, kvm or tcg",
    };
    vec![
        ConfigError::NoHome.into(),
        invalid.into(),
        Id::parse("x").unwrap_err().into(),
        OutputName::parse("x").unwrap_err().into(),
        Shape::new(9, 1024, 600).unwrap_err().into(),
        Shape::new(1, 1, 600).unwrap_err().into(),
        OptionError::VariableName { name: "my-var".into() }.into(),
    ]
}

fn threads() -> [ThreadError; 2] {
    let start = ThreadError::Start(io::ErrorKind::WouldBlock.into());
    [start, ThreadError::Panicked("index out of bounds".to_owned())]
}

fn engines() -> [EngineError; 5] {
    [
        EngineError::ProgramMissing { program: "qemu-system-x86_64", package: "qemu-system-x86" },
        EngineError::NotThere { path: "/opt/qemu".into() },
        EngineError::TooOld { version: "6.0".into(), oldest: (7, 2) },
        EngineError::KvmUnusable { reason: "/dev/kvm does not exist".into() },
        EngineError::KernelNeedsOther { kernel: "/kernel".into(), accel: Accel::Kvm },
    ]
}

fn environments() -> [EnvironmentError; 9] {
    let name = || "debian:12".to_owned();
    let missing = vec![MissingProgram { program: "mmdebstrap", package: "mmdebstrap" }];
    [
        EnvironmentError::Unknown {
            name: "debain:12".into(),
            known: vec![name()],
            nearest: Some(name()),
        },
        EnvironmentError::Unknown { name: "x".into(), known: vec![name()], nearest: None },
        EnvironmentError::NotInstalled { name: name() },
        EnvironmentError::Corrupt { name: name(), path: "/image".into() },
        EnvironmentError::MissingPrograms { missing },
        EnvironmentError::NoSubordinateIds { user: "me".into(), free: 100_000 },
        EnvironmentError::InvalidMirror { mirror: "x".into() },
        EnvironmentError::MirrorUnreachable {
            mirror: "http://x".into(),
            reason: "no answer".into(),
        },
        EnvironmentError::DiskFull { name: name(), path: "/cache".into() },
    ]
}

fn vms() -> Vec<VmError> {
    let state = |next| VmError::WrongState {
        id: id(),
        state: VmState::Created,
        operation: Operation::Exec,
        next,
    };
    vec![
        VmError::NoCommand,
        VmError::LongCommand { len: 3, max: 2 },
        VmError::Control(ClientError::Ended),
        VmError::Stuck,
        VmError::TooManyVcpus { max: 2 },
        VmError::NoChoiceOfShell,
        VmError::Unkillable(Duration::from_secs(5)),
        VmError::NoSync(Duration::from_secs(5)),
        VmError::Output(io::ErrorKind::StorageFull.into()),
        VmError::Files(failed(io::ErrorKind::PermissionDenied)),
        VmError::Cancelled,
        VmError::NoSuchVm { id: id() },
        VmError::Expired { id: id(), ttl_seconds: 60 },
        state(Operation::Start),
        state(Operation::Exec),
        state(Operation::Delete),
        VmError::Changing { id: id(), state: VmState::Stopping },
        VmError::InUse { id: id() },
        VmError::TooManyActive { max: 4 },
        VmError::Layer { message: "no space".into(), full: true },
        VmError::Layer { message: "it hangs".into(), full: false },
        VmError::ImageGone { id: id(), environment: "debian:12".into() },
        VmError::Kept(OutputError::Gone {
            name: OutputName::parse("0123456789ab-stdout").unwrap(),
        }),
        VmError::NoNetwork,
    ]
}

fn stages() -> [Failure; 12] {
    [
        Stage::Files,
        Stage::Engine,
        Stage::Boot,
        Stage::Hung,
        Stage::Mount,
        Stage::Killed,
        Stage::Running,
        Stage::HostFull,
        Stage::Expired,
        Stage::Stopped,
        Stage::Stopping,
        Stage::Unknown,
    ]
    .map(|stage| Failure {
        stage,
        message: format!("it was at {stage:?}"),
        causes: vec!["a cause".into()],
        console: String::new(),
    })
}

fn guests() -> [ClientError; 14] {
    let said = |kind| {
        ClientError::Failed(message::Failure { kind, message: format!("the agent says {kind:?}") })
    };
    [
        ClientError::Ended,
        said(FailureKind::InvalidInput),
        said(FailureKind::NotFound),
        said(FailureKind::Denied),
        said(FailureKind::WrongState),
        said(FailureKind::Busy),
        said(FailureKind::Io),
        said(FailureKind::Exists),
        said(FailureKind::Conflict),
        said(FailureKind::Full),
        said(FailureKind::Unsupported),
        said(FailureKind::UnknownUser),
        said(FailureKind::Directory),
        said(FailureKind::Unknown),
    ]
}

fn workspaces() -> Vec<WorkspaceError> {
    let id = id();
    let gone = |resettable| WorkspaceError::LayerGone { id, path: "/layer".into(), resettable };
    vec![
        WorkspaceError::NoBackground { id },
        WorkspaceError::Vm(VmError::NoShells),
        WorkspaceError::Vm(VmError::NoSuchVm { id }),
        WorkspaceError::Vm(VmError::NoChoiceOfShell),
        WorkspaceError::Vm(VmError::Control(ClientError::Ended)),
        WorkspaceError::Vm(VmError::Stuck),
        WorkspaceError::Vm(VmError::ImageGone { id, environment: "debian:12".into() }),
        WorkspaceError::Vm(VmError::Engine(EngineError::ProgramMissing {
            program: "qemu",
            package: "qemu",
        })),
        WorkspaceError::Files(failed(io::ErrorKind::StorageFull)),
        WorkspaceError::Files(failed(io::ErrorKind::PermissionDenied)),
        WorkspaceError::Label(LabelError::Name),
        WorkspaceError::NoSuchWorkspace { id },
        WorkspaceError::NotStarted { id, last_error: None },
        WorkspaceError::EndedMeanwhile { id, why: None },
        WorkspaceError::EndedUnfinished { why: None },
        WorkspaceError::SeedTooLarge { disk_bytes: Some(8 << 30), source: ClientError::Ended },
        WorkspaceError::Changing { id, change: WorkspaceChange::Deleting },
        WorkspaceError::NoDisk { id },
        gone(true),
        gone(false),
        WorkspaceError::NoCommand { id },
        WorkspaceError::NothingToUpdate,
        WorkspaceError::NoFork { id },
        WorkspaceError::DiskOnHost { id },
        WorkspaceError::NotStopped { id },
        WorkspaceError::Ttl(1),
        WorkspaceError::Count(0),
        WorkspaceError::TooDeep { id },
        SnapshotName::parse("../x").unwrap_err().into(),
        WorkspaceError::NoSuchSnapshot { id, name: snapshot(), known: vec!["first".into()] },
        WorkspaceError::SnapshotExists { id, name: snapshot() },
    ]
}

fn shells() -> [ShellError; 7] {
    let (id, shell) = (id(), Id::parse("ba9876543210").unwrap());
    [
        ShellError::NoSuchShell { id, shell },
        ShellError::Ended { id, shell, exit_code: Some(-9) },
        ShellError::TooMany { id },
        ShellError::InputFull { shell, room: 7, len: 9 },
        ShellError::LongInput(300_000),
        ShellError::NoForeground { id, shell },
        ShellError::Signal("STOP".to_owned()),
    ]
}

fn secrets() -> [SecretError; 14] {
    let name = || "API_TOKEN".to_owned();
    let file = |path: &str| GivenSecret::from_file("API_TOKEN", PathBuf::from(path)).unwrap_err();
    [
        SecretError::Name { name: "API-TOKEN".to_owned() },
        SecretError::NoValue,
        SecretError::Twice { name: name() },
        SecretError::Empty { name: name() },
        SecretError::Short { name: name() },
        SecretError::Long { name: name(), len: 70_000 },
        SecretError::TooMany { len: 300_000 },
        SecretError::NoText { name: name() },
        SecretError::NoVariable { name: name(), variable: "HOST_TOKEN".to_owned() },
        file("/nowhere/at/all"),
        file("/"),
        SecretError::Unknown { name: "TOKEN".to_owned(), known: vec![name()] },
        SecretError::OnHost,
        SecretError::Broken,
    ]
}

fn files() -> Vec<FileError> {
    let path = || "/workspace/a b".to_owned();
    vec![
        FileError::Place(PlaceError::Empty),
        FileError::IsRoot,
        FileError::Outside(path()),
        FileError::Links(path()),
        FileError::Nowhere { path: path() },
        FileError::Source(SourceError::Fs(failed(io::ErrorKind::NotFound))),
        FileError::Source(SourceError::Redirected("/host".into())),
        FileError::Source(SourceError::Neither("/host".into())),
        FileError::Source(SourceError::Rules("/host".into())),
        FileError::Source(SourceError::NoRules("/host".into())),
        FileError::Source(SourceError::Changed("a".into())),
        FileError::Source(SourceError::Archive(TarError::Truncated)),
        FileError::EmptyArchive,
        FileError::InTheWay(vec!["a".into()]),
        FileError::NewFile(OutputFileError::Exists { path: "/out".into() }),
        FileError::NewFile(OutputFileError::Full { path: "/out".into() }),
        FileError::NewFile(OutputFileError::Unnamed("/".into())),
        FileError::Archive(TarError::Io(io::ErrorKind::StorageFull.into())),
        FileError::GitRuns { path: path() },
        FileError::IntoGit { path: "/repo/.git".into() },
        FileError::Patch(PatchError::Parse(ParseError::TooLarge { max: 1 })),
        FileError::Patch(PatchError::Parse(ParseError::Nothing)),
        FileError::Patch(PatchError::Parse(ParseError::GitDirectory {
            line: 1,
            name: ".git/config".into(),
        })),
        FileError::NoBaseline { id: id() },
        FileError::TooMany(1),
        FileError::OnDisk(DiskFault::NotFound(b"/a".to_vec())),
        FileError::OnDisk(DiskFault::NotDirectory(b"/a".to_vec())),
        FileError::OnDisk(DiskFault::Directories),
        FileError::OnDisk(DiskFault::Journal),
        FileError::OnDisk(DiskFault::Unreadable("it is larger than the disk".into())),
        FileError::Unwritten { path: "/out".into(), source: io::ErrorKind::StorageFull.into() },
    ]
}
