//! Saving a template from a booted vm whose agent waits, and loading its state into a new one.

use super::store::Staging;
use crate::engine::qemu::argv::fd;
use crate::engine::qemu::qmp::{Qmp, QmpError};
use crate::host::fs::FsError;
use crate::host::sparse;
use serde_json::json;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;

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

/// Save the paused machine behind `qmp`, whose memory is the shared file `memory`, and let it go on.
///
/// # Errors
/// [`SaveError`]; with [`SaveError::NotResumed`] the vm is lost, otherwise only the template.
pub async fn save(qmp: &mut Qmp, memory: &File, staging: Staging) -> Result<(), SaveError> {
    let saved = write(qmp, memory, &staging).await;
    // Saved or not, the vm goes on; QEMU has stopped it for the save, or not yet.
    qmp.execute("cont", json!({})).await.map_err(SaveError::NotResumed)?;
    saved?;
    Ok(staging.publish()?)
}

/// Load the devices' state that QEMU inherited into a machine that was started for it; the guest then runs.
///
/// # Errors
/// [`QmpError`]; a state that does not fit ends QEMU a moment later.
pub async fn load(qmp: &mut Qmp) -> Result<(), QmpError> {
    ignore_shared(qmp).await?;
    qmp.execute("migrate-incoming", json!({ "uri": format!("fd:{}", fd::STATE) })).await.map(drop)
}

/// Send device state only: the memory is a file that both sides have.
async fn ignore_shared(qmp: &mut Qmp) -> Result<(), QmpError> {
    let capability = |name: &str| json!({ "capability": name, "state": true });
    let capabilities = json!({ "capabilities": [capability("x-ignore-shared"), capability("events")] });
    qmp.execute("migrate-set-capabilities", capabilities).await.map(drop)
}

async fn write(qmp: &mut Qmp, memory: &File, staging: &Staging) -> Result<(), SaveError> {
    let state = sparse::create_new(&staging.state())?;
    qmp.give_fd("template", state.as_fd()).await?;
    ignore_shared(qmp).await?;
    qmp.execute("migrate", json!({ "uri": "fd:template" })).await?;
    loop {
        let event = qmp.event("MIGRATION").await?;
        match event.get("status").and_then(serde_json::Value::as_str) {
            Some("completed") => break,
            Some(status @ ("failed" | "cancelled")) => return Err(SaveError::Migration(status.to_owned())),
            _ => {}
        }
    }
    // The machine is stopped: its memory is what the state belongs to.
    Ok(sparse::copy_used(memory, &staging.ram())?)
}
