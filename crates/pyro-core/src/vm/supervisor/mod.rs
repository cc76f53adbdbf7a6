//! The supervisor: the one process that owns a running vm, from its record to the last of its files.

mod guest;
mod relay;
mod start;

use crate::config::Config;
use crate::engine::Machine;
use crate::guest::client::{ClientError, FrameReader, send_message};
use crate::guest::transport::Channel;
use crate::host::process::ProcessId;
use crate::host::{clock, fs, socket};
use crate::store::{Store, StoreError};
use crate::vm::launch::{Event, Failure, Launch, Stage};
use crate::vm::paths;
use crate::vm::timeline::{Step, Stopwatch};
use std::io;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Why a supervisor gave up before there was a vm to own.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// Whoever started it is gone, or said something else than a launch.
    #[error("no launch was given")]
    NoLaunch(#[source] ClientError),
    /// The record was cleared away in between: its owner is dead, nothing may be started.
    #[error("the vm's record is gone")]
    NotRecorded,
    /// The records failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The host failed.
    #[error("the supervisor cannot run")]
    Io(#[from] io::Error),
}

/// Own one vm until it is over. `control` is the connection of whoever started this process.
///
/// Runs on a current-thread runtime: the machine's process is tied to this very thread.
///
/// # Errors
/// [`SupervisorError`], before a vm exists; later failures are told to the starter as events.
pub async fn serve(config: &Config, control: UnixStream) -> Result<(), SupervisorError> {
    let (reader, mut writer) = control.into_split();
    let mut frames = FrameReader::new(reader);
    let launch: Launch = frames.message().await.map_err(SupervisorError::NoLaunch)?;
    let stopwatch = Stopwatch::start();
    let (control, _) = frames.into_inner();
    let store = Store::open(&config.data_dir)?;
    let terminate = signal(SignalKind::terminate())?;
    if !store.adopt_vm(launch.id, ProcessId::current())? {
        return Err(SupervisorError::NotRecorded);
    }
    let supervisor = Supervisor { config, launch: &launch, store: &store, stopwatch };
    let failure = supervisor.live(control, &mut writer, terminate).await;
    if let Some(failure) = &failure {
        tracing::info!(stage = ?failure.stage, message = failure.message, "the vm ended");
    }
    clear_away(config, &launch, &store);
    // Whoever started the vm may be gone; then nobody is left to be told.
    let _ = send_message(&mut writer, &Event::Ended { failure }).await;
    Ok(())
}

/// Remove every file of the vm, then its record: a crash in between leaves the record, which the next command clears.
fn clear_away(config: &Config, launch: &Launch, store: &Store) {
    let removed = fs::remove_file(&config.runtime_dir.join(paths::socket_name(launch.id)))
        .and_then(|()| fs::remove_tree(&paths::vm_dir(config, launch.id)))
        .map_err(StoreError::from)
        .and_then(|()| store.delete_vm(launch.id));
    if let Err(error) = removed {
        tracing::error!(%error, "the vm's files are left for the next command to clear");
    }
}

struct Supervisor<'a> {
    config: &'a Config,
    launch: &'a Launch,
    store: &'a Store,
    stopwatch: Stopwatch,
}

impl Supervisor<'_> {
    /// Start the vm and serve it until it is over; the failure that ended it, if it was one.
    async fn live(&self, control: OwnedReadHalf, writer: &mut OwnedWriteHalf, terminate: Signal) -> Option<Failure> {
        let mut machine = None;
        let failure = self.start_and_serve(&mut machine, control, writer, terminate).await;
        if let Some(mut machine) = machine {
            // It holds nothing that is wanted: its disk layer is about to be removed.
            if let Err(error) = machine.kill().await {
                tracing::warn!(%error, "the machine's process could not be reaped");
            }
        }
        failure
    }

    async fn start_and_serve(
        &self,
        machine: &mut Option<Machine>,
        mut control: OwnedReadHalf,
        writer: &mut OwnedWriteHalf,
        mut terminate: Signal,
    ) -> Option<Failure> {
        let started = tokio::select! {
            started = self.start(machine) => started,
            () = released(&mut control) => return None,
            _ = terminate.recv() => return None,
        };
        let (channel, listener) = match started {
            Ok(started) => started,
            Err(failure) => return Some(failure),
        };
        self.stopwatch.mark(Step::Ready);
        let timeline = Some(self.stopwatch.timeline());
        let ready = Event::Ready { execution_mode: self.execution_mode().to_owned(), timeline };
        if send_message(writer, &ready).await.is_err() && self.launch.leased {
            return None;
        }
        let machine = machine.as_mut()?;
        self.serve_clients(machine, &channel, &listener, control, terminate).await
    }

    async fn serve_clients(
        &self,
        machine: &mut Machine,
        channel: &Channel,
        listener: &UnixListener,
        mut control: OwnedReadHalf,
        mut terminate: Signal,
    ) -> Option<Failure> {
        let (stop, mut stopped) = mpsc::channel(1);
        let expiry = tokio::time::sleep(self.time_left());
        tokio::pin!(expiry);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((client, _)) => { tokio::spawn(relay::serve(client, channel.clone(), stop.clone())); }
                    Err(error) => tracing::warn!(%error, "a client could not connect"),
                },
                () = released(&mut control), if self.launch.leased => return None,
                _ = terminate.recv() => return None,
                _ = stopped.recv() => return None,
                () = &mut expiry => return Some(self.expired()),
                ended = machine.ended() => return Some(start::machine_ended(machine, ended, Stage::Running)),
                () = channel.closed() => return Some(start::agent_gone(machine)),
            }
        }
    }

    fn time_left(&self) -> Duration {
        Duration::try_from_secs_f64(self.launch.expires_at - clock::wall_seconds()).unwrap_or(Duration::ZERO)
    }

    fn expired(&self) -> Failure {
        Failure {
            stage: Stage::Expired,
            message: format!("the vm's lifetime of {} s is over", self.launch.shape.ttl_seconds),
            causes: Vec::new(),
            console: String::new(),
        }
    }

    fn listen(&self) -> io::Result<UnixListener> {
        fs::private_dir(&self.config.runtime_dir).map_err(io::Error::other)?;
        let listener = socket::listen(&self.config.runtime_dir, &paths::socket_name(self.launch.id))?;
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener)
    }
}

/// Wait until the starter lets go: it closed its end, or it is dead.
async fn released(control: &mut OwnedReadHalf) {
    let mut byte = [0];
    while let Ok(1..) = control.read(&mut byte).await {}
}
