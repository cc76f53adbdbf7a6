//! Shells of a vm: interactive sessions that outlive whoever opened them.
//!
//! Each has a terminal in the guest, the last mebibyte of its output with positions that count from
//! its beginning, and an emulated screen. The emulator runs here, fed as output comes: so the
//! screen is right after more output than is kept, and no reader has to replay anything. Its memory
//! depends on the size of the terminal alone. What a shell prints is taken whether or not anybody
//! reads it; what is typed waits in a bounded queue, and what does not fit is refused.

mod attach;
mod life;
mod output;
mod read;
mod ring;
mod screen;
mod shell;
mod text;

use super::relay::Client;
use crate::guest::client::{ClientError, send_message};
use crate::guest::transport::Channel;
use crate::id::Id;
use crate::vm::control::shells::{
    MAX_SHELLS, OpenShell, ShellOutput, ShellRefusal, ShellReply, ShellRequest, ShellState,
};
use pyro_protocol::message::TerminalSize;
use shell::{Shell, TypeError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// The shells of one vm; clones share them.
#[derive(Clone)]
pub(super) struct Shells {
    channel: Channel,
    table: Arc<Mutex<Table>>,
    /// That the guest is about to end.
    over: CancellationToken,
}

#[derive(Default)]
struct Table {
    /// Oldest first.
    shells: Vec<Arc<Shell>>,
    /// How many are being opened.
    opening: usize,
}

impl Shells {
    /// None yet, in the guest at the other end of `channel`.
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel, table: Arc::default(), over: CancellationToken::new() }
    }

    /// Let go of those who have attached: the guest ends, and what they would be told of their
    /// shells is that somebody killed them.
    pub(super) fn dismiss(&self) {
        self.over.cancel();
    }

    /// Do what a client asks for, and tell it.
    pub(super) async fn serve(
        &self,
        request: ShellRequest,
        mut client: Client,
    ) -> Result<(), ClientError> {
        let result = match request {
            ShellRequest::Open(open) => return self.open_for(client, &open).await,
            ShellRequest::Attach { shell, size } => return self.attach(shell, size, client).await,
            ShellRequest::Read(request) => match self.find(request.shell) {
                Ok(shell) => {
                    let read = read::read(&shell, &request);
                    let Some(read) = while_there(&mut client, read).await else { return Ok(()) };
                    Ok(read.into())
                }
                Err(refusal) => Err(refusal),
            },
            ShellRequest::List => Ok(self.list().into()),
            ShellRequest::Write { shell, input } => self.write(shell, input).map(Into::into),
            ShellRequest::Signal { shell, signal } => {
                self.signal(shell, signal).await.map(Into::into)
            }
            ShellRequest::Resize { shell, size } => self.resize(shell, size).await.map(Into::into),
            ShellRequest::Close { shell } => self.close(shell).await.map(Into::into),
        };
        send_message(&mut client.writer, &result.unwrap_or_else(ShellReply::Refused)).await
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self) -> Vec<ShellState> {
        self.table().shells.iter().map(|shell| shell.told()).collect()
    }

    fn find(&self, id: Id) -> Result<Arc<Shell>, ShellRefusal> {
        let found = self.table().shells.iter().find(|shell| shell.id == id).cloned();
        found.ok_or(ShellRefusal::Unknown)
    }

    /// One that has not ended.
    fn running(&self, id: Id) -> Result<Arc<Shell>, ShellRefusal> {
        let shell = self.find(id)?;
        if shell.has_ended() { Err(ended(&shell)) } else { Ok(shell) }
    }

    /// Open one, unless whoever wants it is gone by then: nobody would know of it.
    async fn open_for(&self, mut client: Client, open: &OpenShell) -> Result<(), ClientError> {
        let opened = self.open(open).await;
        let reply = match &opened {
            Ok(shell) => ShellReply::Shell(shell.told()),
            Err(refusal) => ShellReply::Refused(refusal.clone()),
        };
        let told = send_message(&mut client.writer, &reply).await;
        if let (Err(_), Ok(shell)) = (&told, opened) {
            let _ = self.close(shell.id).await;
        }
        told
    }

    async fn open(&self, open: &OpenShell) -> Result<Arc<Shell>, ShellRefusal> {
        let place = Place::take(self)?;
        let shell = life::open(&self.channel, open).await?;
        place.fill(Arc::clone(&shell));
        Ok(shell)
    }

    fn write(&self, id: Id, input: Vec<u8>) -> Result<ShellState, ShellRefusal> {
        let shell = self.running(id)?;
        shell.type_in(input).map_err(|error| match error {
            TypeError::Full(room) => ShellRefusal::InputFull { room },
            TypeError::Ended => ended(&shell),
        })?;
        Ok(shell.told())
    }

    async fn signal(&self, id: Id, signal: i32) -> Result<ShellState, ShellRefusal> {
        let shell = self.running(id)?;
        let signalled = life::signal(&self.channel, &shell, signal).await;
        signalled.map_err(|refusal| met(&shell, refusal))?;
        Ok(shell.told())
    }

    async fn resize(&self, id: Id, size: TerminalSize) -> Result<ShellState, ShellRefusal> {
        let shell = self.running(id)?;
        let resized = life::resize(&self.channel, &shell, size).await;
        resized.map_err(|refusal| met(&shell, refusal))?;
        Ok(shell.told())
    }

    async fn close(&self, id: Id) -> Result<ShellState, ShellRefusal> {
        let shell = self.find(id)?;
        if !shell.has_ended() {
            life::close(&self.channel, &shell).await?;
        }
        self.table().shells.retain(|one| one.id != id);
        Ok(shell.told())
    }

    async fn attach(
        &self,
        id: Id,
        size: TerminalSize,
        mut client: Client,
    ) -> Result<(), ClientError> {
        let attached = match self.running(id) {
            Ok(shell) => life::resize(&self.channel, &shell, size).await.map(|()| shell),
            Err(refusal) => Err(refusal),
        };
        match attached {
            Ok(shell) => {
                send_message(&mut client.writer, &ShellReply::Shell(shell.told())).await?;
                tokio::select! {
                    biased;
                    () = self.over.cancelled() => Err(ClientError::Ended),
                    served = attach::serve(&self.channel, &shell, client) => served,
                }
            }
            Err(refusal) => send_message(&mut client.writer, &ShellReply::Refused(refusal)).await,
        }
    }
}

fn ended(shell: &Shell) -> ShellRefusal {
    ShellRefusal::Ended { exit_code: shell.told().exit_code }
}

/// What stands in the way, where that is not that it ended in this moment.
fn met(shell: &Shell, refusal: ShellRefusal) -> ShellRefusal {
    if shell.has_ended() { ended(shell) } else { refusal }
}

/// Do something for a client as long as it is there.
async fn while_there<T>(client: &mut Client, act: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = act => Some(done),
        // It has nothing more to say: whatever comes, it is the end.
        _ = client.frames.next() => None,
    }
}

/// A place for a shell that is being opened.
struct Place<'a> {
    of: &'a Shells,
}

impl<'a> Place<'a> {
    fn take(of: &'a Shells) -> Result<Self, ShellRefusal> {
        let mut table = of.table();
        if table.shells.len() + table.opening >= MAX_SHELLS {
            // Those that have ended are kept for their last words, as long as there is room.
            let ended = table.shells.iter().position(|shell| shell.has_ended());
            drop(table.shells.remove(ended.ok_or(ShellRefusal::TooMany)?));
        }
        table.opening += 1;
        Ok(Self { of })
    }

    fn fill(self, shell: Arc<Shell>) {
        self.of.table().shells.push(shell);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.of.table().opening -= 1;
    }
}

impl From<ShellState> for ShellReply {
    fn from(shell: ShellState) -> Self {
        Self::Shell(shell)
    }
}

impl From<Vec<ShellState>> for ShellReply {
    fn from(shells: Vec<ShellState>) -> Self {
        Self::Shells(shells)
    }
}

impl From<ShellOutput> for ShellReply {
    fn from(read: ShellOutput) -> Self {
        Self::Read(Box::new(read))
    }
}
