//! Debian's kernel package: the kernel and the modules that a guest loads, read without unpacking
//! the rest.

use std::io::Read;
use std::path::Path;

use super::super::kernel::modules::{self, KernelModules, WANTED};
use super::super::kernel::vmlinux::{self, SIZE_LIMIT};
use super::super::kernel::{KernelError, MODULE_LIMIT, Unpacked};
use crate::host::program::OutputOf;

/// All modules of a package together; Debian's cloud kernel has about 92 MB.
const ALL_MODULES_LIMIT: u64 = 1 << 30;

/// Read a kernel package; `dpkg_deb` opens it.
pub(super) fn read(dpkg_deb: &Path, package: &Path) -> Result<Unpacked, KernelError> {
    let mut stream = OutputOf::start(dpkg_deb, [Path::new("--fsys-tarfile"), package])
        .map_err(KernelError::Program)?;
    let contents = Contents::read(&mut stream);
    // A package that cannot be opened shows as a short archive: the program's own failure says
    // more.
    match (stream.finish(), contents) {
        (Err(error), _) => Err(KernelError::Program(error)),
        (Ok(()), contents) => contents?.into_kernel(),
    }
}

#[derive(Debug, Default)]
struct Contents {
    image: Option<(String, Vec<u8>)>,
    modules: KernelModules,
    has_builtin: bool,
}

impl Contents {
    /// Everything of a package's archive that a kernel is made of.
    fn read(archive: impl Read) -> Result<Self, KernelError> {
        let mut contents = Self::default();
        let mut left = ALL_MODULES_LIMIT;
        for entry in tar::Archive::new(archive).entries().map_err(KernelError::Package)? {
            let mut entry = entry.map_err(KernelError::Package)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let path = path.trim_start_matches("./");
            let path = path.strip_prefix("usr/").unwrap_or(path);
            if let Some(release) = path.strip_prefix("boot/vmlinuz-") {
                contents.image =
                    Some((release.to_owned(), bounded(&mut entry, SIZE_LIMIT as u64)?));
            } else if let Some(path) = path.strip_prefix("lib/modules/") {
                if let Some(name) = modules::name_of(path) {
                    let bytes = bounded(&mut entry, MODULE_LIMIT.min(left))?;
                    left -= bytes.len() as u64;
                    contents.modules.files.insert(name, bytes);
                } else if path.ends_with("/modules.builtin") {
                    let list =
                        String::from_utf8_lossy(&bounded(&mut entry, MODULE_LIMIT)?).into_owned();
                    contents.modules.builtin = list.lines().filter_map(modules::name_of).collect();
                    contents.has_builtin = true;
                }
            }
        }
        Ok(contents)
    }

    fn into_kernel(mut self) -> Result<Unpacked, KernelError> {
        let (release, image) = self.image.ok_or(KernelError::Incomplete("boot/vmlinuz"))?;
        if !self.has_builtin {
            return Err(KernelError::Incomplete("modules.builtin"));
        }
        let order = self.modules.in_order(&WANTED)?;
        let take = |name: String| {
            self.modules.files.remove(&name).map(|bytes| (format!("{name}.ko"), bytes))
        };
        let modules = order.into_iter().filter_map(take).collect();
        Ok(Unpacked { vmlinux: vmlinux::unpack(&image)?, modules, release })
    }
}

fn bounded(entry: &mut impl Read, limit: u64) -> Result<Vec<u8>, KernelError> {
    let mut bytes = Vec::new();
    entry.take(limit + 1).read_to_end(&mut bytes).map_err(KernelError::Package)?;
    if bytes.len() as u64 > limit { Err(KernelError::TooLarge(limit)) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_entry_type(tar::EntryType::Regular);
            builder.append_data(&mut header, path, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn kernel(files: &[(&str, &[u8])]) -> Result<Unpacked, KernelError> {
        Contents::read(&archive(files)[..])?.into_kernel()
    }

    const BUILTIN: &[u8] =
        b"kernel/drivers/virtio/virtio_mmio.ko\nkernel/drivers/block/virtio_blk.ko\n\
        kernel/drivers/char/virtio_console.ko\nkernel/fs/ext4/ext4.ko\n";

    #[test]
    fn a_kernel_with_everything_built_in_needs_no_modules() {
        let files: [(&str, &[u8]); 3] = [
            ("./boot/vmlinuz-6.1.0-cloud", b"\x7fELF"),
            ("./lib/modules/6.1.0-cloud/modules.builtin", BUILTIN),
            ("./lib/modules/6.1.0-cloud/kernel/net/tipc.ko", b"unused"),
        ];
        let kernel = kernel(&files).unwrap();
        assert_eq!((kernel.release.as_str(), kernel.modules.len()), ("6.1.0-cloud", 0));
    }

    #[test]
    fn a_package_that_lacks_something_is_refused() {
        let image = ("boot/vmlinuz-6", &b"\x7fELF"[..]);
        for (files, expected) in [
            (vec![], "no boot/vmlinuz"),
            (vec![image], "no modules.builtin"),
            (vec![image, ("lib/modules/6/modules.builtin", b"")], "no virtio_mmio"),
            (
                vec![("boot/vmlinuz-6", &b"MZ"[..]), ("lib/modules/6/modules.builtin", BUILTIN)],
                "boot header",
            ),
        ] {
            let error = kernel(&files).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}, not {expected}");
        }
    }
}
