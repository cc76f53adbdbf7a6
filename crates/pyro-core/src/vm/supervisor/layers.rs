//! Closing the layer that a running vm writes to: its disk as it is in one moment, for others to stand on.

use super::Supervisor;
use super::start::{open, until_no_room};
use crate::engine::qemu::block::{Disk, Node};
use crate::engine::qemu::monitor::{Monitor, MonitorError};
use crate::guest::client::ClientError;
use crate::guest::transport::Channel;
use crate::guest::{file, freeze};
use crate::host::fs::{self, FsError};
use crate::host::sparse;
use crate::store::StoreError;
use crate::store::layer::NewLayer;
use crate::store::vm::VmKind;
use crate::vm::launch::{EngineLaunch, LayerReply};
use crate::vm::paths;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long the guest's writes may be held; the guest lets go by itself then.
const HOLD_LIMIT_MS: u32 = 20_000;

/// How long the guest may take for each of its parts: writing out, freezing, thawing.
const GUEST_LIMIT: Duration = Duration::from_secs(30);

/// What a client wants, and where it hears of it.
pub(super) struct Order {
    pub(super) layer: NewLayer,
    pub(super) reply: oneshot::Sender<LayerReply>,
}

/// Why a layer was not closed.
#[derive(Debug, thiserror::Error)]
enum CloseError {
    #[error("this vm has no disk of its own")]
    NoDisk,
    #[error("the new layer's file cannot be made")]
    File(#[from] io::Error),
    #[error(transparent)]
    Files(#[from] FsError),
    #[error(transparent)]
    Engine(#[from] MonitorError),
    #[error("the guest did not hold its writes")]
    Guest(#[from] ClientError),
    #[error("the guest did not hold its writes within {} s", GUEST_LIMIT.as_secs())]
    Silent,
    #[error("the guest is held: the host's disk is full")]
    NoRoom,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the workspace is gone")]
    Gone,
    #[error("another change of its disk came first")]
    Overtaken,
}

/// The layers of a running machine.
pub(super) struct Layers {
    /// None where there is no monitor.
    disk: Option<Disk>,
    monitor: Option<Monitor>,
}

/// What came of an order.
pub(super) enum Closing {
    /// The vm goes on.
    Done(LayerReply),
    /// The engine writes to a layer that no record names: it must end before its guest writes again.
    Lost(LayerReply),
}

impl Layers {
    pub(super) fn new(monitor: Option<Monitor>) -> Self {
        Self { disk: monitor.clone().map(Disk::new), monitor }
    }

    /// Close the layer and go on in a new one.
    pub(super) async fn close(&mut self, of: &Supervisor<'_>, channel: &Channel, layer: &NewLayer) -> Closing {
        let mut switched = false;
        match self.try_close(of, channel, layer, &mut switched).await {
            Ok(held) => {
                let held_us = u64::try_from(held.as_micros()).unwrap_or(u64::MAX);
                Closing::Done(LayerReply::Closed { held_us })
            }
            Err(error) => {
                let causes = std::iter::successors(std::error::Error::source(&error), |cause| (*cause).source());
                let message = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
                give_up(of, layer);
                let reply = match has_ended(&error) {
                    true => LayerReply::Ended,
                    false => LayerReply::Failed { message, full: is_full(&error) },
                };
                if switched { Closing::Lost(reply) } else { Closing::Done(reply) }
            }
        }
    }

    async fn try_close(
        &mut self,
        of: &Supervisor<'_>,
        channel: &Channel,
        layer: &NewLayer,
        switched: &mut bool,
    ) -> Result<Duration, CloseError> {
        let EngineLaunch::Qemu(qemu) = &of.launch.engine else { return Err(CloseError::NoDisk) };
        if of.launch.kind != VmKind::Workspace {
            return Err(CloseError::NoDisk);
        }
        let path = paths::shared_layer(of.config, layer.id);
        if !of.store.begin_layer(of.launch.id, layer)? {
            return Err(CloseError::Overtaken);
        }
        sparse::copy_whole(&qemu.blank_layer, &path)?;
        let node = self.add_node(&path, layer).await?;
        // Written out beforehand, so that little is left to write while everybody waits.
        self.in_time(async { file::sync(open(channel).await?).await }).await?;
        let held = Instant::now();
        let freeze = async { freeze::freeze(open(channel).await?, HOLD_LIMIT_MS).await };
        let frozen = self.in_time(freeze).await?;
        if let Err(error) = self.switch(of, layer, node, switched).await {
            if *switched {
                // Thawed, the guest would go on in a layer that nobody knows: it stays held until its
                // engine is killed.
                std::mem::forget(frozen);
            }
            return Err(error);
        }
        self.in_time(frozen.thaw()).await?;
        Ok(held.elapsed())
    }

    /// Let the engine go on in the new layer, and record it.
    async fn switch(
        &mut self,
        of: &Supervisor<'_>,
        layer: &NewLayer,
        node: Node,
        switched: &mut bool,
    ) -> Result<(), CloseError> {
        let disk = self.disk.as_mut().ok_or(MonitorError::Closed)?;
        // Whatever else comes than a refusal, it may have switched, or may yet do.
        *switched = true;
        let on_new_layer = disk.switch_to(node).await;
        if let Err(MonitorError::Refused { .. }) = on_new_layer {
            *switched = false;
        }
        on_new_layer?;
        if !of.store.close_layer(of.launch.id, layer)? {
            return Err(CloseError::Gone);
        }
        // Recorded: from here on the new layer is the one.
        *switched = false;
        Ok(())
    }

    /// Make the new layer known to the engine, which may open no file by its name any more.
    async fn add_node(&mut self, path: &Path, layer: &NewLayer) -> Result<Node, CloseError> {
        let disk = self.disk.as_mut().ok_or(MonitorError::Closed)?;
        let (write, read) = (fs::open_to_write(path)?, fs::open(path)?);
        Ok(disk.add_layer(format!("layer-{}", layer.id), write.into(), read.into()).await?)
    }

    /// Ask something of the guest. One that does not answer holds nobody up: this process has others to
    /// listen to. One that is held for want of room never will.
    async fn in_time<T>(&self, asked: impl Future<Output = Result<T, ClientError>>) -> Result<T, CloseError> {
        tokio::select! {
            answer = tokio::time::timeout(GUEST_LIMIT, asked) => {
                Ok(answer.map_err(|_| CloseError::Silent)??)
            }
            () = until_no_room(self.monitor.as_ref()) => Err(CloseError::NoRoom),
        }
    }
}

/// Remove the file of a layer that nothing was written to, and leave its record to whoever comes next.
fn give_up(of: &Supervisor<'_>, layer: &NewLayer) {
    let removed = match of.store.is_layer_made(layer.id) {
        Ok(false) => fs::remove_file(&paths::shared_layer(of.config, layer.id)).map_err(StoreError::from),
        Ok(true) => return,
        Err(error) => Err(error),
    };
    if let Err(error) = removed.and_then(|()| of.store.give_up_layer(layer.id)) {
        tracing::warn!(%error, "a layer that was not made stays for as long as this process");
    }
}

fn is_full(error: &CloseError) -> bool {
    match error {
        CloseError::File(error) => fs::is_full(error),
        CloseError::Files(error) => error.is_full(),
        CloseError::Store(error) => error.is_full(),
        _ => false,
    }
}

/// Whether the engine or the agent is gone, and the vm with it.
fn has_ended(error: &CloseError) -> bool {
    match error {
        CloseError::Engine(error) => matches!(error, MonitorError::Closed | MonitorError::Io(_)),
        // It is ended for that next, and its record says so.
        CloseError::NoRoom => true,
        CloseError::Guest(error) => matches!(error, ClientError::Ended | ClientError::Io(_)),
        _ => false,
    }
}
