//! Closing the layer that a running vm writes to: its disk as it is in one moment, for others to
//! stand on.

use super::failure::until_no_room;
use super::record::Supervisor;
use super::sessions::Sessions;
use crate::disk::set_backing_name;
use crate::engine::qemu::block::{Disk, Node};
use crate::engine::qmp::monitor::{Monitor, MonitorError};
use crate::guest::client::ClientError;
use crate::host::fs::{self, FsError};
use crate::host::sparse;
use crate::store::StoreError;
use crate::store::layer::NewLayer;
use crate::store::vm::VmKind;
use crate::vm::control::protocol::{EngineLaunch, LayerReply};
use crate::vm::paths;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// How long the guest's writes may be held; the guest lets go by itself then.
const HOLD_LIMIT_MS: u32 = 20_000;

/// How long the guest may take for each of its parts: writing out, freezing, thawing.
const GUEST_LIMIT: Duration = Duration::from_secs(30);

/// What the other parts of a supervisor want of the vm's layers.
#[derive(Debug)]
pub(super) enum LayerRequest {
    /// Close the one that is written to, and go on in a new one.
    Close { layer: NewLayer, reply: oneshot::Sender<LayerReply> },
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
pub(super) struct Layers<'a> {
    of: &'a Supervisor<'a>,
    sessions: Sessions,
    monitor: Option<Monitor>,
    /// None where there is no monitor.
    disk: Option<Disk>,
    is_closing: watch::Sender<bool>,
}

/// The engine writes to a layer that no record names: it must end before its guest writes again.
pub(super) struct Lost;

impl<'a> Layers<'a> {
    pub(super) fn new(
        of: &'a Supervisor<'a>,
        sessions: Sessions,
        monitor: Option<Monitor>,
    ) -> Self {
        let top = of.launch.layers.last().cloned().unwrap_or_default();
        let disk = monitor.clone().map(|monitor| Disk::new(monitor, top));
        Self { of, sessions, monitor, disk, is_closing: watch::Sender::new(false) }
    }

    /// Whether a layer is being closed at a moment.
    pub(super) fn closing(&self) -> Closing {
        Closing(self.is_closing.subscribe())
    }

    /// Do what is asked for, one after another. Dropped in the middle of it, the machine must end.
    pub(super) async fn serve(mut self, mut requests: mpsc::Receiver<LayerRequest>) -> Lost {
        loop {
            let Some(request) = requests.recv().await else { return std::future::pending().await };
            let LayerRequest::Close { layer, reply } = request;
            self.is_closing.send_replace(true);
            let (told, is_lost) = self.close(&layer).await;
            // Whoever asked may be gone.
            let _ = reply.send(told);
            if is_lost {
                return Lost;
            }
            self.is_closing.send_replace(false);
            // Whoever waits for this moment is before the next request.
            tokio::task::yield_now().await;
        }
    }

    /// Close the layer and go on in a new one; whether the engine has gone on in one that no record
    /// names.
    async fn close(&mut self, layer: &NewLayer) -> (LayerReply, bool) {
        let mut switched = false;
        match self.try_close(layer, &mut switched).await {
            Ok(held) => {
                let held_us = u64::try_from(held.as_micros()).unwrap_or(u64::MAX);
                (LayerReply::Closed { held_us }, false)
            }
            Err(error) => {
                give_up(self.of, layer);
                let reply = match has_ended(&error) {
                    true => LayerReply::Ended,
                    false => {
                        LayerReply::Failed { message: with_causes(&error), full: is_full(&error) }
                    }
                };
                (reply, switched)
            }
        }
    }

    async fn try_close(
        &mut self,
        layer: &NewLayer,
        switched: &mut bool,
    ) -> Result<Duration, CloseError> {
        let of = self.of;
        let EngineLaunch::Qemu(qemu) = &of.launch.engine else { return Err(CloseError::NoDisk) };
        if of.launch.kind != VmKind::Workspace {
            return Err(CloseError::NoDisk);
        }
        let path = paths::shared_layer(of.config, layer.id);
        if !of.store.begin_layer(of.launch.id, layer)? {
            return Err(CloseError::Overtaken);
        }
        sparse::copy_whole(&qemu.blank_layer, &path)?;
        self.name_below(&path);
        let node = self.add_node(&path, layer).await?;
        // Written out beforehand, so that little is left to write while everybody waits.
        self.in_time(self.sessions.sync()).await?;
        let held = Instant::now();
        let frozen = self.in_time(self.sessions.freeze(HOLD_LIMIT_MS)).await?;
        if let Err(error) = self.switch(layer, node, switched).await {
            if *switched {
                // Thawed, the guest would go on in a layer that nobody knows: it stays held until
                // its engine is killed.
                frozen.keep();
            }
            return Err(error);
        }
        self.in_time(frozen.thaw()).await?;
        Ok(held.elapsed())
    }

    /// Let the new layer name the one that it will stand on.
    fn name_below(&self, path: &Path) {
        let below = self.disk.as_ref().map(Disk::top_file);
        if let Some(Err(error)) = below.map(|below| set_backing_name(path, below)) {
            tracing::debug!(%error, "a layer does not name the one below");
        }
    }

    /// Let the engine go on in the new layer, and record it.
    async fn switch(
        &mut self,
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
        if !self.of.store.close_layer(self.of.launch.id, layer)? {
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

    /// Ask something of the guest. One that does not answer holds nobody up: this process has
    /// others to listen to. One that is held for want of room never will.
    async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, CloseError> {
        tokio::select! {
            answer = tokio::time::timeout(GUEST_LIMIT, asked) => {
                Ok(answer.map_err(|_| CloseError::Silent)??)
            }
            () = until_no_room(self.monitor.as_ref()) => Err(CloseError::NoRoom),
        }
    }
}

/// Tells when no layer is being closed.
pub(super) struct Closing(watch::Receiver<bool>);

impl Closing {
    /// Wait until none is.
    pub(super) async fn over(&mut self) {
        if self.0.wait_for(|is_closing| !is_closing).await.is_err() {
            std::future::pending().await
        }
    }
}

fn with_causes(error: &CloseError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Remove the file of a layer that nothing was written to, and leave its record to whoever comes
/// next.
fn give_up(of: &Supervisor<'_>, layer: &NewLayer) {
    let removed = match of.store.is_layer_made(layer.id) {
        Ok(false) => {
            fs::remove_file(&paths::shared_layer(of.config, layer.id)).map_err(StoreError::from)
        }
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
