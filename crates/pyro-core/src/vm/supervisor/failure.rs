//! Failures of a vm as its supervisor tells them.

use crate::engine::machine::{Ended, Machine};
use crate::engine::qmp::monitor::{Monitor, MonitorError};
use crate::guest::boot::MeetError;
use crate::guest::client::ClientError;
use crate::vm::failure::{Failure, Stage};
use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

pub(super) async fn not_met(machine: &mut Machine, error: MeetError) -> Failure {
    match error {
        // A machine that ends closes its socket too: what ended it says more than the broken
        // connection.
        MeetError::Channel(error) => after_broken_channel(machine, Stage::Boot, &error).await,
        error => Failure { console: machine.console.text(), ..failure(Stage::Boot, &error) },
    }
}

/// The channel broke: say how the machine ended if it did, what the channel met otherwise.
pub(super) async fn after_broken_channel(
    machine: &mut Machine,
    stage: Stage,
    error: &(dyn Error + 'static),
) -> Failure {
    let limit = if is_broken(error) { REAP_LIMIT } else { LOOK_LIMIT };
    if let Some(ended) = just_ended(machine, limit).await {
        return machine_ended(machine, ended, stage);
    }
    Failure { console: machine.console.text(), ..failure(stage, error) }
}

/// Whether this is what a machine that ends leaves of a conversation, and no answer of one that
/// lives.
fn is_broken(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source()).any(|error| {
        error.is::<io::Error>()
            || matches!(error.downcast_ref(), Some(ClientError::Ended | ClientError::Io(_)))
            || matches!(error.downcast_ref(), Some(MonitorError::Closed | MonitorError::Io(_)))
    })
}

/// How long a killed machine may take until its process can be reaped: its memory is given back
/// before.
const REAP_LIMIT: Duration = Duration::from_secs(10);

/// How long it is looked whether a machine has ended that may live.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// How a machine ended whose socket closed: that happens a moment before its process can be reaped.
async fn just_ended(machine: &mut Machine, limit: Duration) -> Option<io::Result<Ended>> {
    tokio::time::timeout(limit, machine.ended()).await.ok()
}

/// The failure of a machine whose process ended.
pub(super) fn machine_ended(machine: &Machine, ended: io::Result<Ended>, stage: Stage) -> Failure {
    let stage = match &ended {
        Ok(ended) if stage != Stage::Running && ended.is_killed() => Stage::Killed,
        _ => stage,
    };
    let message = match ended {
        Ok(ended) => format!("the machine's process {ended}"),
        Err(error) => format!("the machine's process is lost: {error}"),
    };
    let stderr = machine.stderr.text();
    let causes = if stderr.is_empty() { Vec::new() } else { vec![stderr] };
    Failure { stage, message, causes, console: machine.console.text() }
}

/// The failure of a running vm whose channel closed: how its machine ended if it did, that the
/// agent is gone otherwise.
pub(super) async fn agent_gone(machine: &mut Machine) -> Failure {
    if let Some(ended) = just_ended(machine, REAP_LIMIT).await {
        return machine_ended(machine, ended, Stage::Running);
    }
    Failure {
        stage: Stage::Running,
        message: "the guest ended, or its agent did".to_owned(),
        causes: Vec::new(),
        console: machine.console.text(),
    }
}

pub(super) fn failure(stage: Stage, error: &(dyn Error + 'static)) -> Failure {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source())
        .map(ToString::to_string)
        .collect();
    Failure { stage, message: error.to_string(), causes, console: String::new() }
}

/// Do what a guest may write to its disk for: one that is held because the host has no room for
/// that does nothing more.
pub(super) async fn with_room<T>(
    data_dir: &Path,
    monitor: Option<&Monitor>,
    act: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = act => done,
        () = until_no_room(monitor) => Err(no_room(data_dir)),
    }
}

/// Wait until the engine holds the guest because the host's disk is full; for ever where there is
/// no monitor. Cancel-safe.
pub(super) async fn until_no_room(monitor: Option<&Monitor>) {
    match monitor {
        Some(monitor) => monitor.no_room().await,
        None => std::future::pending().await,
    }
}

/// The failure of a vm whose guest is held because the host's disk has no room for what it writes.
/// What it has flushed is there; the rest would never come to its end, and whoever waits for it is
/// to know.
pub(super) fn no_room(data_dir: &Path) -> Failure {
    Failure {
        stage: Stage::HostFull,
        message: format!("the host's disk is full; free some of it: {}", data_dir.display()),
        causes: Vec::new(),
        console: String::new(),
    }
}

/// The failure of a vm whose engine writes where no record says so.
pub(super) fn unrecorded() -> Failure {
    Failure {
        stage: Stage::Running,
        message:
            "a new disk layer could not be recorded; the guest was ended before it wrote to it"
                .to_owned(),
        causes: Vec::new(),
        console: String::new(),
    }
}
