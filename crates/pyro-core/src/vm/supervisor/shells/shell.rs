//! `Shell`: one shell as all who use it share it.

use super::output::Output;
use crate::host::clock;
use crate::id::Id;
use crate::redaction::Redactor;
use crate::timestamp::Timestamp;
use crate::vm::control::shells::{MAX_INPUT_LEN, OpenShell, ShellState};
use pyro_protocol::message::{ExitStatus, TerminalSize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// One shell. It is shared by the task that talks to the guest and by those that serve clients;
/// nobody holds its state while waiting for anything.
pub(super) struct Shell {
    pub(super) id: Id,
    /// The number that the agent knows its command by.
    pub(super) exec: u64,
    cwd: String,
    user: Option<String>,
    started_at: Timestamp,
    state: Mutex<State>,
    /// Keeps secrets out of what it prints.
    redactor: Option<Redactor>,
    /// Told whenever it has printed something, or has ended.
    changes: watch::Sender<()>,
    /// Bytes that may still be typed before what was typed is taken.
    room: Arc<Semaphore>,
    typed: mpsc::UnboundedSender<Typed>,
}

struct State {
    size: TerminalSize,
    output: Output,
    ended: Option<Ended>,
}

#[derive(Clone, Copy)]
struct Ended {
    at: Timestamp,
    exit_code: Option<i32>,
}

/// What was typed, with the room that it takes until the terminal has it.
pub(super) struct Typed {
    pub(super) bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

/// Why something cannot be typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TypeError {
    /// So many bytes would fit.
    Full(usize),
    Ended,
}

impl Shell {
    /// A shell that has just begun, and what is typed into it.
    pub(super) fn new(
        id: Id,
        exec: u64,
        open: &OpenShell,
        redactor: Option<Redactor>,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Typed>) {
        // What waits in the queue is bounded by the room.
        let (typed, queue) = mpsc::unbounded_channel();
        let shell = Self {
            id,
            exec,
            cwd: open.shown_cwd.clone(),
            user: open.user.as_ref().map(ToString::to_string),
            started_at: clock::now(),
            state: Mutex::new(State {
                size: open.size,
                output: Output::new(open.size),
                ended: None,
            }),
            redactor,
            changes: watch::Sender::new(()),
            room: Arc::new(Semaphore::new(MAX_INPUT_LEN)),
            typed,
        };
        (Arc::new(shell), queue)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As it is now.
    pub(super) fn told(&self) -> ShellState {
        let state = self.state();
        ShellState {
            id: self.id,
            cwd: self.cwd.clone(),
            user: self.user.clone(),
            size: state.size,
            started_at: self.started_at,
            ended_at: state.ended.map(|ended| ended.at),
            exit_code: state.ended.and_then(|ended| ended.exit_code),
            printed: state.output.position(),
        }
    }

    /// What keeps secrets out of what it prints.
    pub(super) fn redactor(&self) -> Option<&Redactor> {
        self.redactor.as_ref()
    }

    /// Look at what it has printed.
    pub(super) fn output<T>(&self, look: impl FnOnce(&Output) -> T) -> T {
        look(&self.state().output)
    }

    /// Hear of what it prints, and of its end.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// It has printed something.
    pub(super) fn push(&self, piece: &[u8]) {
        self.state().output.push(piece);
        self.changes.send_replace(());
    }

    /// It has ended; none where nobody knows how.
    pub(super) fn end(&self, status: Option<ExitStatus>) {
        let exit_code = status.map(|status| match status {
            ExitStatus::Code(code) => code,
            ExitStatus::Signal(signal) => -signal,
        });
        let mut state = self.state();
        state.output.end();
        state.ended = Some(Ended { at: clock::now(), exit_code });
        drop(state);
        self.changes.send_replace(());
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state().ended.is_some()
    }

    /// Wait until it has ended.
    pub(super) async fn ended(&self) {
        let mut changes = self.changes();
        while !self.has_ended() && changes.changed().await.is_ok() {}
    }

    pub(super) fn resized(&self, size: TerminalSize) {
        let mut state = self.state();
        state.size = size;
        state.output.resize(size);
    }

    /// Type all of `bytes` where there is room for them.
    pub(super) fn type_in(&self, bytes: Vec<u8>) -> Result<(), TypeError> {
        if self.has_ended() {
            return Err(TypeError::Ended);
        }
        let full = || TypeError::Full(self.room.available_permits());
        let len = u32::try_from(bytes.len()).map_err(|_| full())?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(len).map_err(|_| full())?;
        self.typed.send(Typed { bytes, _room: room }).map_err(|_| TypeError::Ended)
    }

    /// Type `bytes` as there is room for them, at most [`MAX_INPUT_LEN`].
    pub(super) async fn type_in_turn(&self, bytes: Vec<u8>) -> Result<(), TypeError> {
        let len = bytes.len().min(MAX_INPUT_LEN);
        let wanted = u32::try_from(len).map_err(|_| TypeError::Full(0))?;
        let room = Arc::clone(&self.room).acquire_many_owned(wanted).await;
        let room = room.map_err(|_| TypeError::Ended)?;
        self.typed.send(Typed { bytes, _room: room }).map_err(|_| TypeError::Ended)
    }
}
