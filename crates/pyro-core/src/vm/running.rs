//! A vm as its user sees it: started through a supervisor, reached through its socket, gone when told.

use super::error::VmError;
use super::launch::{Call, Event, Failure, Launch};
use super::paths;
use super::timeline::Timeline;
use crate::config::Config;
use crate::guest::client::{FrameReader, send_message};
use crate::host::spawn::{Spawn, detached};
use crate::host::{fs, socket, sparse};
use crate::id::Id;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Descriptor at which a supervisor finds the connection of its starter.
pub const CONTROL_FD: i32 = 3;

/// How long an ended vm's supervisor may take to clear away.
const CLEAR_LIMIT: Duration = Duration::from_secs(20);

/// A started vm that ends with this value, at the latest.
#[derive(Debug)]
pub struct Leased<'a> {
    config: &'a Config,
    id: Id,
    /// `guest_kvm`, `guest_tcg` or `host_compat`.
    pub execution_mode: String,
    /// How its start went, from when its supervisor had received the launch.
    pub timeline: Option<Timeline>,
    events: FrameReader<OwnedReadHalf>,
    lease: OwnedWriteHalf,
}

impl<'a> Leased<'a> {
    /// Start the vm of `launch` and wait until its guest answers.
    ///
    /// # Errors
    /// [`VmError::Failed`] with the stage that failed; everything of the vm is then cleared away.
    pub async fn start(config: &'a Config, launch: &Launch) -> Result<Self, VmError> {
        fs::private_dir(&paths::vm_dir(config, launch.id))?;
        let (control, theirs) = UnixStream::pair().map_err(VmError::Supervisor)?;
        let began = Instant::now();
        spawn_supervisor(config, launch, theirs).map_err(VmError::Supervisor)?;
        let (reader, mut lease) = control.into_split();
        let mut events = FrameReader::new(reader);
        send_message(&mut lease, launch).await.map_err(VmError::Control)?;
        match next_event(&mut events).await? {
            Event::Ready { execution_mode, timeline } => {
                if let Some(timeline) = &timeline {
                    timeline.log(began.elapsed());
                }
                Ok(Self { config, id: launch.id, execution_mode, timeline, events, lease })
            }
            Event::Ended { failure } => Err(VmError::Failed(failure.unwrap_or_else(Failure::stopped))),
        }
    }

    /// A connection to a new stream of the guest's agent.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor is gone.
    pub async fn connect(&self) -> Result<UnixStream, VmError> {
        let connect = || {
            let stream = socket::connect(&self.config.runtime_dir, &paths::socket_name(self.id))?;
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)
        };
        let mut stream = connect().map_err(|error| VmError::Control(error.into()))?;
        send_message(&mut stream, &Call::Guest).await.map_err(VmError::Control)?;
        Ok(stream)
    }

    /// End the vm and wait until nothing is left of it; why it had ended before, if it had.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor died: then its leftovers wait for [`super::reap::clear_leftovers`].
    pub async fn end(self) -> Result<Option<Failure>, VmError> {
        let Self { mut events, lease, .. } = self;
        drop(lease);
        let ended = async {
            loop {
                if let Event::Ended { failure } = next_event(&mut events).await? {
                    return Ok(failure);
                }
            }
        };
        tokio::time::timeout(CLEAR_LIMIT, ended).await.unwrap_or(Err(VmError::Stuck))
    }
}

async fn next_event(events: &mut FrameReader<OwnedReadHalf>) -> Result<Event, VmError> {
    events.message().await.map_err(VmError::Control)
}

fn spawn_supervisor(config: &Config, launch: &Launch, control: UnixStream) -> std::io::Result<()> {
    // A vm that stays must not hold the terminal of whoever follows its start.
    let stderr = match config.trace_supervisors && launch.leased {
        true => Stdio::inherit(),
        false => sparse::append(&paths::log(config, launch.id))?.into(),
    };
    let control = control.into_std()?;
    control.set_nonblocking(false)?;
    let spawn = Spawn {
        program: &config.program,
        args: vec!["supervise".into()],
        fds: vec![(control.into(), CONTROL_FD)],
        stderr,
    };
    // Its settings are its starter's, which need not be those of the environment.
    let mut child = detached(spawn, config.variables())?;
    // Reaped where this process goes on after the vm; a starter that ends leaves that to init.
    std::thread::Builder::new().name("reaper".to_owned()).stack_size(64 * 1024).spawn(move || {
        let _ = child.wait();
    })?;
    Ok(())
}

impl Failure {
    /// The vm was told to stop while it started.
    fn stopped() -> Self {
        Self {
            stage: super::launch::Stage::Engine,
            message: "the vm was stopped while it started".to_owned(),
            causes: Vec::new(),
            console: String::new(),
        }
    }
}
