//! The supervisor: the one process that owns a running vm, from its record to the last of its files.

mod boot_watch;
mod end;
mod guest;
mod host;
mod layers;
mod lease;
mod maker;
mod relay;
mod start;

use crate::config::Config;
use crate::engine::Machine;
use crate::guest::client::{ClientError, FrameReader, send_message};
use crate::guest::transport::Channel;
use crate::host::process::ProcessId;
use crate::host::{clock, fs, socket, sparse};
use crate::store::vm::{Change, VmKind, VmRecord, VmState};
use crate::store::{Store, StoreError};
use crate::vm::launch::{Event, Failure, Launch, LeaseReply, Stage};
use crate::vm::paths;
use crate::vm::timeline::{Step, Stopwatch};
use end::End;
use futures::future::OptionFuture;
use layers::{Closing, Layers, Order};
use lease::Lease;
use relay::Activity;
use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};

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

/// After how many seconds a lifetime is renewed again that could not be written down.
const RENEW_AGAIN: f64 = 60.0;

/// Bytes of the host's disk that are kept for writing down how a vm ended that has filled it.
const ROOM_LEN: u64 = 512 * 1024;

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
    let supervisor = Supervisor { config, launch: &launch, store: &store, record, lease: &lease, stopwatch };
    let end = supervisor.live(control, &mut writer, terminate).await;
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

/// How long a lifetime is by what somebody did last.
enum Renewed {
    /// Until this moment, in seconds since 1970; it may be over.
    Until(f64),
    ForEver,
}

struct Supervisor<'a> {
    config: &'a Config,
    launch: &'a Launch,
    store: &'a Store,
    /// The vm's record as this process last wrote it.
    record: RefCell<VmRecord>,
    lease: &'a Lease,
    stopwatch: Stopwatch,
}

impl Supervisor<'_> {
    /// Start the vm and serve it until it is over.
    async fn live(&self, control: OwnedReadHalf, writer: &mut OwnedWriteHalf, terminate: Signal) -> End {
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
            return End::Failed(start::failure(Stage::Files, &error));
        }
        let started = tokio::select! {
            started = self.start(machine) => started,
            () = released(&mut control) => return End::Told(None),
            _ = terminate.recv() => return End::Told(None),
        };
        let (channel, listener) = match started {
            Ok(started) => started,
            Err(failure) => return End::Failed(failure),
        };
        self.stopwatch.mark(Step::Ready);
        let timeline = Some(self.stopwatch.timeline());
        let ready = Event::Ready { execution_mode: self.execution_mode().to_owned(), timeline };
        if send_message(writer, &ready).await.is_err() && self.launch.is_leased() {
            return End::Told(None);
        }
        let Some(machine) = machine.as_mut() else { return End::Told(None) };
        let end = self.serve_clients(machine, &channel, &listener, control, &mut terminate).await;
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
        match (self.power_off(machine, &channel, &mut terminate).await, end) {
            (Some(failure), End::Told(_)) => End::Told(Some(failure)),
            (_, end) => end,
        }
    }

    async fn serve_clients(
        &self,
        machine: &mut Machine,
        channel: &Channel,
        listener: &UnixListener,
        mut control: OwnedReadHalf,
        terminate: &mut Signal,
    ) -> End {
        let (used, mut used_up) = mpsc::channel(1);
        let (order, mut orders) = mpsc::channel::<Order>(1);
        let activity = Activity::begin_now();
        let lifetime = Arc::new(Notify::new());
        let client = relay::Client {
            channel: channel.clone(),
            lease: self.lease.clone(),
            used,
            order,
            activity: activity.clone(),
            lifetime: lifetime.clone(),
        };
        let monitor = machine.monitor.clone();
        let mut layers = Some(Layers::new(monitor.clone()));
        // Closing one takes the guest's time: whoever comes meanwhile is served.
        let closing = OptionFuture::default();
        tokio::pin!(closing);
        let expiry = self.until_expired(&activity, &lifetime);
        tokio::pin!(expiry);
        loop {
            let is_closing = layers.is_none();
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => { tokio::spawn(client.clone().serve(stream)); }
                    Err(error) => tracing::warn!(%error, "a client could not connect"),
                },
                Some((returned, is_lost)) = closing.as_mut(), if is_closing => {
                    layers = Some(returned);
                    if is_lost {
                        return End::Failed(start::unrecorded());
                    }
                }
                Some(order) = orders.recv(), if !is_closing => {
                    closing.set(layers.take().map(|layers| self.close_layer(layers, channel, order)).into());
                }
                // What ends the vm in order waits for the moment when its disk is whole; that is bounded.
                () = released(&mut control), if self.launch.is_leased() && !is_closing => return End::Told(None),
                _ = terminate.recv(), if !is_closing => return End::Told(None),
                _ = used_up.recv(), if !is_closing => return End::Used,
                // While a layer closes, whoever closes it sees that first.
                () = start::until_no_room(monitor.as_ref()), if !is_closing => return End::Failed(start::no_room(&self.config.data_dir)),
                () = &mut expiry, if !is_closing => return End::Expired(self.expired()),
                ended = machine.ended() => return End::Failed(start::machine_ended(machine, ended, Stage::Running)),
                () = channel.closed() => return End::Failed(start::agent_gone(machine).await),
            }
        }
    }

    /// Carry an order out, and give the layers back; whether the engine writes to a layer that no record names.
    async fn close_layer(&self, mut layers: Layers, channel: &Channel, order: Order) -> (Layers, bool) {
        let (told, is_lost) = match layers.close(self, channel, &order.layer).await {
            Closing::Done(told) => (told, false),
            Closing::Lost(told) => (told, true),
        };
        // Whoever asked may be gone.
        let _ = order.reply.send(told);
        (layers, is_lost)
    }

    /// Make the vm's directory, where there is none yet, and log there from now on, unless the starter wants to see it.
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

    /// Change the vm's record, unless somebody else did: then the vm is not wanted any more.
    fn note(&self, change: impl FnOnce(&mut VmRecord)) -> Result<(), Failure> {
        let mut vm = self.record.borrow().clone();
        change(&mut vm);
        match self.store.change_vm(&vm, None) {
            Ok(Change::Made(revision)) => {
                *self.record.borrow_mut() = VmRecord { revision, ..vm };
                Ok(())
            }
            Ok(Change::Lost | Change::Full) => Err(Failure::stopped()),
            Err(error) => Err(start::failure(Stage::Files, &error)),
        }
    }

    /// Where nobody asked for the stop in the record (the host goes down), say there that it happens.
    fn note_stopping(&self) {
        let claimed = self.record.borrow().claimed(VmState::Stopping);
        if self.note(|vm| *vm = claimed).is_err() {
            tracing::debug!("the record says already that the vm stops");
        }
    }

    /// Wait until the vm's lifetime is over: whoever talks to a workspace's guest renews it, and `changed` tells of another one.
    async fn until_expired(&self, activity: &Activity, changed: &Notify) {
        loop {
            let recorded = match self.store.vm(self.launch.id) {
                Ok(Some(vm)) => vm.expires_at,
                _ => self.launch.expires_at,
            };
            let expires_at = match recorded {
                Some(at) if at <= clock::wall_seconds() => match self.renewed(activity) {
                    Renewed::Until(later) if later > clock::wall_seconds() => Some(later),
                    Renewed::Until(_) => return,
                    Renewed::ForEver => None,
                },
                recorded => recorded,
            };
            let over = async {
                let Some(at) = expires_at else { return std::future::pending().await };
                let left = Duration::try_from_secs_f64(at - clock::wall_seconds()).unwrap_or(Duration::ZERO);
                tokio::time::sleep(left).await;
            };
            tokio::select! {
                () = over => {}
                () = changed.notified() => {}
            }
        }
    }

    /// When the lifetime of a workspace is over that began with what somebody did last.
    fn renewed(&self, activity: &Activity) -> Renewed {
        if self.launch.kind != VmKind::Workspace {
            return Renewed::Until(0.0);
        }
        match self.store.renew_workspace_of(self.launch.id, activity.last()) {
            Ok(Some(Some(at))) => Renewed::Until(at),
            Ok(Some(None)) => Renewed::ForEver,
            Ok(None) => Renewed::Until(0.0),
            Err(error) => {
                tracing::warn!(%error, "the lifetime cannot be renewed");
                Renewed::Until(if activity.is_going_on() { clock::wall_seconds() + RENEW_AGAIN } else { 0.0 })
            }
        }
    }

    fn expired(&self) -> Failure {
        let expired = Failure::expired(self.launch.shape.ttl_seconds);
        if self.launch.kind != VmKind::Workspace {
            return expired;
        }
        let kept = in_words(self.config.workspace_retention_seconds);
        Failure { message: format!("its lifetime is over; its disk is kept for {kept} from then on"), ..expired }
    }

    fn listen(&self) -> io::Result<UnixListener> {
        fs::private_dir(&self.config.runtime_dir).map_err(io::Error::other)?;
        let listener = socket::listen(&self.config.runtime_dir, &paths::socket_name(self.launch.id))?;
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener)
    }
}

/// A whole number of the greatest unit that fits.
fn in_words(seconds: u32) -> String {
    let units = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let fitting = units.into_iter().find(|(unit, _)| seconds >= 2 * unit && seconds.is_multiple_of(*unit));
    fitting.map_or_else(|| format!("{seconds} seconds"), |(unit, name)| format!("{} {name}", seconds / unit))
}

/// Wait until the starter lets go: it closed its end, or it is dead.
async fn released(control: &mut OwnedReadHalf) {
    let mut byte = [0];
    while let Ok(1..) = control.read(&mut byte).await {}
}
