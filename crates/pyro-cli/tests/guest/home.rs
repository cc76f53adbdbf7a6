//! A home of its own for each test, and the assertion that nothing is left of it.

use crate::skip::skip;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The executable under test.
pub const PYRO: &str = env!("CARGO_BIN_EXE_pyro");

/// Longer than the product itself waits for anything, on however slow a host.
pub const LIMIT: Duration = Duration::from_secs(120);

/// The environment that the tests run in.
pub const ENVIRONMENT: &str = "debian:12";

/// What stands for the accelerator where there is none.
const HOST: &str = "host";

fn directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("pyro-test-").tempdir().unwrap()
}

/// A data directory of its own; environments are shared by all tests, as they are by all of a
/// user's processes.
pub struct Home {
    directory: tempfile::TempDir,
    accel: &'static str,
    kernel_dir: Option<PathBuf>,
}

impl Home {
    /// Guests under software emulation.
    pub fn tcg() -> Self {
        Self::new("tcg", None)
    }

    /// Guests on KVM with the laboratory kernel; none where this machine has neither.
    pub fn kvm() -> Option<Self> {
        let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/kvm-lab");
        if std::fs::File::options().read(true).write(true).open("/dev/kvm").is_err() {
            skip("/dev/kvm does not open");
            return None;
        }
        let Ok(lab) = lab.canonicalize() else {
            skip("there is no laboratory kernel in ../shared/kvm-lab");
            return None;
        };
        Some(Self::new("kvm", Some(lab)))
    }

    /// No guests: no directory of PATH has QEMU. It has all other programs, since a login shell may
    /// look for them.
    pub fn host() -> Self {
        let home = Self { directory: directory(), accel: HOST, kernel_dir: None };
        let programs = home.path().join("bin");
        std::fs::create_dir(&programs).unwrap();
        for program in std::fs::read_dir("/usr/bin").unwrap().flatten() {
            if !program.file_name().to_string_lossy().starts_with("qemu") {
                std::os::unix::fs::symlink(program.path(), programs.join(program.file_name()))
                    .unwrap();
            }
        }
        home
    }

    fn new(accel: &'static str, kernel_dir: Option<PathBuf>) -> Self {
        install();
        Self { directory: directory(), accel, kernel_dir }
    }

    /// Whether it can run no guest.
    pub fn is_host(&self) -> bool {
        self.accel == HOST
    }

    /// The mode that results tell.
    pub fn mode(&self) -> String {
        if self.is_host() { "host_compat".to_owned() } else { format!("guest_{}", self.accel) }
    }

    /// What a command needs to run here.
    pub fn allowed(&self) -> &'static [&'static str] {
        if self.is_host() { &["--allow-host-compat"] } else { &[] }
    }

    /// A part of the command line of what runs a vm, which a question to QEMU about its version
    /// does not have; on the host that of the agent and of its guardian.
    pub fn engine(&self) -> &'static str {
        if self.is_host() { "--root-fd" } else { "-no-user-config" }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    /// `pyro` with these arguments in this home.
    pub fn pyro(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PYRO);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("HOME", self.path()).env("PYRO_DATA_DIR", self.data_dir());
        match self.is_host() {
            true => command
                .env_remove("PYRO_ACCEL")
                .env_remove("PYRO_QEMU")
                .env("PATH", self.path().join("bin")),
            false => command.env("PYRO_ACCEL", self.accel),
        };
        let environments =
            if self.is_host() { self.path().join("environments") } else { environments() };
        command
            .env("PYRO_ENVIRONMENT_CACHE_DIR", environments)
            .env_remove("PYRO_KERNEL_DIR")
            .env_remove("PYRO_LOG");
        if let Some(kernel_dir) = &self.kernel_dir {
            command.env("PYRO_KERNEL_DIR", kernel_dir);
        }
        command
    }

    /// The example `vm_client` with these arguments in this home: one operation in a process of its
    /// own.
    pub fn vm_client(&self, args: &[&str]) -> Command {
        let program = Path::new(PYRO).parent().unwrap().join("examples/vm_client");
        assert!(program.exists(), "cargo builds the examples with the tests");
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, value) in self.pyro(&[]).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("PYRO_PROGRAM", PYRO);
        command
    }

    /// `pyro run ENVIRONMENT [flags] -- words…`, to its end.
    pub fn run(&self, flags: &[&str], words: &[&str]) -> Output {
        self.run_command(flags, words).output().unwrap()
    }

    pub fn run_command(&self, flags: &[&str], words: &[&str]) -> Command {
        self.pyro(&[&["run", ENVIRONMENT], flags, &["--"], words].concat())
    }

    /// As [`Home::run`], with bytes on stdin.
    pub fn run_with_input(&self, words: &[&str], input: &[u8]) -> Output {
        let mut child = self.run_command(&[], words).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// Start `pyro run` and wait until its command has printed `mark`.
    pub fn start_until(&self, words: &[&str], mark: &str) -> Running {
        let mut child = self.run_command(&[], words).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        assert_eq!(line.trim(), mark);
        Running { child, _stdout: stdout }
    }

    /// Processes whose command line or environment names this home, without the zombies.
    pub fn processes(&self) -> Vec<(i32, String)> {
        let mark = self.path().as_os_str().as_encoded_bytes();
        let names_home = |bytes: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
        let mut met = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
            let command_line = read("cmdline");
            if names_home(&command_line) || names_home(&read("environ")) {
                met.push((pid, String::from_utf8_lossy(&command_line).replace('\0', " ")));
            }
        }
        met
    }

    /// Nothing of this home runs, now or within the moment in which what was told to end does.
    #[track_caller]
    pub fn assert_idle(&self) {
        eventually("end of the processes", || self.processes().is_empty().then_some(()));
    }

    /// The one process of this home whose command line holds `part`, as soon as there is one; of
    /// one and its child the first.
    pub fn process(&self, part: &str) -> i32 {
        let found = || {
            let met: Vec<i32> = self
                .processes()
                .into_iter()
                .filter(|(_, line)| line.contains(part))
                .map(|(pid, _)| pid)
                .collect();
            met.iter().copied().find(|&pid| !met.contains(&parent_of(pid)))
        };
        eventually(&format!("a process {part}"), found)
    }

    /// Names of what a directory below the data directory holds; none where there is none.
    pub fn names(&self, directory: &str) -> Vec<String> {
        let entries =
            std::fs::read_dir(self.data_dir().join(directory)).into_iter().flatten().flatten();
        entries.map(|entry| entry.path().display().to_string()).collect()
    }

    /// Everything that the home holds of vms and workspaces: directories, layers, sockets,
    /// processes.
    pub fn leftovers(&self) -> Vec<String> {
        let mut left: Vec<String> = ["vms", "run", "layers", "workspaces"]
            .into_iter()
            .flat_map(|name| self.names(name))
            .collect();
        left.extend(
            self.processes().into_iter().map(|(pid, line)| format!("process {pid}: {line}")),
        );
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        left.extend(
            mounts
                .lines()
                .filter(|line| line.contains(&*self.path().to_string_lossy()))
                .map(str::to_owned),
        );
        left
    }

    /// Every file in the directories of vms, with its size, and what the supervisors logged.
    fn told_of_vms(&self) -> Vec<String> {
        let files = self
            .names("vms")
            .into_iter()
            .flat_map(|vm| std::fs::read_dir(vm).into_iter().flatten().flatten());
        let told = files.map(|file| {
            let path = file.path();
            let size = file.metadata().map_or(0, |metadata| metadata.len());
            let is_log = path.extension().is_some_and(|extension| extension == "log");
            let text = if is_log {
                std::fs::read_to_string(&path).unwrap_or_default()
            } else {
                String::new()
            };
            format!("{} ({size} bytes): {text}", path.display())
        });
        told.collect()
    }

    /// Nothing of any vm is left, now or within the moment that the kernel takes to end a killed
    /// process.
    pub fn assert_clean(&self) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = self.leftovers();
            if left.is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "left over: {left:#?}, with {:#?}",
                self.told_of_vms()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return self.assert_clean();
        }
        // What a failed test has started must not slow the others down.
        for (pid, _) in self.processes() {
            is_signalled(pid, "-KILL");
        }
    }
}

/// Let `outer`, which executes the words behind its own, execute `inner` with its environment and
/// no stdin.
pub fn hand_over(outer: &mut Command, inner: &Command) {
    outer.arg(inner.get_program()).args(inner.get_args()).stdin(Stdio::null());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
}

/// A started `pyro run`.
pub struct Running {
    pub child: Child,
    _stdout: std::io::BufReader<std::process::ChildStdout>,
}

/// Poll for what another process is about to do; for so long that only a broken test ends by it.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "no {what} in time");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether figures of time are held exactly, as they are on a machine that does nothing else:
/// `PYRO_TEST_STRICT=1`.
pub fn is_strict() -> bool {
    std::env::var_os("PYRO_TEST_STRICT").is_some_and(|value| value == "1")
}

/// What a client said that is to end soon.
#[track_caller]
pub fn ended(client: Child) -> Output {
    let (said, hears) = std::sync::mpsc::channel();
    std::thread::spawn(move || said.send(client.wait_with_output().unwrap()));
    hears.recv_timeout(LIMIT).expect("the client ends soon")
}

/// It took no longer than 2 s, which is what the product promises. Other tests' guests on the same
/// two processors hold any process up for longer than that, and so does the look at every process
/// of the machine, of which each poll is one: ten times as much is allowed unless [`is_strict`].
#[track_caller]
pub fn assert_soon(began: Instant, what: &str) {
    let (took, limit) = (began.elapsed(), Duration::from_secs(if is_strict() { 2 } else { 20 }));
    assert!(took < limit, "{what} took {took:?}");
}

/// The process that started this one, or took it over; 0 where it has gone.
fn parent_of(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or_default()
}

pub fn kill(pid: i32, signal: &str) {
    assert!(is_signalled(pid, signal), "cannot signal {pid}");
}

/// As [`kill`], but whether the process was still there.
pub fn is_signalled(pid: i32, signal: &str) -> bool {
    Command::new("kill")
        .args([signal, &pid.to_string()])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

/// Start a command whose stdout or stderr nobody reads, wait until it waits for that, and signal
/// it: its status, and how long it then took to end.
pub fn signal_while_blocked(
    command: &Command,
    stderr: bool,
    signal: &str,
) -> (Option<i32>, Duration) {
    let (reader, writer) = std::io::pipe().unwrap();
    let idle = Stdio::null;
    let (out, err) = if stderr { (idle(), writer.into()) } else { (writer.into(), idle()) };
    // Whoever started the tests may ignore signals, which all that it starts inherits.
    let mut heedful = Command::new("env");
    heedful.arg("--default-signal=HUP,INT,TERM");
    hand_over(&mut heedful, command);
    let mut child = heedful.stdout(out).stderr(err).spawn().unwrap();
    drop(heedful);
    let mut before = 0;
    eventually("full pipe", || {
        assert!(child.try_wait().unwrap().is_none(), "it ended without its reader");
        let now = rustix::io::ioctl_fionread(&reader).unwrap();
        let is_full = now > 0 && now == std::mem::replace(&mut before, now) && now + 4096 >= 65536;
        is_full.then_some(())
    });
    let began = Instant::now();
    kill(i32::try_from(child.id()).unwrap(), signal);
    let status = eventually("end of the command", || child.try_wait().unwrap());
    (status.code(), began.elapsed())
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Where the tests' environments are installed; kept between runs, as a user's are.
pub fn environments() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("environments")
}

/// Install the environment once, by pyro itself.
fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(PYRO);
        command.args(["env", "pull", ENVIRONMENT]).env("PYRO_DATA_DIR", directory.path());
        let output = command.env("PYRO_ENVIRONMENT_CACHE_DIR", environments()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    });
}
