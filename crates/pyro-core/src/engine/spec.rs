//! What a machine is made of, as values.

use crate::execution_mode::ExecutionMode;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What executes the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accel {
    /// The processor, through the host's kernel.
    Kvm,
    /// QEMU's translator: no hardware virtualisation needed.
    Tcg,
}

impl Accel {
    /// `kvm` or `tcg`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }

    /// The execution mode that results tell.
    #[must_use]
    pub fn execution_mode(self) -> ExecutionMode {
        match self {
            Self::Kvm => ExecutionMode::GuestKvm,
            Self::Tcg => ExecutionMode::GuestTcg,
        }
    }
}

impl std::fmt::Display for Accel {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

/// A kernel and how it is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelSpec {
    /// Uncompressed kernel with a PVH entry.
    pub vmlinux: PathBuf,
    /// Initramfs with the agent as `/init`.
    pub initramfs: PathBuf,
    /// Whether devices are described by ACPI; otherwise on the kernel's command line.
    pub acpi: bool,
    /// Further kernel arguments.
    pub args: String,
}

/// The disk of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSpec {
    /// Its qcow2 layers, bottom first; the last one is written to, those below it are only read.
    pub layers: Vec<PathBuf>,
    /// The raw image below them, which is only read.
    pub image: PathBuf,
    /// Whether what the guest flushes must survive a power cut of the host.
    pub durable: bool,
}

/// Where a machine's memory lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Memory {
    /// Anonymous memory of the engine.
    Anonymous,
    /// A file that whoever starts the machine holds too, to save it as a template; inherited as a
    /// descriptor.
    Shared,
    /// A template's memory, mapped privately: written pages are the machine's own, all others are
    /// shared by all.
    Template(PathBuf),
}

/// A whole machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineSpec {
    /// What executes it.
    pub accel: Accel,
    /// Features that its processors do not have; only where they are emulated.
    pub switched_off: Vec<String>,
    /// Virtual CPUs.
    pub vcpu_count: u8,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// Where that memory lies.
    pub memory: Memory,
    /// Its kernel.
    pub kernel: KernelSpec,
    /// Its disk.
    pub disk: DiskSpec,
    /// Rate of the host's time stamp counter in kHz, zero when unknown; an emulated guest is told.
    pub tsc_khz: u32,
}
