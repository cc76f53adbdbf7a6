//! What the starter of a vm and its supervisor say to each other; host-only, frames as on the guest's wire.

use crate::engine::spec::{Accel, DiskSpec, KernelSpec, MachineSpec, Memory};
use crate::id::Id;
use crate::vm::shape::Shape;
use crate::vm::timeline::Timeline;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// First frame to a new supervisor: everything it needs to start its vm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Launch {
    /// The vm, already recorded.
    pub id: Id,
    /// Its shape.
    pub shape: Shape,
    /// When it ends, in seconds since 1970.
    pub expires_at: f64,
    /// What runs it.
    pub engine: EngineLaunch,
    /// Whether the vm ends with the connection that carried this.
    pub leased: bool,
}

/// What runs a vm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum EngineLaunch {
    /// A guest in QEMU.
    Qemu(QemuLaunch),
    /// The agent as a plain process of the host.
    Host,
}

/// A guest to start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QemuLaunch {
    /// The QEMU executable.
    pub program: PathBuf,
    /// What executes it.
    pub accel: Accel,
    /// Its kernel.
    pub kernel: KernelSpec,
    /// The environment's image.
    pub image: PathBuf,
    /// An empty layer over that image; the vm's own is a copy of it.
    pub blank_layer: PathBuf,
    /// Rate of the host's time stamp counter in kHz.
    pub tsc_khz: u32,
    /// Whether it may start from a template, and make one where there is none.
    pub templates: bool,
}

impl QemuLaunch {
    /// The machine of a vm of this shape whose disk is `layer`, with memory of its own.
    #[must_use]
    pub fn machine(&self, shape: Shape, layer: PathBuf) -> MachineSpec {
        MachineSpec {
            accel: self.accel,
            vcpu_count: shape.vcpu_count,
            mem_mib: shape.mem_mib,
            memory: Memory::Anonymous,
            kernel: self.kernel.clone(),
            disk: DiskSpec { layer, image: self.image.clone() },
            tsc_khz: self.tsc_khz,
        }
    }
}

/// From a supervisor to whoever started it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    /// The guest answers and its disk is mounted; the socket is open.
    Ready {
        /// `guest_kvm`, `guest_tcg` or `host_compat`.
        execution_mode: String,
        /// How the start went.
        #[serde(default)]
        timeline: Option<Timeline>,
    },
    /// The vm is over, and everything of it is cleared away; the last event.
    Ended {
        /// Why, unless it was asked for.
        failure: Option<Failure>,
    },
}

/// Why a vm did not start, or stopped by itself.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct Failure {
    /// How far it had come.
    pub stage: Stage,
    /// What happened.
    pub message: String,
    /// The causes below it, outermost first.
    pub causes: Vec<String>,
    /// End of the guest's console, safe to print; empty when it said nothing.
    pub console: String,
}

/// The stages of a start, in their order, and what can end a running vm.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum Stage {
    /// The vm's directory, layer or socket.
    Files,
    /// Starting the engine's process.
    Engine,
    /// From the engine's start to the agent's hello.
    Boot,
    /// Mounting the environment's disk.
    Mount,
    /// It ran, and the machine ended.
    Running,
    /// It ran, and its lifetime is over.
    Expired,
}

/// First frame on a connection to a running vm's supervisor.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Call {
    /// Everything that follows is relayed to a stream of the guest's agent, and back.
    Guest,
    /// End the vm; the connection closes when it is gone.
    Stop,
}
