//! The supervisor: the one process that owns a running vm, from its record to the last of its
//! files.
//!
//! `start` brings the guest up; from then on a small loop waits for what ends the
//! vm, over parts that know nothing of each other and are asked through one request enum each:
//!
//! - `sessions`: everything that is under way with the guest's agent.
//! - `shells`, asked through `sessions`: interactive sessions that outlive their clients.
//! - `services`, asked the same way: commands that outlive theirs, with records and logs.
//! - `layers`: the disk of the running machine.
//! - `lifetime`: what ends the vm in order, be it its starter, its user, a signal or the time.
//! - the engine's [`Monitor`](crate::engine::qmp::monitor::Monitor): QEMU itself.
//! - `clients`: connections to the vm's socket; each is handed to the part that it asks for.
//!
//! A vm's network will be one more part of this kind, on a thread of its own: it moves packets
//! while the others wait for the records. It needs a descriptor of the engine and the policy of the
//! launch, and nothing of the other parts.
//!
//! **The cut.** Bytes of the guest are read in two places only: by
//! [`Port`](crate::guest::boot::Port), for as long as greetings are exchanged, and by `sessions`
//! from then on. Both take the machine's channel and give typed values; a client's connection goes
//! in as a whole and is never read elsewhere afterwards. These two are what moves into a confined
//! process: `SessionRequest` is then what is sent to it, the connections travel as descriptors, and
//! no other part changes. The console is read as bytes only, and made printable where it is shown.
//! What QEMU says is read by the monitor's task.

mod boot_watch;
mod clients;
mod end;
mod failure;
mod guest;
mod host;
mod layers;
mod lease;
mod lifetime;
mod lifetime_request;
mod maker;
mod record;
mod relay;
mod services;
mod sessions;
mod shells;
mod start;
mod words;

use crate::config::Config;
use crate::engine::Machine;
use crate::guest::client::{ClientError, FrameReader, send_message};
use crate::host::process::ProcessId;
use crate::host::{fs, socket, sparse};
use crate::store::vm::VmKind;
use crate::store::{Store, StoreError};
use crate::vm::control::protocol::{Event, Launch, LeaseReply};
use crate::vm::failure::Stage;
use crate::vm::paths;
use crate::vm::timeline::{Step, Stopwatch};
use clients::Clients;
use end::End;
use failure::{agent_gone, failure, machine_ended, no_room, unrecorded, until_no_room};
use layers::{Layers, Lost};
use lease::Lease;
use lifetime::{Activity, Lifetime, released};
use record::Supervisor;
use sessions::Sessions;
use std::cell::RefCell;
use std::io;
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

/// Bytes of the host's disk that are kept for writing down how a vm ended that has filled it.
const ROOM_LEN: u64 = 512 * 1024;

/// Words to the lifetime that wait for their turn.
const LIFETIME_QUEUE_LEN: usize = 16;

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
    let adopted = store.adopt_vm(launch.id, launch.revision, ProcessId::current())?;
    let record = RefCell::new(adopted.ok_or(SupervisorError::NotRecorded)?);
    let lease = Lease::default();
    let supervisor =
        Supervisor { config, launch: &launch, store: &store, record, lease: &lease, stopwatch };
    let end = supervisor.live(control, &mut writer, terminate).await;
    let end = end.reworded(supervisor.without_secrets());
    let kept = supervisor.put_away(&end);
    let failure = end.failure();
    if let Some(failure) = &failure {
        tracing::info!(stage = ?failure.stage, message = failure.message, "the vm ended");
    }
    lease.tell(&LeaseReply::Ended { failure: failure.clone(), kept }).await;
    // Whoever started the vm may be gone; then nobody is left to be told.
    let _ = send_message(&mut writer, &Event::Ended { failure }).await;
    Ok(())
}

impl Supervisor<'_> {
    /// Start the vm and serve it until it is over.
    async fn live(
        &self,
        control: OwnedReadHalf,
        writer: &mut OwnedWriteHalf,
        terminate: Signal,
    ) -> End {
        let mut machine = None;
        let end = self.start_and_serve(&mut machine, control, writer, terminate).await;
        if let Some(mut machine) = machine {
            self.end_host(&mut machine).await;
            // What was wanted of it is on its disk by now.
            if let Err(error) = machine.kill().await {
                tracing::warn!(%error, "the machine's process could not be reaped");
            }
        }
        end
    }

    async fn start_and_serve(
        &self,
        machine: &mut Option<Machine>,
        mut control: OwnedReadHalf,
        writer: &mut OwnedWriteHalf,
        mut terminate: Signal,
    ) -> End {
        if let Err(error) = self.own_dir() {
            return End::Failed(failure(Stage::Files, &error));
        }
        let started = tokio::select! {
            started = self.start(machine) => started,
            () = released(&mut control) => return End::Told(None),
            _ = terminate.recv() => return End::Told(None),
        };
        let (sessions, listener) = match started {
            Ok(started) => started,
            Err(failure) => return End::Failed(failure),
        };
        if self.launch.kind == VmKind::Workspace {
            let restarted = sessions.restart_services();
            if tokio::time::timeout(start::ANSWER_LIMIT, restarted).await.is_err() {
                tracing::warn!("the guest takes long to start its services");
            }
        }
        self.stopwatch.mark(Step::Ready);
        let timeline = Some(self.stopwatch.timeline());
        let ready = Event::Ready { execution_mode: self.execution_mode().to_owned(), timeline };
        if send_message(writer, &ready).await.is_err() && self.launch.is_leased() {
            return End::Told(None);
        }
        let Some(machine) = machine.as_mut() else { return End::Told(None) };
        let end = self.until_over(machine, &sessions, &listener, control, &mut terminate).await;
        let in_order = match &end {
            End::Told(_) => self.launch.kind.stays() && !self.is_unwanted(),
            End::Expired(_) => self.launch.kind == VmKind::Workspace,
            End::Failed(_) | End::Used => false,
        };
        if !in_order {
            return end;
        }
        // Whoever comes now finds the record, not a guest that goes.
        drop(listener);
        self.note_stopping();
        match (self.power_off(machine, &sessions, &mut terminate).await, end) {
            (Some(failure), End::Told(_)) => End::Told(Some(failure)),
            (_, end) => end,
        }
    }

    /// Serve the vm's clients until something ends it.
    async fn until_over(
        &self,
        machine: &mut Machine,
        sessions: &Sessions,
        listener: &UnixListener,
        control: OwnedReadHalf,
        terminate: &mut Signal,
    ) -> End {
        let (to_lifetime, requests) = mpsc::channel(LIFETIME_QUEUE_LEN);
        let activity = Activity::begin_now();
        let lifetime =
            Lifetime { of: self, requests, activity: activity.clone(), control, terminate };
        let (to_layers, requests) = mpsc::channel(1);
        let monitor = machine.monitor.clone();
        let layers = Layers::new(self, sessions.clone(), monitor.clone());
        let mut closing = layers.closing();
        let clients = Clients {
            sessions: sessions.clone(),
            layers: to_layers,
            lifetime: to_lifetime,
            activity,
            lease: self.lease.clone(),
        };
        let (lifetime, layers) = (lifetime.over(), layers.serve(requests));
        tokio::pin!(lifetime, layers);
        let mut over: Option<End> = None;
        loop {
            tokio::select! {
                biased;
                ended = machine.ended() => {
                    return End::Failed(machine_ended(machine, ended, Stage::Running));
                }
                () = sessions.closed() => return End::Failed(agent_gone(machine).await),
                end = &mut lifetime, if over.is_none() => over = Some(end),
                () = until_no_room(monitor.as_ref()), if !matches!(over, Some(End::Failed(_))) => {
                    over = Some(End::Failed(no_room(&self.config.data_dir)));
                }
                // Both wait for the moment when the vm's disk is whole; that is bounded.
                () = closing.over(), if over.is_some() => {
                    if let Some(end) = over.take() {
                        return end;
                    }
                }
                Lost = &mut layers => return End::Failed(unrecorded()),
                // Clients that come one after another hold nothing else up.
                accepted = listener.accept() => clients.accept(accepted),
            }
        }
    }

    /// Make the vm's directory, where there is none yet, and log there from now on, unless the
    /// starter wants to see it.
    fn own_dir(&self) -> io::Result<()> {
        fs::private_dir(&paths::vm_dir(self.config, self.launch.id)).map_err(io::Error::other)?;
        if self.launch.kind.stays() {
            sparse::hold_room(&paths::room(self.config, self.launch.id), ROOM_LEN)?;
        }
        // A vm that stays must not hold the terminal of whoever follows its start.
        if !(self.config.trace_supervisors && self.launch.is_leased()) {
            rustix::stdio::dup2_stderr(sparse::append(&paths::log(self.config, self.launch.id))?)?;
        }
        Ok(())
    }

    fn listen(&self) -> io::Result<UnixListener> {
        fs::private_dir(&self.config.runtime_dir).map_err(io::Error::other)?;
        let listener =
            socket::listen(&self.config.runtime_dir, &paths::socket_name(self.launch.id))?;
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener)
    }
}
