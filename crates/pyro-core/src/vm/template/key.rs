//! What must be equal for a vm to start from a template.

use crate::config::QemuProgram;
use crate::engine::qemu::argv;
use crate::engine::qemu::confine::Sandbox;
use crate::engine::spec::{DiskSpec, MachineSpec, Memory};
use crate::host::cpu;
use crate::host::fs::{FsError, Stamp};
use crate::host::process;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Raised when the way a template is made or used changes.
const FORMAT: u32 = 2;

/// Digest over everything that makes memory or device state differ; names the template's directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TemplateKey(String);

/// The host that a template belongs to.
#[derive(Clone)]
struct Host {
    /// In one boot the counters' rate, the microcode and the processor's features stay as they are.
    boot_id: String,
    /// See [`cpu::identity`].
    processor: String,
}

impl TemplateKey {
    /// The key of the machine that `spec` describes, run by `qemu`. The disk does not count: none
    /// is mounted.
    ///
    /// # Errors
    /// When the program or the kernel cannot be looked at.
    pub fn of(qemu: &QemuProgram, spec: &MachineSpec) -> Result<Self, FsError> {
        Self::on(&Host { boot_id: process::boot_id(), processor: cpu::identity() }, qemu, spec)
    }

    fn on(host: &Host, qemu: &QemuProgram, spec: &MachineSpec) -> Result<Self, FsError> {
        let diskless = MachineSpec {
            disk: DiskSpec { layers: vec!["/".into()], image: "/".into(), durable: false },
            memory: Memory::Shared,
            ..spec.clone()
        };
        let mut digest = Sha256::new();
        digest.update(FORMAT.to_le_bytes());
        digest.update(&host.boot_id);
        digest.update(&host.processor);
        // Not the initramfs: its name in the arguments holds the digests of what it was made of,
        // and two processes that make it at once replace one file by an equal one.
        for file in [&qemu.executable, &spec.kernel.vmlinux] {
            digest.update(file.as_os_str().as_encoded_bytes());
            digest.update(format!("{:?}", Stamp::of(file)?));
        }
        for path in &qemu.libraries {
            digest.update([1]);
            digest.update(path.as_os_str().as_encoded_bytes());
        }
        for arg in argv::argv(&diskless, Sandbox::of(&qemu.executable)) {
            digest.update([0]);
            digest.update(arg.as_encoded_bytes());
        }
        Ok(Self(hex::encode(&digest.finalize()[..8])))
    }

    /// The key of the same machine with the disk mounted that a new vm of `image` has.
    ///
    /// # Errors
    /// When the image cannot be looked at.
    pub fn mounted(&self, image: &Path, warm: &[String]) -> Result<Self, FsError> {
        let mut digest = Sha256::new();
        digest.update(image.as_os_str().as_encoded_bytes());
        digest.update(format!("{:?}{warm:?}", Stamp::of(image)?));
        Ok(Self(format!("{}-{}", self.0, hex::encode(&digest.finalize()[..8]))))
    }

    /// The directory's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::spec::{Accel, KernelSpec};
    use std::path::PathBuf;

    fn spec(vmlinux: &Path) -> MachineSpec {
        MachineSpec {
            accel: Accel::Tcg,
            switched_off: Vec::new(),
            vcpu_count: 1,
            mem_mib: 1024,
            memory: Memory::Anonymous,
            kernel: KernelSpec {
                vmlinux: vmlinux.into(),
                initramfs: "/kernel-agent.cpio".into(),
                acpi: true,
                args: String::new(),
            },
            disk: DiskSpec { layers: vec!["/a".into()], image: "/".into(), durable: false },
            tsc_khz: 1,
        }
    }

    #[test]
    fn what_makes_memory_differ_makes_the_key_differ() {
        let here = std::env::current_exe().unwrap();
        let spec = spec(&here);
        let qemu = QemuProgram::from(here.clone());
        let key = |spec: &MachineSpec| TemplateKey::of(&qemu, spec).unwrap();
        let disk =
            DiskSpec { layers: vec!["/b".into(), "/d".into()], image: "/c".into(), durable: true };
        let same = MachineSpec { disk, ..spec.clone() };
        assert_eq!(key(&spec), key(&same));
        for other in [
            MachineSpec { vcpu_count: 2, ..spec.clone() },
            MachineSpec { mem_mib: 512, ..spec.clone() },
            MachineSpec { accel: Accel::Kvm, ..spec.clone() },
            MachineSpec { tsc_khz: 2, ..spec.clone() },
            MachineSpec { switched_off: vec!["fsrm".into()], ..spec.clone() },
            MachineSpec {
                kernel: KernelSpec { args: "x".into(), ..spec.kernel.clone() },
                ..spec.clone()
            },
            MachineSpec {
                kernel: KernelSpec { initramfs: "/x".into(), ..spec.kernel.clone() },
                ..spec.clone()
            },
        ] {
            assert_ne!(key(&spec), key(&other));
        }
        let other = |qemu: QemuProgram| TemplateKey::of(&qemu, &spec).unwrap();
        assert_ne!(key(&spec), other(PathBuf::from("/bin/sh").into()), "another QEMU");
        assert_ne!(
            key(&spec),
            other(QemuProgram { libraries: vec!["/lib".into()], ..qemu.clone() }),
            "other libraries"
        );
    }

    #[test]
    fn another_boot_or_another_processor_has_another_key() {
        let here = std::env::current_exe().unwrap();
        let key = |host: &Host| TemplateKey::on(host, &here.clone().into(), &spec(&here)).unwrap();
        let host = Host { boot_id: "boot".into(), processor: "cpu".into() };
        assert_eq!(key(&host), key(&host.clone()));
        assert_ne!(key(&host), key(&Host { boot_id: "reboot".into(), ..host.clone() }));
        assert_ne!(
            key(&host),
            key(&Host { processor: "cpu with a new microcode".into(), ..host.clone() })
        );
    }
}
