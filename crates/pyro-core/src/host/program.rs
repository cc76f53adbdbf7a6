//! Programs of the host: found on a given PATH, run with bounded output, and never outliving who
//! started them.

use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

/// Where administrators' programs are; an ordinary user's PATH leaves these out on Debian.
const ADMINISTRATOR_DIRS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
/// Longest line of a program's output that is looked at; the rest of the line is dropped.
const LINE_LIMIT: usize = 4096;
/// How many of a program's last lines an error carries.
const TAIL_LINES: usize = 20;
/// How long killed programs may take to be gone.
const DEATH_LIMIT: Duration = Duration::from_secs(30);
/// Descriptor under which a child finds what it is to hold open.
const KEPT_FD: i32 = 9;

/// A program that could not be run or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It could not be started.
    #[error("cannot start {program}")]
    Start {
        /// The program's name.
        program: String,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// Its output could not be read or its end not be seen.
    #[error("lost {program} while it ran")]
    Lost {
        /// The program's name.
        program: String,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// It ended with another status than 0.
    #[error("{program} failed ({status}){}", telling_line(output))]
    Failed {
        /// The program's name.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it printed.
        output: Vec<String>,
    },
    /// It said nothing for too long, or took too long, and was killed.
    #[error("{program} was stopped: nothing came from it for {} seconds", limit.as_secs())]
    Silent {
        /// The program's name.
        program: String,
        /// How long was waited.
        limit: Duration,
    },
}

/// The first line that calls itself an error (what follows it are consequences), else the last that
/// says something.
fn telling_line(output: &[String]) -> String {
    let error = output.iter().find(|line| line.starts_with("E: "));
    let line = error.or_else(|| output.iter().rev().find(|line| !line.trim().is_empty()));
    line.map(|line| format!(": {}", line.trim())).unwrap_or_default()
}

/// The executable called `name` on `path`, else among the administrators' programs.
#[must_use]
pub fn find(path: &OsStr, name: &str) -> Option<PathBuf> {
    let dirs = std::env::split_paths(path).filter(|dir| dir.is_absolute());
    dirs.chain(ADMINISTRATOR_DIRS.iter().map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file))
}

/// Whether `file` is a program that somebody may execute.
#[must_use]
pub fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// `path` with the administrators' directories at its end, for programs that start others.
#[must_use]
pub fn with_administrator_dirs(path: &OsStr) -> OsString {
    let mut all = path.to_owned();
    for dir in ADMINISTRATOR_DIRS {
        all.push(":");
        all.push(dir);
    }
    all
}

/// A program about to be run: stdin is `/dev/null`, it leads a process group of its own, and the
/// kernel kills it when the thread that started it ends.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: Command,
    kept: Option<OwnedFd>,
}

impl Program {
    /// A program by its path.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self { name, command: Command::new(path), kept: None }
    }

    /// Call it `name` in errors, where the executable is only a wrapper around it.
    #[must_use]
    pub fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Append arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    /// Set an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Leave an environment variable out.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Let the program and those that it starts hold a descriptor open, such as a shared lock.
    #[must_use]
    pub fn keep_open(mut self, fd: OwnedFd) -> Self {
        self.kept = Some(fd);
        self
    }

    /// Run to the end, each line of stdout and stderr to `on_line`; killed when it is silent for
    /// `silence`, and when the future is dropped.
    ///
    /// # Errors
    /// [`ProgramError`]; a status other than 0 is one.
    pub async fn run(
        self,
        silence: Duration,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), ProgramError> {
        let name = self.name.clone();
        let mut running = self.start(true)?;
        let lost = |source| ProgramError::Lost { program: name.clone(), source };
        let silent = || ProgramError::Silent { program: name.clone(), limit: silence };
        let mut lines = Lines::default();
        let mut buffer = vec![0; 16 << 10];
        loop {
            let read = tokio::time::timeout(silence, running.output.read(&mut buffer)).await;
            match read.map_err(|_| silent())?.map_err(lost)? {
                0 => break,
                count => lines.feed(&buffer[..count], on_line),
            }
        }
        lines.finish(on_line);
        let status = tokio::time::timeout(silence, running.child.wait()).await;
        let status = status.map_err(|_| silent())?.map_err(lost)?;
        running.ended = true;
        if status.success() {
            Ok(())
        } else {
            Err(ProgramError::Failed { program: name, status, output: lines.tail })
        }
    }

    /// Run to the end and give its stdout, of at most `limit` bytes; stderr is dropped.
    ///
    /// # Errors
    /// [`ProgramError`]; a status other than 0 and output beyond the limit are.
    pub async fn output(self, time: Duration, limit: usize) -> Result<Vec<u8>, ProgramError> {
        let name = self.name.clone();
        let mut running = self.start(false)?;
        let lost = |source| ProgramError::Lost { program: name.clone(), source };
        let mut bytes = Vec::new();
        let ended = tokio::time::timeout(time, async {
            let bound = limit as u64 + 1;
            (&mut running.output).take(bound).read_to_end(&mut bytes).await?;
            if bytes.len() > limit {
                Err(io::ErrorKind::FileTooLarge.into())
            } else {
                running.child.wait().await
            }
        });
        let ended = ended.await;
        let status = ended
            .map_err(|_| ProgramError::Silent { program: name.clone(), limit: time })?
            .map_err(lost)?;
        running.ended = true;
        if status.success() {
            Ok(bytes)
        } else {
            Err(ProgramError::Failed { program: name, status, output: Vec::new() })
        }
    }

    fn start(self, with_stderr: bool) -> Result<Running, ProgramError> {
        let program = self.name.clone();
        self.spawn(with_stderr).map_err(|source| ProgramError::Start { program, source })
    }

    fn spawn(mut self, with_stderr: bool) -> io::Result<Running> {
        let (output, input) = io::pipe()?;
        let stderr = if with_stderr { Stdio::from(input.try_clone()?) } else { Stdio::null() };
        self.command
            .stdin(Stdio::null())
            .stderr(stderr)
            .stdout(input)
            .process_group(0)
            .kill_on_drop(true);
        if let Some(parent_fd) = self.kept.take() {
            let mapping = FdMapping { parent_fd, child_fd: KEPT_FD };
            self.command.fd_mappings(vec![mapping]).map_err(io::Error::other)?;
        }
        let parent = nix::unistd::getpid();
        // SAFETY: between fork and exec the closure makes two system calls and allocates nothing.
        unsafe { self.command.pre_exec(move || die_with(parent)) };
        let child = self.command.spawn()?;
        // The command holds our copies of the pipe's writing end: without them the end of the
        // output can be seen.
        drop(self.command);
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Ok(Running {
            child,
            group,
            output: pipe::Receiver::from_owned_fd(output.into())?,
            ended: false,
        })
    }
}

/// Ask the kernel for SIGKILL at the parent's death, and look whether it is dead already.
fn die_with(parent: Pid) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    if nix::unistd::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
}

/// A started program; dropping it before its end kills its process group and waits until the output
/// is closed, which is when everything that it started is dead.
struct Running {
    child: Child,
    group: Option<Pid>,
    output: pipe::Receiver,
    ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if let Some(group) = self.group {
            let _ = nix::sys::signal::killpg(group, Signal::SIGKILL);
        }
        let deadline = Instant::now() + DEATH_LIMIT;
        let mut buffer = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            let mut fds = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
            if !matches!(nix::poll::poll(&mut fds, timeout), Ok(1..)) {
                break;
            }
            if let Ok(0) = nix::unistd::read(&self.output, &mut buffer) {
                break;
            }
        }
        let _ = self.child.try_wait();
    }
}

/// Splits output into lines of bounded length and remembers the last ones.
#[derive(Default)]
struct Lines {
    partial: Vec<u8>,
    tail: Vec<String>,
}

impl Lines {
    fn feed(&mut self, bytes: &[u8], on_line: &mut (dyn FnMut(&str) + Send)) {
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => self.finish(on_line),
                _ if self.partial.len() < LINE_LIMIT => self.partial.push(*byte),
                _ => {}
            }
        }
    }

    fn finish(&mut self, on_line: &mut (dyn FnMut(&str) + Send)) {
        if self.partial.is_empty() {
            return;
        }
        let line = String::from_utf8_lossy(&self.partial).into_owned();
        self.partial.clear();
        on_line(&line);
        if self.tail.len() == TAIL_LINES {
            self.tail.remove(0);
        }
        self.tail.push(line);
    }
}

/// A running program's stdout, read by a thread that may block.
#[derive(Debug)]
pub struct OutputOf {
    name: String,
    child: std::process::Child,
    output: PipeReader,
}

impl OutputOf {
    /// Start `path` with `args`; its stderr is dropped.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<I: IntoIterator<Item: AsRef<OsStr>>>(
        path: &Path,
        args: I,
    ) -> Result<Self, ProgramError> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let failed = |source| ProgramError::Start { program: name.clone(), source };
        let (output, input) = io::pipe().map_err(failed)?;
        let mut command = std::process::Command::new(path);
        command.args(args).stdin(Stdio::null()).stdout(input).stderr(Stdio::null());
        let child = command.spawn().map_err(failed)?;
        Ok(Self { name, child, output })
    }

    /// Wait for the end, after the output was read.
    ///
    /// # Errors
    /// When it ended with another status than 0.
    pub fn finish(mut self) -> Result<(), ProgramError> {
        let _ = io::copy(&mut self.output, &mut io::sink());
        let program = std::mem::take(&mut self.name);
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(ProgramError::Failed { program, status, output: Vec::new() }),
            Err(source) => Err(ProgramError::Lost { program, source }),
        }
    }
}

impl Read for OutputOf {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.output.read(buffer)
    }
}

impl Drop for OutputOf {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program::new(Path::new("/bin/sh")).args(["-c", script])
    }

    #[tokio::test]
    async fn lines_come_as_they_are_printed_and_a_failure_keeps_the_last() {
        let mut seen = Vec::new();
        let script = "seq 1 30; printf 'E: no such thing\\nbye\\n' >&2; exit 3";
        let error = shell(script)
            .run(DEATH_LIMIT, &mut |line| seen.push(line.to_owned()))
            .await
            .unwrap_err();
        assert_eq!(seen.len(), 32);
        assert!(error.to_string().contains("exit status: 3): E: no such thing"), "{error}");
        assert!(matches!(error, ProgramError::Failed { output, .. } if output.len() == TAIL_LINES));
    }

    #[tokio::test]
    async fn a_silent_program_and_its_children_are_killed() {
        let started = Instant::now();
        let error = shell("sleep 97 & sleep 98")
            .run(Duration::from_millis(50), &mut |_| {})
            .await
            .unwrap_err();
        assert!(matches!(error, ProgramError::Silent { .. }), "{error}");
        assert!(started.elapsed() < DEATH_LIMIT, "the children's output was still open");
    }

    #[tokio::test]
    async fn output_is_bounded() {
        assert_eq!(shell("echo a; echo b >&2").output(DEATH_LIMIT, 10).await.unwrap(), b"a\n");
        let error = shell("yes").output(DEATH_LIMIT, 10).await.unwrap_err();
        assert!(matches!(error, ProgramError::Lost { .. }), "{error}");
    }

    #[test]
    fn a_line_longer_than_the_limit_is_cut() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        lines.feed(&vec![b'x'; 3 * LINE_LIMIT], &mut |_| {});
        lines.feed(b"\nnext\r", &mut |line| seen.push(line.len()));
        assert_eq!(seen, [LINE_LIMIT, 4]);
    }

    #[test]
    fn programs_are_found_beyond_an_ordinary_users_path() {
        assert!(find(OsStr::new("/nowhere"), "chroot").is_some());
        assert!(find(OsStr::new("/bin:relative"), "no-such-program").is_none());
    }
}
