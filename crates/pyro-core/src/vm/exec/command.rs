//! One command on a connection to its guest: its output handed on, its end awaited, killed when its
//! time is over.

use super::began::Began;
use super::request::ExecRequest;
use crate::guest::client::{self, ClientError, FrameReader, send_data, send_message};
use crate::vm::control::client::SupervisorClient;
use crate::vm::error::VmError;
use crate::vm::io::ExecIo;
use pyro_protocol::frame::Frame;
use pyro_protocol::message::{
    Exec, ExitStatus, Exited, Failure, FailureKind, OutOfMemory, Reply, Request, Resize, Signal,
    TerminalSize,
};
use pyro_protocol::{FrameKind, limits};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a command's tree may take to end once it was killed.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// How long what a command has written may take to be on the disk, once it has ended.
const SYNC_LIMIT: Duration = Duration::from_secs(120);

/// Characters of a process's name; Linux keeps 15 bytes.
const MAX_NAME_LEN: usize = 15;

/// Frames that can be under way when a command is killed: two full pipes and what the channel holds
/// are far fewer.
const FRAMES_UNDER_WAY: u32 = 64;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutcome {
    /// What a shell would say: its code, 128+n for a signal, 124 on timeout, 126 or 127 when it
    /// could not be executed.
    pub exit_code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was killed because its time was over.
    pub timed_out: bool,
    /// Wall time from the request to its end.
    pub duration: Duration,
    /// What the guest itself needed, from before the spawn to the reaped exit; none for what could
    /// not be executed.
    pub guest_duration: Option<Duration>,
    /// The process that the kernel killed meanwhile, the last where it was several, because the
    /// guest's memory was full.
    pub out_of_memory: Option<String>,
}

impl ExecOutcome {
    /// Of a command whose time was over before it could begin.
    pub(super) fn never_began(duration: Duration) -> Self {
        let (signal, guest_duration, out_of_memory) = (None, None, None);
        Self { exit_code: 124, signal, timed_out: true, duration, guest_duration, out_of_memory }
    }
}

/// Run a command as it is, whose time began at `began`.
pub(super) async fn begun(
    vm: SupervisorClient<'_>,
    id: u64,
    began: Instant,
    request: ExecRequest,
    io: ExecIo<'_>,
    began_to_run: &Began,
) -> Result<ExecOutcome, VmError> {
    let (reader, mut writer) = vm.connect().await?.into_split();
    let exec = Exec {
        id,
        command: request.command,
        cwd: request.cwd,
        env: request.env,
        stdin: io.stdin.is_some(),
        sync: request.sync,
        user: request.user,
        shell: request.shell,
        sequence: request.sequence,
        terminal: io.sizes.as_ref().map(|sizes| *sizes.borrow()),
        until_tree_ends: false,
    };
    let request_sync = request.sync;
    began_to_run.ask();
    send_message(&mut writer, &Request::Exec(exec)).await.map_err(VmError::Guest)?;
    let (writing, came) = (AtomicBool::new(false), AtomicU32::new(0));
    let frames = FrameReader::new(reader);
    let (stdout, stderr) = (io.stdout, io.stderr);
    let run = Run {
        frames,
        stdout,
        stderr,
        writing: &writing,
        came: &came,
        began_to_run,
        started: false,
    };
    let run = run.until_end();
    let feed = feed_stdin(io.stdin, &mut writer);
    let resize = hand_sizes_on(vm, id, io.sizes);
    tokio::pin!(run, feed, resize);
    let mut deadline = began + request.timeout;
    let mut fed = false;
    let mut over = None;
    let ended = loop {
        tokio::select! {
            ended = &mut run => break ended?,
            () = &mut feed, if !fed => fed = true,
            () = &mut resize => {}
            () = tokio::time::sleep_until(deadline) => {
                match &over {
                    None => {
                        over = Some(kill(vm, id).await?);
                        came.store(0, Ordering::Relaxed);
                    }
                    // A reader that takes its time holds up what was under way, not a guest that
                    // goes on sending.
                    Some(_) if writing.load(Ordering::Relaxed) && came.load(Ordering::Relaxed) <= FRAMES_UNDER_WAY => {}
                    Some(Over::Killed) => return Err(VmError::Unkillable(KILL_LIMIT)),
                    Some(Over::Ended) => return Err(VmError::NoSync(SYNC_LIMIT)),
                }
                let sync = if request_sync { SYNC_LIMIT } else { Duration::ZERO };
                deadline = Instant::now() + KILL_LIMIT + sync;
            }
        }
    };
    let timed_out = matches!(over, Some(Over::Killed));
    Ok(outcome(&ended, timed_out, began.elapsed()))
}

/// What was met when a command's time was over.
enum Over {
    /// It ran, and was killed.
    Killed,
    /// It had ended; only its end was not told yet.
    Ended,
}

/// The last message of an exec.
enum End {
    Exited(Exited),
    NotExecuted(Failure),
}

struct Run<'a, R> {
    frames: FrameReader<R>,
    stdout: &'a mut (dyn AsyncWrite + Unpin + Send),
    stderr: &'a mut (dyn AsyncWrite + Unpin + Send),
    /// Whether output is being handed on at this moment.
    writing: &'a AtomicBool,
    /// How many frames came since it was last set.
    came: &'a AtomicU32,
    /// Whether the command may have begun to run.
    began_to_run: &'a Began,
    /// Whether the agent said that it runs.
    started: bool,
}

impl<R: AsyncRead + Unpin> Run<'_, R> {
    /// Take every frame to where it belongs, until the last.
    async fn until_end(mut self) -> Result<End, VmError> {
        loop {
            if let Some(end) = self.step().await? {
                self.writing.store(true, Ordering::Relaxed);
                self.stdout.flush().await.map_err(VmError::Output)?;
                self.stderr.flush().await.map_err(VmError::Output)?;
                return Ok(end);
            }
        }
    }

    async fn step(&mut self) -> Result<Option<End>, VmError> {
        let frame = self
            .frames
            .next()
            .await
            .map_err(VmError::Guest)?
            .ok_or(VmError::Guest(ClientError::Ended))?;
        self.came.fetch_add(1, Ordering::Relaxed);
        match frame.kind {
            FrameKind::Stdout => hand_on(self.writing, self.stdout, &frame.payload).await?,
            FrameKind::Stderr => hand_on(self.writing, self.stderr, &frame.payload).await?,
            FrameKind::Message => return self.message(&frame).await,
            kind @ (FrameKind::Input | FrameKind::InputEnd) => {
                return Err(VmError::Guest(ClientError::OutOfPlace(kind)));
            }
        }
        Ok(None)
    }

    async fn message(&mut self, frame: &Frame) -> Result<Option<End>, VmError> {
        match frame.message::<Reply>().map_err(|error| VmError::Guest(error.into()))? {
            Reply::Started(_) => {
                self.started = true;
                self.began_to_run.runs();
                Ok(None)
            }
            Reply::Exited(exited) => Ok(Some(End::Exited(exited))),
            Reply::Failed(failure) if !self.started && not_executed(&failure) => {
                let words = format!(
                    "pyro: {}\n",
                    crate::host::terminal::printable(failure.message.as_bytes())
                );
                self.stderr.write_all(words.as_bytes()).await.map_err(VmError::Output)?;
                Ok(Some(End::NotExecuted(failure)))
            }
            Reply::Failed(failure) => {
                if !self.started {
                    self.began_to_run.refused();
                }
                Err(VmError::Guest(ClientError::Failed(failure)))
            }
            _ => Err(VmError::Guest(ClientError::OutOfPlace(FrameKind::Message))),
        }
    }
}

/// Write output, and let it be known that this waits for its reader.
async fn hand_on(
    writing: &AtomicBool,
    to: &mut (dyn AsyncWrite + Unpin + Send),
    bytes: &[u8],
) -> Result<(), VmError> {
    writing.store(true, Ordering::Relaxed);
    let written = to.write_all(bytes).await.map_err(VmError::Output);
    writing.store(false, Ordering::Relaxed);
    written
}

/// Whether the agent's failure is the shell's "not found" or "not executable", and not one of pyro.
fn not_executed(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::NotFound | FailureKind::Denied)
}

fn outcome(end: &End, timed_out: bool, duration: Duration) -> ExecOutcome {
    let (exit_code, signal) = match end {
        End::Exited(Exited { status: ExitStatus::Code(code), .. }) => (*code, None),
        End::Exited(Exited { status: ExitStatus::Signal(signal), .. }) => {
            (signal.saturating_add(128), Some(*signal))
        }
        End::NotExecuted(Failure { kind: FailureKind::NotFound, .. }) => (127, None),
        End::NotExecuted(_) => (126, None),
    };
    let guest_duration = match end {
        End::Exited(Exited { duration_us, .. }) => Some(Duration::from_micros(*duration_us)),
        End::NotExecuted(_) => None,
    };
    let out_of_memory = match end {
        End::Exited(Exited { out_of_memory, .. }) => out_of_memory.as_ref().map(victim),
        End::NotExecuted(_) => None,
    };
    let exit_code = if timed_out { 124 } else { exit_code };
    ExecOutcome { exit_code, signal, timed_out, duration, guest_duration, out_of_memory }
}

/// The name of a killed process, as a guest says it: bounded, and harmless to a terminal.
fn victim(of: &OutOfMemory) -> String {
    let name: String = of.name.chars().take(MAX_NAME_LEN).collect();
    crate::host::terminal::printable(name.as_bytes())
}

/// Feed stdin until it ends or the command does not want more; the caller keeps the connection
/// open.
async fn feed_stdin(
    stdin: Option<&mut (dyn AsyncRead + Unpin + Send)>,
    writer: &mut OwnedWriteHalf,
) {
    if let Some(stdin) = stdin {
        let mut bytes = vec![0; limits::DATA_CHUNK_LEN];
        // An unreadable stdin ends like an empty one; a command that is gone is told by its exit.
        while let Ok(count @ 1..) = stdin.read(&mut bytes).await {
            if send_data(writer, FrameKind::Input, &bytes[..count]).await.is_err() {
                break;
            }
        }
        let _ = send_data(writer, FrameKind::InputEnd, &[]).await;
    }
}

/// Give the command's terminal each new size; never comes to an end.
async fn hand_sizes_on(
    vm: SupervisorClient<'_>,
    exec: u64,
    sizes: Option<watch::Receiver<TerminalSize>>,
) {
    if let Some(mut sizes) = sizes {
        while sizes.changed().await.is_ok() {
            let size = *sizes.borrow_and_update();
            let request = Request::Resize(Resize { exec, size });
            let resized = async {
                let stream = vm.connect().await?;
                client::call(stream, &request).await.map_err(VmError::Guest)
            };
            if let Err(error) = resized.await {
                tracing::debug!(%error, "the command's terminal keeps its size");
            }
        }
    }
    std::future::pending().await
}

/// Kill the command's whole tree, on a stream of its own: the command's own may be full of stdin.
async fn kill(vm: SupervisorClient<'_>, exec: u64) -> Result<Over, VmError> {
    let request =
        Request::Signal(Signal { exec, signal: libc::SIGKILL, tree: true, foreground: false });
    let call = client::call(vm.connect().await?, &request);
    match tokio::time::timeout(KILL_LIMIT, call).await {
        Ok(Err(ClientError::Failed(failure))) if failure.kind == FailureKind::NotFound => {
            Ok(Over::Ended)
        }
        Ok(answer) => answer.map(|()| Over::Killed).map_err(VmError::Guest),
        Err(_) => Err(VmError::Unkillable(KILL_LIMIT)),
    }
}

pub(super) fn random_exec_id() -> Result<u64, VmError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
