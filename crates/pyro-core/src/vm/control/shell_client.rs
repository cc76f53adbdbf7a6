//! A client of a running vm's shells.

use super::client::SupervisorClient;
use super::protocol::ControlRequest;
use super::shells::{AttachWord, ShellReply, ShellRequest, ShellState};
use crate::guest::client::{ClientError, FrameReader, call, send_data, send_message};
use crate::id::Id;
use crate::vm::error::VmError;
use pyro_protocol::FrameKind;
use pyro_protocol::limits::DATA_CHUNK_LEN;
use pyro_protocol::message::{Request, TerminalSize};
use std::time::Duration;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// How long a supervisor may take for an answer about a shell: a read waits for 30 s at most, a
/// close for somewhat more than its 5.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

impl SupervisorClient<'_> {
    /// Ask something about the vm's shells.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor is gone, [`VmError::Stuck`] when it does not
    /// answer, [`VmError::NoShells`] when it is of a pyro that had none.
    pub async fn shell(&self, request: ShellRequest) -> Result<ShellReply, VmError> {
        Ok(self.ask_shell(request).await?.0)
    }

    /// Attach a terminal of this size to a shell; what the supervisor says where it cannot be.
    ///
    /// # Errors
    /// As [`SupervisorClient::shell`].
    pub async fn attach(
        &self,
        shell: Id,
        size: TerminalSize,
    ) -> Result<Result<Attached, ShellReply>, VmError> {
        let (reply, frames, writer) = self.ask_shell(ShellRequest::Attach { shell, size }).await?;
        Ok(match reply {
            ShellReply::Shell(_) => {
                Ok(Attached { printed: Printed { frames }, typing: Typing { writer } })
            }
            reply => Err(reply),
        })
    }

    async fn ask_shell(
        &self,
        request: ShellRequest,
    ) -> Result<(ShellReply, FrameReader<OwnedReadHalf>, OwnedWriteHalf), VmError> {
        let (reader, writer) = self.ask(ControlRequest::Shell(request)).await?.into_split();
        let mut frames = FrameReader::new(reader);
        match tokio::time::timeout(ANSWER_LIMIT, frames.message()).await {
            Ok(Ok(reply)) => Ok((reply, frames, writer)),
            // One that does not know the question hangs up, and is there all the same.
            Ok(Err(ClientError::Ended)) => {
                match call(self.connect().await?, &Request::Ping).await {
                    Ok(()) => Err(VmError::NoShells),
                    Err(_) => Err(VmError::Control(ClientError::Ended)),
                }
            }
            Ok(Err(error)) => Err(VmError::Control(error)),
            Err(_) => Err(VmError::Stuck),
        }
    }
}

/// A terminal that is attached to a shell; dropped, it is detached.
#[derive(Debug)]
pub struct Attached {
    /// What the shell prints.
    pub printed: Printed,
    /// What is typed.
    pub typing: Typing,
}

/// What an attached shell prints.
#[derive(Debug)]
pub struct Printed {
    frames: FrameReader<OwnedReadHalf>,
}

/// What comes of an attached shell.
#[derive(Debug)]
pub enum Shown {
    /// Bytes for the terminal.
    Bytes(Vec<u8>),
    /// It has ended.
    Ended(ShellState),
}

impl Printed {
    /// The next that comes.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor is gone.
    pub async fn next(&mut self) -> Result<Shown, VmError> {
        let frame = self.frames.next().await.map_err(VmError::Control)?;
        let frame = frame.ok_or(VmError::Control(ClientError::Ended))?;
        match frame.kind {
            FrameKind::Stdout => Ok(Shown::Bytes(frame.payload)),
            FrameKind::Message => {
                match frame.message().map_err(|error| VmError::Control(error.into()))? {
                    ShellReply::Shell(state) => Ok(Shown::Ended(state)),
                    _ => Err(VmError::Control(ClientError::OutOfPlace(frame.kind))),
                }
            }
            kind => Err(VmError::Control(ClientError::OutOfPlace(kind))),
        }
    }
}

/// What is typed into an attached shell.
#[derive(Debug)]
pub struct Typing {
    writer: OwnedWriteHalf,
}

impl Typing {
    /// Type it, as fast as the shell takes it.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor is gone.
    pub async fn input(&mut self, bytes: &[u8]) -> Result<(), VmError> {
        for chunk in bytes.chunks(DATA_CHUNK_LEN) {
            let sent = send_data(&mut self.writer, FrameKind::Input, chunk).await;
            sent.map_err(VmError::Control)?;
        }
        Ok(())
    }

    /// The terminal has another size now.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor is gone.
    pub async fn resize(&mut self, size: TerminalSize) -> Result<(), VmError> {
        let word = AttachWord::Resize(size);
        send_message(&mut self.writer, &word).await.map_err(VmError::Control)
    }
}
