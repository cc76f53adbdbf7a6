//! A shell's life in the guest: its start, the stream that it prints to and is typed into, its end.

use super::output::PIECE_LEN;
use super::shell::{Shell, Typed};
use crate::guest::client::{self, ClientError, FrameReader, send_data, send_message};
use crate::guest::transport::{Channel, GuestStream};
use crate::id::Id;
use crate::redaction::{IDLE, Redaction, Redactor};
use crate::vm::control::shells::{OpenShell, ShellRefusal};
use pyro_protocol::FrameKind;
use pyro_protocol::limits::DATA_CHUNK_LEN;
use pyro_protocol::message::{
    Command, Exec, ExitStatus, Failure, FailureKind, HangUp, Reply, Request, Resize, Signal,
    TerminalSize,
};
use pyro_protocol::variable::Variable;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;

/// The programs that a shell may be, in the order in which they are tried. They read no settings
/// of their user's, so that a prompt is a prompt.
const SHELLS: [&[&str]; 2] = [&["/bin/bash", "--noprofile", "--norc", "-i"], &["/bin/sh", "-i"]];

/// Variables of a shell that its opener may choose otherwise.
const VARIABLES: [(&str, &str); 3] =
    [("TERM", "xterm-256color"), ("PS1", "pyro$ "), ("PROMPT_COMMAND", "")];

/// How long a shell may take to end once its terminal is hung up.
const HANG_UP_LIMIT: Duration = Duration::from_secs(5);

/// How long a killed one may take.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Start a shell; it lives on without whoever asked for it.
pub(super) async fn open(channel: &Channel, open: &OpenShell) -> Result<Arc<Shell>, ShellRefusal> {
    let redactor = match open.secrets.as_slice() {
        [] => None,
        secrets => Some(Redactor::new(secrets.iter().map(|Variable(_, value)| value))),
    };
    // Too many for a redactor are too many for a message.
    let redactor = redactor.transpose().map_err(|_| ShellRefusal::Gone)?;
    let [bash, sh] = SHELLS;
    let (exec, stream) = match begin(channel, open, bash).await {
        Err(ShellRefusal::Guest(Failure { kind: FailureKind::NotFound, .. })) => {
            begin(channel, open, sh).await?
        }
        begun => begun?,
    };
    let id = Id::random().map_err(|_| ShellRefusal::Gone)?;
    let (shell, typed) = Shell::new(id, exec, open, redactor);
    tokio::spawn(live(Arc::clone(&shell), stream, typed));
    Ok(shell)
}

/// A shell's side of a stream.
struct Stream {
    frames: FrameReader<ReadHalf<GuestStream>>,
    writer: WriteHalf<GuestStream>,
}

async fn begin(
    channel: &Channel,
    open: &OpenShell,
    program: &[&str],
) -> Result<(u64, Stream), ShellRefusal> {
    let mut id = [0; 8];
    getrandom::fill(&mut id).map_err(|_| ShellRefusal::Gone)?;
    let id = u64::from_le_bytes(id);
    let given = VARIABLES.map(|(name, value)| Variable::new(name, value));
    let exec = Exec {
        id,
        command: Command::Program(program.iter().map(|&word| word.to_owned()).collect()),
        cwd: open.cwd.clone(),
        env: given.into_iter().chain(open.env.iter().cloned()).collect(),
        stdin: true,
        sync: false,
        user: open.user.clone(),
        shell: Default::default(),
        sequence: 0,
        terminal: Some(open.size),
        until_tree_ends: false,
    };
    let (reader, mut writer) = tokio::io::split(stream_to(channel).await.map_err(refusal)?);
    send_message(&mut writer, &Request::Exec(exec)).await.map_err(refusal)?;
    let mut frames = FrameReader::new(reader);
    match frames.message().await.map_err(refusal)? {
        Reply::Started(_) => Ok((id, Stream { frames, writer })),
        Reply::Failed(failure) => Err(ShellRefusal::Guest(failure)),
        _ => Err(refusal(ClientError::OutOfPlace(FrameKind::Message))),
    }
}

/// Take what it prints and hand it what is typed, until it has ended.
async fn live(shell: Arc<Shell>, stream: Stream, typed: mpsc::UnboundedReceiver<Typed>) {
    let Stream { frames, writer } = stream;
    let status = tokio::select! {
        biased;
        status = listen(&shell, frames) => status,
        never = hand_on(writer, typed) => never,
    };
    if let Err(error) = &status {
        tracing::debug!(%error, id = %shell.id, "a shell's stream ended before the shell");
    }
    shell.end(status.ok());
}

async fn listen(
    shell: &Shell,
    mut frames: FrameReader<ReadHalf<GuestStream>>,
) -> Result<ExitStatus, ClientError> {
    let mut printed = Printed::of(shell);
    loop {
        let frame = printed.until(frames.next()).await?.ok_or(ClientError::Ended)?;
        match frame.kind {
            FrameKind::Stdout => printed.push(&frame.payload).await,
            FrameKind::Message => match frame.message()? {
                Reply::Exited(exited) => return Ok(exited.status),
                Reply::Failed(failure) => return Err(ClientError::Failed(failure)),
                _ => return Err(ClientError::OutOfPlace(FrameKind::Message)),
            },
            other => return Err(ClientError::OutOfPlace(other)),
        }
    }
}

/// What a shell prints, on its way to its output.
struct Printed<'a> {
    shell: &'a Shell,
    redaction: Option<Redaction>,
}

impl<'a> Printed<'a> {
    fn of(shell: &'a Shell) -> Self {
        Self { shell, redaction: shell.redactor().map(Redactor::stream) }
    }

    async fn push(&mut self, bytes: &[u8]) {
        let Some(redaction) = &mut self.redaction else { return show(self.shell, bytes).await };
        let mut shown = Vec::with_capacity(bytes.len());
        redaction.push(bytes, &mut shown);
        show(self.shell, &shown).await;
    }

    /// Wait for what comes next, and show what is held back when that takes a while: whoever types
    /// wants to see it.
    async fn until<T>(&mut self, next: impl Future<Output = T>) -> T {
        let Some(redaction) = self.redaction.as_mut().filter(|redaction| redaction.holds()) else {
            return next.await;
        };
        tokio::pin!(next);
        match tokio::time::timeout(IDLE, &mut next).await {
            Ok(next) => next,
            Err(_) => {
                let mut shown = Vec::new();
                redaction.settle(&mut shown);
                show(self.shell, &shown).await;
                next.await
            }
        }
    }
}

impl Drop for Printed<'_> {
    fn drop(&mut self) {
        if let Some(redaction) = &mut self.redaction {
            let mut shown = Vec::new();
            redaction.finish(&mut shown);
            shown.chunks(PIECE_LEN).for_each(|piece| self.shell.push(piece));
        }
    }
}

async fn show(shell: &Shell, bytes: &[u8]) {
    for piece in bytes.chunks(PIECE_LEN) {
        shell.push(piece);
        // One that prints for ever must not keep the others from their work.
        tokio::task::yield_now().await;
    }
}

/// Hand on what is typed, as the terminal takes it; keeps the stream open when that breaks, since
/// how the shell ended is still to come.
async fn hand_on(
    mut writer: WriteHalf<GuestStream>,
    mut typed: mpsc::UnboundedReceiver<Typed>,
) -> Result<ExitStatus, ClientError> {
    'typed: while let Some(one) = typed.recv().await {
        for chunk in one.bytes.chunks(DATA_CHUNK_LEN) {
            if send_data(&mut writer, FrameKind::Input, chunk).await.is_err() {
                break 'typed;
            }
        }
    }
    std::future::pending().await
}

/// Signal the job in its foreground.
pub(super) async fn signal(
    channel: &Channel,
    shell: &Shell,
    signal: i32,
) -> Result<(), ShellRefusal> {
    let exec = shell.exec;
    let signal = Request::Signal(Signal { exec, signal, tree: false, foreground: true });
    match ask(channel, signal).await {
        Err(ShellRefusal::Guest(Failure { kind: FailureKind::NotFound, .. })) => {
            Err(ShellRefusal::NoForeground)
        }
        done => done,
    }
}

/// Give its terminal another size.
pub(super) async fn resize(
    channel: &Channel,
    shell: &Shell,
    size: TerminalSize,
) -> Result<(), ShellRefusal> {
    ask(channel, Request::Resize(Resize { exec: shell.exec, size })).await?;
    shell.resized(size);
    Ok(())
}

/// End it with all that it has started: by the loss of its terminal, and where that is not enough
/// by force.
pub(super) async fn close(channel: &Channel, shell: &Shell) -> Result<(), ShellRefusal> {
    let exec = shell.exec;
    match ask(channel, Request::HangUp(HangUp { exec })).await {
        // It has ended, or does so now.
        Err(ShellRefusal::Guest(Failure { kind: FailureKind::NotFound, .. })) => {}
        done => done?,
    }
    if tokio::time::timeout(HANG_UP_LIMIT, shell.ended()).await.is_ok() {
        return Ok(());
    }
    let signal = libc::SIGKILL;
    let kill = Request::Signal(Signal { exec, signal, tree: true, foreground: false });
    match ask(channel, kill).await {
        Err(ShellRefusal::Guest(Failure { kind: FailureKind::NotFound, .. })) => {}
        done => done?,
    }
    tokio::time::timeout(KILL_LIMIT, shell.ended()).await.map_err(|_| {
        let message = format!("it was killed but did not end within {} s", KILL_LIMIT.as_secs());
        ShellRefusal::Guest(Failure { kind: FailureKind::Io, message })
    })
}

async fn stream_to(channel: &Channel) -> Result<GuestStream, ClientError> {
    channel.open().await.map_err(|error| ClientError::Io(io::Error::other(error)))
}

async fn ask(channel: &Channel, request: Request) -> Result<(), ShellRefusal> {
    client::call(stream_to(channel).await.map_err(refusal)?, &request).await.map_err(refusal)
}

fn refusal(error: ClientError) -> ShellRefusal {
    match error {
        ClientError::Failed(failure) => ShellRefusal::Guest(failure),
        error => {
            tracing::debug!(%error, "the guest does not answer about a shell");
            ShellRefusal::Gone
        }
    }
}
