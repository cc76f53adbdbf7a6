//! Which kernel modules a guest needs, in the order in which they must be loaded.

use std::collections::{BTreeMap, BTreeSet};

use object::{Object, ObjectSection};

/// A kernel whose modules do not do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ModulesError {
    /// The kernel lacks something that every guest needs.
    #[error("the kernel has no {module}, neither built in nor as a module")]
    Missing {
        /// The module's name.
        module: String,
    },
    /// A module's file is not what it should be.
    #[error("kernel module {module} is damaged")]
    Damaged {
        /// The module's name.
        module: String,
    },
    /// Modules that need each other.
    #[error("kernel module {module} needs itself")]
    Circular {
        /// The module's name.
        module: String,
    },
}

/// A module that guests are given.
pub(in crate::environment) struct Wanted {
    /// Its name.
    pub(in crate::environment) name: &'static str,
    /// Whether no guest works without it.
    pub(in crate::environment) required: bool,
}

/// What a guest needs of its kernel: the machine's devices, and the disk's file system with the
/// checksum that it asks the kernel's crypto for (a soft dependency, which modules do not list).
pub(in crate::environment) const WANTED: [Wanted; 5] = [
    Wanted { name: "virtio_mmio", required: true },
    Wanted { name: "virtio_blk", required: true },
    Wanted { name: "virtio_console", required: true },
    Wanted { name: "crc32c_generic", required: false },
    Wanted { name: "ext4", required: true },
];

/// A kernel's modules and what needs none.
#[derive(Debug, Default)]
pub(in crate::environment) struct KernelModules {
    /// Content of each module's file, by module name.
    pub(in crate::environment) files: BTreeMap<String, Vec<u8>>,
    /// Names of the modules that are part of the kernel.
    pub(in crate::environment) builtin: BTreeSet<String>,
}

impl KernelModules {
    /// The names of the wanted modules and of all that they need, each after what it needs;
    /// built-in ones left out.
    pub(in crate::environment) fn in_order(
        &self,
        wanted: &[Wanted],
    ) -> Result<Vec<String>, ModulesError> {
        let mut order = Vec::new();
        for Wanted { name, required } in wanted {
            if self.files.contains_key(*name) || self.builtin.contains(*name) {
                self.visit(name, &mut order, &mut BTreeSet::new())?;
            } else if *required {
                return Err(ModulesError::Missing { module: (*name).to_owned() });
            }
        }
        Ok(order)
    }

    fn visit(
        &self,
        name: &str,
        order: &mut Vec<String>,
        open: &mut BTreeSet<String>,
    ) -> Result<(), ModulesError> {
        if self.builtin.contains(name) || order.iter().any(|done| done == name) {
            return Ok(());
        }
        let module = || name.to_owned();
        let file =
            self.files.get(name).ok_or_else(|| ModulesError::Missing { module: module() })?;
        if !open.insert(module()) {
            return Err(ModulesError::Circular { module: module() });
        }
        for needed in needs(file).ok_or_else(|| ModulesError::Damaged { module: module() })? {
            self.visit(&needed, order, open)?;
        }
        order.push(module());
        Ok(())
    }
}

/// The module's name of a file such as `kernel/drivers/char/hw_random/virtio-rng.ko`.
pub(in crate::environment) fn name_of(path: &str) -> Option<String> {
    Some(path.rsplit('/').next()?.strip_suffix(".ko")?.replace('-', "_"))
}

/// The modules that a module's file says it needs; `None` where it does not say.
fn needs(file: &[u8]) -> Option<Vec<String>> {
    let elf = object::read::elf::ElfFile64::<object::Endianness>::parse(file).ok()?;
    let info = elf.section_by_name(".modinfo")?.data().ok()?;
    let depends =
        info.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(b"depends="))?;
    let names = std::str::from_utf8(depends).ok()?.split(',');
    Some(names.filter(|name| !name.is_empty()).map(|name| name.replace('-', "_")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::write::{Object as NewObject, StandardSegment};

    fn module(depends: &str) -> Vec<u8> {
        let format = object::BinaryFormat::Elf;
        let mut file =
            NewObject::new(format, object::Architecture::X86_64, object::Endianness::Little);
        let segment = file.segment_name(StandardSegment::Data).to_vec();
        let section =
            file.add_section(segment, b".modinfo".to_vec(), object::SectionKind::ReadOnlyData);
        let info = format!("license=GPL\0depends={depends}\0name=x\0");
        file.append_section_data(section, info.as_bytes(), 1);
        file.write().unwrap()
    }

    fn kernel(modules: &[(&str, &str)], builtin: &[&str]) -> KernelModules {
        KernelModules {
            files: modules
                .iter()
                .map(|(name, depends)| ((*name).to_owned(), module(depends)))
                .collect(),
            builtin: builtin.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    const BLK: Wanted = Wanted { name: "virtio_blk", required: true };
    const RNG: Wanted = Wanted { name: "virtio_rng", required: false };

    #[test]
    fn each_module_comes_after_what_it_needs() {
        let modules = [
            ("virtio_blk", "virtio,virtio-ring"),
            ("virtio_ring", ""),
            ("virtio", "virtio_ring,rng_core"),
        ];
        let order = kernel(&modules, &["rng_core"]).in_order(&[BLK, RNG]).unwrap();
        assert_eq!(order, ["virtio_ring", "virtio", "virtio_blk"]);
        assert!(kernel(&[], &["virtio_blk"]).in_order(&[BLK, RNG]).unwrap().is_empty());
    }

    #[test]
    fn a_kernel_that_does_not_do_is_named() {
        let missing = |module: &str| ModulesError::Missing { module: module.to_owned() };
        assert_eq!(kernel(&[], &[]).in_order(&[BLK]), Err(missing("virtio_blk")));
        assert_eq!(
            kernel(&[("virtio_blk", "virtio")], &[]).in_order(&[BLK]),
            Err(missing("virtio"))
        );
        let circle =
            kernel(&[("virtio_blk", "virtio"), ("virtio", "virtio_blk")], &[]).in_order(&[BLK]);
        assert_eq!(circle, Err(ModulesError::Circular { module: "virtio_blk".to_owned() }));
        let mut damaged = kernel(&[("virtio_blk", "")], &[]);
        for bytes in [Vec::new(), b"\x7fELF".to_vec(), module("")[..100].to_vec()] {
            damaged.files.insert("virtio_blk".to_owned(), bytes);
            let error = damaged.in_order(&[BLK]);
            assert_eq!(error, Err(ModulesError::Damaged { module: "virtio_blk".to_owned() }));
        }
    }

    #[test]
    fn file_names_become_module_names() {
        assert_eq!(
            name_of("kernel/drivers/char/hw_random/virtio-rng.ko").as_deref(),
            Some("virtio_rng")
        );
        assert_eq!(name_of("kernel/fs/ext4"), None);
    }
}
