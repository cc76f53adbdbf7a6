//! The messages between a vm's supervisor and those who start and use the vm.

use super::services::ServiceRequest;
use super::shells::ShellRequest;
use crate::config::QemuProgram;
use crate::engine::qemu::Abilities;
use crate::engine::spec::{Accel, DiskSpec, KernelSpec, MachineSpec, Memory};
use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use crate::store::layer::NewLayer;
use crate::store::vm::VmKind;
use crate::timestamp::Timestamp;
use crate::vm::failure::Failure;
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
    /// What it is kept for; a one-shot vm ends with the connection that carried this.
    pub kind: VmKind,
    /// Revision of its record when its start was claimed.
    pub revision: i64,
    /// When its lifetime is over, in seconds since 1970.
    pub expires_at: Option<Timestamp>,
    /// The disk's qcow2 layers, bottom first. The last one is the vm's own and is written to; it is
    /// made where it is missing. Those below it are only read. On the host the directory of a
    /// workspace, and nothing for any other vm.
    pub layers: Vec<PathBuf>,
    /// What runs it.
    pub engine: EngineLaunch,
}

impl Launch {
    /// Whether the vm ends with the connection of its starter.
    #[must_use]
    pub fn is_leased(&self) -> bool {
        !self.kind.stays()
    }
}

/// What runs a vm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum EngineLaunch {
    /// A guest in QEMU.
    Qemu(Box<QemuLaunch>),
    /// The agent as a plain process of the host.
    Host,
}

/// A guest to start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QemuLaunch {
    /// The QEMU that runs it.
    pub program: QemuProgram,
    /// What that QEMU said of itself.
    #[serde(default = "Abilities::unasked")]
    pub abilities: Abilities,
    /// What executes it.
    pub accel: Accel,
    /// Its kernel.
    pub kernel: KernelSpec,
    /// The environment's image.
    pub image: PathBuf,
    /// An empty layer over that image; a vm's own is a copy of it.
    pub blank_layer: PathBuf,
    /// Lines for the guest's shell whose programs a template of the environment has in its memory.
    pub warm: Vec<String>,
    /// Rate of the host's time stamp counter in kHz.
    pub tsc_khz: u32,
    /// Whether it may start from a template, and make one where there is none.
    pub templates: bool,
}

impl QemuLaunch {
    /// The machine of a vm of this shape with memory of its own; its disk is `layers`, bottom
    /// first.
    #[must_use]
    pub fn machine(&self, shape: Shape, layers: Vec<PathBuf>, durable: bool) -> MachineSpec {
        MachineSpec {
            accel: self.accel,
            switched_off: self.abilities.switched_off.clone(),
            vcpu_count: shape.vcpu_count,
            mem_mib: shape.mem_mib,
            memory: Memory::Anonymous,
            kernel: self.kernel.clone(),
            disk: DiskSpec { layers, image: self.image.clone(), durable },
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
        execution_mode: ExecutionMode,
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

/// First frame on a connection to a running vm's supervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ControlRequest {
    /// Everything that follows is relayed to a stream of the guest's agent, and back.
    Guest,
    /// Take the vm for one use: it is ended and removed when this connection closes, unless it was
    /// given back before. [`LeaseReply`] answers, [`LeaseWord`] may follow.
    Lease,
    /// Close the disk's layer as it is in one moment, and go on in a new one; [`LayerReply`]
    /// answers.
    CloseLayer(NewLayer),
    /// The lifetime in the vm's record is another now; closing the connection is the answer.
    LifetimeChanged,
    /// Something about the vm's shells; [`super::shells::ShellReply`] answers.
    Shell(ShellRequest),
    /// Something about the services of a workspace's vm; [`super::services::ServiceReply`] answers.
    Service(ServiceRequest),
}

/// How a layer was closed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum LayerReply {
    /// It is, and recorded.
    Closed {
        /// How long the guest's writes were held, in microseconds.
        held_us: u64,
    },
    /// It is not; the vm goes on in the layer that it had, or has ended.
    Failed {
        /// Why.
        message: String,
        /// Whether the host's disk is full.
        #[serde(default)]
        full: bool,
    },
    /// It is not: the vm was gone, and its record will say why.
    Ended,
}

/// From the holder of a lease.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum LeaseWord {
    /// The vm was not used after all, and lives on; [`LeaseReply::Released`].
    Release,
}

/// To whoever asks for a lease.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum LeaseReply {
    /// It has the vm.
    Granted,
    /// Somebody else has it.
    Busy,
    /// The vm was given back.
    Released,
    /// The vm is over, and what does not stay of it is cleared away.
    Ended {
        /// Why, unless it was asked for.
        failure: Option<Failure>,
        /// Whether it is stopped, with its disk, because of that or because somebody told it to.
        kept: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::frame::{FrameDecoder, encode_message};
    use serde::de::DeserializeOwned;

    fn carried<T: DeserializeOwned>(message: &impl Serialize) -> T {
        let mut decoder = FrameDecoder::default();
        decoder.push(&encode_message(message).unwrap());
        decoder.next_frame().unwrap().unwrap().message().unwrap()
    }

    #[test]
    fn a_launch_from_before_a_qemu_was_asked_is_read() {
        #[derive(Serialize)]
        struct Older {
            program: PathBuf,
            accel: Accel,
            kernel: KernelSpec,
            image: PathBuf,
            blank_layer: PathBuf,
            warm: Vec<String>,
            tsc_khz: u32,
            templates: bool,
        }
        let program = PathBuf::from("/usr/bin/qemu-system-x86_64");
        let kernel = KernelSpec {
            vmlinux: "/vmlinux".into(),
            initramfs: "/initramfs".into(),
            acpi: false,
            args: String::new(),
        };
        let older = Older {
            program: program.clone(),
            accel: Accel::Tcg,
            kernel,
            image: PathBuf::from("/image"),
            blank_layer: PathBuf::from("/blank"),
            warm: Vec::new(),
            tsc_khz: 0,
            templates: false,
        };
        let launch: QemuLaunch = carried(&older);
        assert_eq!(launch.program, program.into());
        assert_eq!(launch.abilities.switched_off, ["erms", "smap"]);
        // As it is now, it comes through as it was.
        let again: QemuLaunch = carried(&launch);
        assert_eq!((again.program, again.abilities), (launch.program, launch.abilities));
    }
}
