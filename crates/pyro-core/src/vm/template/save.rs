//! Saving a template from a booted vm whose agent waits, and loading its state into a new one.

use super::store::Staging;
use crate::engine::qemu::argv::fd;
use crate::engine::qemu::qmp::{Qmp, QmpError};
use crate::host::fs::FsError;
use crate::host::{pipe, sparse};
use serde_json::json;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;
use tokio::net::unix::pipe::Sender;
use tokio::time::Instant;

/// How long QEMU may take to be done with a migration that has ended; it takes less than a millisecond.
const GO_ON_LIMIT: Duration = Duration::from_secs(10);

/// Why no template was saved; the vm itself goes on.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// QEMU refused or failed.
    #[error("QEMU cannot save its state")]
    Qemu(#[from] QmpError),
    /// A file of the template cannot be written.
    #[error("cannot write the template")]
    Write(#[from] io::Error),
    /// The template cannot be put into place.
    #[error(transparent)]
    Files(#[from] FsError),
    /// QEMU's migration ended otherwise than well.
    #[error("saving the devices' state ended as {0:?}")]
    Migration(String),
    /// The vm was saved and does not go on.
    #[error("the vm does not go on after it was saved")]
    NotResumed(#[source] QmpError),
}

/// Save the machine behind `qmp`, whose memory is the shared file `memory` and whose mounted disk, if any, is `layer`, and
/// let it go on.
///
/// # Errors
/// [`SaveError`]; with [`SaveError::NotResumed`] the vm is lost, otherwise only the template.
pub async fn save(qmp: &mut Qmp, memory: &File, layer: Option<&Path>, staging: Staging<'_>) -> Result<(), SaveError> {
    let saved = write(qmp, memory, layer, &staging).await;
    // Saved or not, the vm goes on; QEMU has stopped it for the save, or not yet.
    go_on(qmp).await.map_err(SaveError::NotResumed)?;
    saved?;
    Ok(staging.publish()?)
}

/// Let the machine run. QEMU tells how a migration ended a moment before it is done with it, and refuses until then
/// without telling when: it is asked again, and each question lets it get on.
async fn go_on(qmp: &mut Qmp) -> Result<(), QmpError> {
    let deadline = Instant::now() + GO_ON_LIMIT;
    loop {
        match qmp.execute("cont", json!({})).await {
            Err(QmpError::Refused { .. }) if Instant::now() < deadline => {}
            answer => return answer.map(drop),
        }
    }
}

/// Load the devices' `state` through the pipe that QEMU inherited into a machine that was started for it; the guest then
/// runs, and what it is told of the time is not delayed by the loading.
///
/// # Errors
/// [`QmpError`]; a state that does not fit ends QEMU.
pub async fn load(qmp: &mut Qmp, pipe: Sender, state: &[u8]) -> Result<(), QmpError> {
    ignore_shared(qmp).await?;
    let command = "migrate-incoming";
    let loaded = async {
        qmp.execute(command, json!({ "uri": format!("fd:{}", fd::STATE) })).await?;
        match migrated(qmp).await? {
            status if status == "completed" => Ok(()),
            description => Err(QmpError::Refused { command: command.to_owned(), description }),
        }
    };
    let fed = async { pipe::feed(pipe, state).await.map_err(QmpError::Io) };
    tokio::try_join!(loaded, fed).map(drop)
}

/// Wait until a migration is over, and how it ended.
async fn migrated(qmp: &mut Qmp) -> Result<String, QmpError> {
    loop {
        let event = qmp.event("MIGRATION").await?;
        let status = event.get("status").and_then(serde_json::Value::as_str);
        if let Some(status @ ("completed" | "failed" | "cancelled")) = status {
            return Ok(status.to_owned());
        }
    }
}

/// Send device state only: the memory is a file that both sides have.
async fn ignore_shared(qmp: &mut Qmp) -> Result<(), QmpError> {
    let capability = |name: &str| json!({ "capability": name, "state": true });
    let capabilities = json!({ "capabilities": [capability("x-ignore-shared"), capability("events")] });
    qmp.execute("migrate-set-capabilities", capabilities).await.map(drop)
}

async fn write(qmp: &mut Qmp, memory: &File, layer: Option<&Path>, staging: &Staging<'_>) -> Result<(), SaveError> {
    let mut state = sparse::create_new(&staging.state())?;
    let (theirs, ours) = pipe::from_program()?;
    qmp.give_fd("template", theirs.as_fd()).await?;
    drop(theirs);
    ignore_shared(qmp).await?;
    let saved = async {
        qmp.execute("migrate", json!({ "uri": "fd:template" })).await?;
        Ok(migrated(qmp).await?)
    };
    let kept = async { pipe::drain(ours, &mut state).await.map_err(SaveError::Write) };
    let (status, ()) = tokio::try_join!(saved, kept)?;
    if status != "completed" {
        return Err(SaveError::Migration(status));
    }
    // The machine is stopped, and QEMU has let go of its disk: memory and layer are what the state belongs to.
    if let Some(layer) = layer {
        sparse::copy_new(layer, &staging.layer())?;
    }
    Ok(sparse::copy_used(memory, &staging.ram())?)
}
