//! Saving a template from a booted vm whose agent waits, and loading its state into a new one.

use super::store::Staging;
use crate::engine::qemu::migrate;
use crate::engine::qmp::monitor::{MigrationEnd, Monitor, MonitorError};
use crate::host::fs::FsError;
use crate::host::{pipe, sparse};
use std::fs::File;
use std::io;
use std::path::Path;
use tokio::net::unix::pipe::Sender;

/// Why no template was saved; the vm itself goes on.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// QEMU refused or failed.
    #[error("QEMU cannot save its state")]
    Qemu(#[from] MonitorError),
    /// A file of the template cannot be written.
    #[error("cannot write the template")]
    Write(#[from] io::Error),
    /// The template cannot be put into place.
    #[error(transparent)]
    Files(#[from] FsError),
    /// QEMU's migration ended otherwise than well.
    #[error("saving the devices' state ended as {0}")]
    Migration(MigrationEnd),
    /// The vm was saved and does not go on.
    #[error("the vm does not go on after it was saved")]
    NotResumed(#[source] MonitorError),
}

/// Save the machine behind `monitor`, whose memory is the shared file `memory` and whose mounted
/// disk, if any, is `layer`, and let it go on.
///
/// # Errors
/// [`SaveError`]; with [`SaveError::NotResumed`] the vm is lost, otherwise only the template.
pub async fn save(
    monitor: &Monitor,
    memory: &File,
    layer: Option<&Path>,
    staging: Staging<'_>,
) -> Result<(), SaveError> {
    let saved = write(monitor, memory, layer, &staging).await;
    // Saved or not, the vm goes on; QEMU has stopped it for the save, or not yet.
    migrate::go_on(monitor).await.map_err(SaveError::NotResumed)?;
    saved?;
    Ok(staging.publish()?)
}

/// Load the devices' `state` through the pipe that QEMU inherited into a machine that was started
/// for it; the guest then runs, and what it is told of the time is not delayed by the loading.
///
/// # Errors
/// [`MonitorError`]; a state that does not fit ends QEMU.
pub async fn load(monitor: &Monitor, pipe: Sender, state: &[u8]) -> Result<(), MonitorError> {
    let fed = async { Ok(pipe::feed(pipe, state).await?) };
    tokio::try_join!(migrate::load(monitor), fed).map(drop)
}

async fn write(
    monitor: &Monitor,
    memory: &File,
    layer: Option<&Path>,
    staging: &Staging<'_>,
) -> Result<(), SaveError> {
    let mut state = sparse::create_new(&staging.state())?;
    let (theirs, ours) = pipe::from_program()?;
    let saved = async { Ok(migrate::save(monitor, theirs).await?) };
    let kept = async { pipe::drain(ours, &mut state).await.map_err(SaveError::Write) };
    let (end, ()) = tokio::try_join!(saved, kept)?;
    if end != MigrationEnd::Completed {
        return Err(SaveError::Migration(end));
    }
    // The machine is stopped, and QEMU has let go of its disk: memory and layer are what the state
    // belongs to.
    if let Some(layer) = layer {
        sparse::copy_new(layer, &staging.layer())?;
    }
    Ok(sparse::copy_used(memory, &staging.ram())?)
}
