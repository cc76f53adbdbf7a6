//! The guest's kernel: unpacked, stored by its digest and shared by all environments.

pub(super) mod modules;
pub(super) mod own;
pub(super) mod vmlinux;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::digest;
use crate::host::fs::{self, FsError, Stamp};
use crate::host::program::ProgramError;
use modules::ModulesError;
use vmlinux::{SIZE_LIMIT, VmlinuxError};

/// Largest module that is looked at.
pub(super) const MODULE_LIMIT: u64 = 64 << 20;

/// An accelerator that a kernel can be run under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KernelAccel {
    /// Hardware virtualisation.
    Kvm,
    /// Software emulation.
    Tcg,
}

/// A kernel that a machine can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The uncompressed ELF kernel.
    pub vmlinux: PathBuf,
    /// SHA-256 over the digests of the kernel and of its modules, in hex.
    pub digest: String,
    /// SHA-256 of `vmlinux` alone, in hex.
    pub vmlinux_digest: String,
    /// The modules that the guest loads, in this order.
    pub modules: Vec<PathBuf>,
    /// Whether the machine describes its devices by ACPI; where not, on the kernel's command line.
    pub acpi: bool,
    /// The accelerators that it works under.
    pub accel: Vec<KernelAccel>,
    /// What is appended to its command line.
    pub args: String,
    /// Most CPUs that it works with.
    pub max_vcpus: Option<u32>,
}

/// A kernel that could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The package does not hold what a kernel package holds.
    #[error("the kernel package has no {0}")]
    Incomplete(&'static str),
    /// The package holds more than a kernel package would.
    #[error("the kernel package holds more than {0} bytes of modules")]
    TooLarge(u64),
    /// The package cannot be read.
    #[error("cannot read the kernel package")]
    Package(#[source] std::io::Error),
    /// The program that opens the package failed.
    #[error("cannot open the kernel package")]
    Program(#[source] ProgramError),
    /// The kernel image cannot be unpacked.
    #[error(transparent)]
    Vmlinux(#[from] VmlinuxError),
    /// Its modules do not do.
    #[error(transparent)]
    Modules(#[from] ModulesError),
    /// It cannot be stored.
    #[error(transparent)]
    Fs(#[from] FsError),
}

/// A kernel fresh from its package.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// The ELF kernel.
    pub(super) vmlinux: Vec<u8>,
    /// File name and content of the modules that a guest loads, in order.
    pub(super) modules: Vec<(String, Vec<u8>)>,
    /// Such as `6.1.0-56-cloud-amd64`.
    pub(super) release: String,
}

/// What an installed environment knows of its kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KernelRecord {
    pub(super) digest: String,
    pub(super) release: String,
    pub(super) vmlinux_digest: String,
    pub(super) vmlinux_stamp: Stamp,
    pub(super) modules: Vec<String>,
}

impl KernelRecord {
    /// The directory that holds it.
    pub(super) fn dir(&self, cache: &Path) -> PathBuf {
        dir(cache, &self.digest)
    }

    /// The kernel as a machine needs it.
    pub(super) fn kernel(&self, cache: &Path) -> Kernel {
        let dir = self.dir(cache);
        Kernel {
            vmlinux: dir.join("vmlinux"),
            digest: self.digest.clone(),
            vmlinux_digest: self.vmlinux_digest.clone(),
            modules: self.modules.iter().map(|name| dir.join("modules").join(name)).collect(),
            acpi: true,
            accel: vec![KernelAccel::Kvm, KernelAccel::Tcg],
            args: String::new(),
            max_vcpus: None,
        }
    }
}

/// Where the kernel with this digest is.
pub(super) fn dir(cache: &Path, digest: &str) -> PathBuf {
    cache.join("kernels").join(digest::short(digest))
}

/// Digest of a kernel with its modules.
pub(super) fn digest_of<'a>(
    vmlinux_digest: &str,
    modules: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> String {
    let mut text = format!("vmlinux {vmlinux_digest}\n");
    for (name, bytes) in modules {
        text += &format!("{name} {}\n", digest::of_bytes(bytes));
    }
    digest::of_bytes(text.as_bytes())
}

/// Put a kernel into the cache, by way of a new directory in `staging`. One that is there already
/// and intact stays.
pub(super) fn store(
    cache: &Path,
    staging: &Path,
    kernel: &Unpacked,
) -> Result<KernelRecord, FsError> {
    let vmlinux_digest = digest::of_bytes(&kernel.vmlinux);
    let digest = digest_of(
        &vmlinux_digest,
        kernel.modules.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])),
    );
    let place = dir(cache, &digest);
    if !is_intact(&place, kernel) {
        let new = fs::unique_dir(staging, "kernel-")?;
        fs::private_dir(&new.join("modules"))?;
        fs::write_atomic(&new.join("vmlinux"), &kernel.vmlinux)?;
        for (name, bytes) in &kernel.modules {
            fs::write_atomic(&new.join("modules").join(name), bytes)?;
        }
        fs::private_dir(&cache.join("kernels"))?;
        if place.exists() {
            fs::rename(&place, &staging.join("damaged-kernel"))?;
        }
        fs::rename(&new, &place)?;
    }
    Ok(KernelRecord {
        digest,
        release: kernel.release.clone(),
        vmlinux_digest,
        vmlinux_stamp: Stamp::of(&place.join("vmlinux"))?,
        modules: kernel.modules.iter().map(|(name, _)| name.clone()).collect(),
    })
}

fn is_intact(place: &Path, kernel: &Unpacked) -> bool {
    let same = |path: &Path, bytes: &[u8]| {
        fs::read_bounded(path, SIZE_LIMIT as u64).is_ok_and(|there| there == bytes)
    };
    same(&place.join("vmlinux"), &kernel.vmlinux)
        && kernel.modules.iter().all(|(name, bytes)| same(&place.join("modules").join(name), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_kernel_is_replaced_and_an_intact_one_stays() {
        let cache = tempfile::tempdir().unwrap();
        let staging = tempfile::tempdir_in(cache.path()).unwrap();
        let kernel = Unpacked {
            vmlinux: b"\x7fELF kernel".to_vec(),
            modules: vec![("b.ko".to_owned(), b"b".to_vec()), ("a.ko".to_owned(), b"a".to_vec())],
            release: "6.1".to_owned(),
        };
        let record = store(cache.path(), staging.path(), &kernel).unwrap();
        assert_eq!(store(cache.path(), staging.path(), &kernel).unwrap(), record);
        let ready = record.kernel(cache.path());
        assert_eq!(
            ready.modules.iter().map(|path| path.file_name().unwrap()).collect::<Vec<_>>(),
            ["b.ko", "a.ko"]
        );
        fs::write_new(&ready.modules[0], b"altered").unwrap();
        store(cache.path(), staging.path(), &kernel).unwrap();
        assert_eq!(fs::read_bounded(&ready.modules[0], 10).unwrap(), b"b");
    }

    #[test]
    fn the_digest_covers_names_order_and_content() {
        let of =
            |modules: &[(&'static str, &'static [u8])]| digest_of("00", modules.iter().copied());
        let one = of(&[("a", b"1"), ("b", b"2")]);
        for other in
            [of(&[("b", b"2"), ("a", b"1")]), of(&[("a", b"1"), ("b", b"3")]), of(&[("a", b"1")])]
        {
            assert_ne!(one, other);
        }
    }
}
