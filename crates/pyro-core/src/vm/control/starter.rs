//! Starting a vm through a supervisor of its own, and ending it again.

use super::client::SupervisorClient;
use super::protocol::{Event, Launch};
use crate::config::Config;
use crate::execution_mode::ExecutionMode;
use crate::guest::client::{FrameReader, send_message};
use crate::host::process::ProcessId;
use crate::host::socket;
use crate::host::spawn::{Spawn, detached};
use crate::vm::error::VmError;
use crate::vm::failure::Failure;
use crate::vm::limits::CLEAR_LIMIT;
use crate::vm::timeline::Timeline;
use std::io;
use std::process::Stdio;
use std::time::Instant;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Descriptor at which a supervisor finds the connection of its starter.
const CONTROL_FD: i32 = 3;

/// The connection to its starter that this process, as a supervisor, has inherited; to be called
/// once, before anything else opens a descriptor.
///
/// # Errors
/// When there is none: something else started this process.
pub fn inherited_control() -> io::Result<std::os::unix::net::UnixStream> {
    socket::inherited(CONTROL_FD)
}

/// The connection of whoever starts a vm to its supervisor. Until the guest answers, the vm ends
/// with it; a vm that stays goes on without it from then on.
#[derive(Debug)]
pub struct Starter<'a> {
    client: SupervisorClient<'a>,
    began: Instant,
    events: FrameReader<OwnedReadHalf>,
    lease: OwnedWriteHalf,
    /// None when it ended at once.
    supervisor: Option<ProcessId>,
}

/// A guest that answers.
#[derive(Clone, Debug)]
pub struct Ready {
    /// `guest_kvm`, `guest_tcg` or `host_compat`.
    pub execution_mode: ExecutionMode,
    /// How its start went, from when its supervisor had received the launch.
    pub timeline: Option<Timeline>,
}

impl<'a> Starter<'a> {
    /// Start a supervisor and give it `launch`.
    ///
    /// # Errors
    /// When there is no supervisor.
    pub async fn spawn(config: &'a Config, launch: &Launch) -> Result<Self, VmError> {
        let (control, theirs) = UnixStream::pair().map_err(VmError::Supervisor)?;
        let (reader, mut lease) = control.into_split();
        // Given before there is anybody: killed from here on, this process leaves a supervisor that
        // knows what to clear.
        send_message(&mut lease, launch).await.map_err(VmError::Control)?;
        let began = Instant::now();
        let supervisor = spawn_supervisor(config, theirs).map_err(VmError::Supervisor)?;
        Ok(Self {
            client: SupervisorClient::new(config, launch.id),
            began,
            events: FrameReader::new(reader),
            lease,
            supervisor,
        })
    }

    /// The supervisor's process; it is there before it is recorded. None when it ended at once.
    #[must_use]
    pub fn supervisor(&self) -> Option<ProcessId> {
        self.supervisor
    }

    /// Wait until the guest answers.
    ///
    /// # Errors
    /// [`VmError::Failed`] with the stage that failed; the supervisor has then cleared away what
    /// does not stay.
    pub async fn ready(&mut self) -> Result<Ready, VmError> {
        match next_event(&mut self.events).await? {
            Event::Ready { execution_mode, timeline } => {
                if let Some(timeline) = &timeline {
                    timeline.log(self.began.elapsed());
                }
                Ok(Ready { execution_mode, timeline })
            }
            Event::Ended { failure } => {
                Err(VmError::Failed(failure.unwrap_or_else(Failure::stopped)))
            }
        }
    }

    /// Wait until the vm ends by itself; why, unless it was asked for. Cancel-safe.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor died.
    pub async fn ended(&mut self) -> Result<Option<Failure>, VmError> {
        ended(&mut self.events).await
    }

    /// Let go, and wait until the supervisor of a vm that ends with its starter has cleared away;
    /// why it had ended before, if it had.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor died: then its leftovers wait for
    /// [`crate::vm::recover::reap::clear_leftovers`].
    pub async fn end(self) -> Result<Option<Failure>, VmError> {
        let Self { mut events, lease, .. } = self;
        drop(lease);
        tokio::time::timeout(CLEAR_LIMIT, ended(&mut events)).await.unwrap_or(Err(VmError::Stuck))
    }
}

/// A started vm that ends with this value, at the latest.
#[derive(Debug)]
pub struct Leased<'a> {
    starter: Starter<'a>,
    /// `guest_kvm`, `guest_tcg` or `host_compat`.
    pub execution_mode: ExecutionMode,
    /// How its start went, from when its supervisor had received the launch.
    pub timeline: Option<Timeline>,
}

impl<'a> Leased<'a> {
    /// Start the vm of `launch` and wait until its guest answers.
    ///
    /// # Errors
    /// [`VmError::Failed`] with the stage that failed; everything of the vm is then cleared away.
    pub async fn start(config: &'a Config, launch: &Launch) -> Result<Self, VmError> {
        Self::wait_for(Starter::spawn(config, launch).await?).await
    }

    /// Wait until the guest of a vm that is being started answers.
    ///
    /// # Errors
    /// As [`Leased::start`].
    pub async fn wait_for(mut starter: Starter<'a>) -> Result<Self, VmError> {
        let Ready { execution_mode, timeline } = starter.ready().await?;
        Ok(Self { starter, execution_mode, timeline })
    }

    /// What asks its supervisor for something.
    #[must_use]
    pub fn client(&self) -> SupervisorClient<'a> {
        self.starter.client
    }

    /// Wait until the vm ends by itself; see [`Starter::ended`].
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor died.
    pub async fn ended(&mut self) -> Result<Option<Failure>, VmError> {
        self.starter.ended().await
    }

    /// End the vm and wait until nothing is left of it; why it had ended before, if it had.
    ///
    /// # Errors
    /// [`VmError::Control`] when the supervisor died: then its leftovers wait for
    /// [`crate::vm::recover::reap::clear_leftovers`].
    pub async fn end(self) -> Result<Option<Failure>, VmError> {
        self.starter.end().await
    }
}

async fn ended(events: &mut FrameReader<OwnedReadHalf>) -> Result<Option<Failure>, VmError> {
    loop {
        if let Event::Ended { failure } = next_event(events).await? {
            return Ok(failure);
        }
    }
}

async fn next_event(events: &mut FrameReader<OwnedReadHalf>) -> Result<Event, VmError> {
    events.message().await.map_err(VmError::Control)
}

fn spawn_supervisor(config: &Config, control: UnixStream) -> std::io::Result<Option<ProcessId>> {
    let control = control.into_std()?;
    control.set_nonblocking(false)?;
    let spawn = Spawn {
        program: &config.program.executable,
        args: config.program.args_for(&["supervise"]),
        // Its settings are its starter's, which need not be those of the environment.
        variables: config.variables(),
        fds: vec![(control.into(), CONTROL_FD)],
        // It goes over to its own log when there is a vm.
        stderr: Stdio::inherit(),
    };
    let mut child = detached(spawn)?;
    let supervisor = i32::try_from(child.id()).ok().and_then(ProcessId::of);
    // Reaped where this process goes on after the vm; a starter that ends leaves that to init.
    std::thread::Builder::new().name("reaper".to_owned()).stack_size(64 * 1024).spawn(
        move || {
            let _ = child.wait();
        },
    )?;
    Ok(supervisor)
}
