//! The disk of a running QEMU: its layers as QEMU's block nodes.

use crate::engine::qmp::monitor::{Monitor, MonitorError};
use serde_json::json;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Name that [`super::argv`] gives to the layer that a machine begins with.
pub(super) const FIRST_NODE: &str = "layer";

/// The disk of a running machine.
#[derive(Debug)]
pub struct Disk {
    monitor: Monitor,
    /// The layer that takes the writes.
    top: Node,
    /// Sets of descriptors handed over so far.
    sets: u32,
}

/// A layer that QEMU knows.
#[derive(Debug)]
pub struct Node {
    name: String,
    /// The file name under which QEMU has it.
    file: PathBuf,
}

impl Disk {
    /// The disk of the machine behind `monitor`, as it was started on the layer `top_file`.
    #[must_use]
    pub fn new(monitor: Monitor, top_file: PathBuf) -> Self {
        Self { monitor, top: Node { name: FIRST_NODE.to_owned(), file: top_file }, sets: 0 }
    }

    /// The file name of the layer that takes the writes: what a layer above it says of it.
    #[must_use]
    pub fn top_file(&self) -> &Path {
        &self.top.file
    }

    /// Make a new layer known as `name`. QEMU may open no file by its path any more: it writes
    /// through one descriptor, and reads through the other once it writes to a layer above.
    ///
    /// # Errors
    /// Each variant of [`MonitorError`].
    pub async fn add_layer(
        &mut self,
        name: String,
        write: OwnedFd,
        read: OwnedFd,
    ) -> Result<Node, MonitorError> {
        self.sets += 1;
        for fd in [write, read] {
            self.monitor.execute_with_fd("add-fd", json!({ "fdset-id": self.sets }), fd).await?;
        }
        let file = format!("/dev/fdset/{}", self.sets);
        let add = json!({
            "driver": "qcow2",
            "node-name": name,
            "file": {
                "driver": "file",
                "filename": file,
                "discard": "unmap",
                // The set keeps the first descriptor open, and with it a lock that would keep
                // everybody from the layer when it is closed.
                "locking": "off",
            },
            "backing": null,
            "discard": "unmap",
        });
        self.monitor.execute("blockdev-add", add).await?;
        Ok(Node { name, file: file.into() })
    }

    /// Let the machine go on in `layer`, over the one that it has written to. Where QEMU fails
    /// otherwise than by [`MonitorError::Refused`], it may have switched, or may yet do.
    ///
    /// # Errors
    /// Each variant of [`MonitorError`].
    pub async fn switch_to(&mut self, layer: Node) -> Result<(), MonitorError> {
        let snapshot = json!({ "node": self.top.name, "overlay": layer.name });
        self.monitor.execute("blockdev-snapshot", snapshot).await?;
        self.top = layer;
        Ok(())
    }
}
