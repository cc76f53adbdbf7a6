//! Kernel modules: those that the initramfs carries, loaded in the order that it lists.

use rustix::fs::{Mode, OFlags};
use std::io;
use std::path::Path;

/// A module that could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("cannot load kernel module {name}: {source}")]
pub(crate) struct ModuleError {
    name: String,
    source: io::Error,
}

/// Load what `directory/order` names; a kernel with everything built in has no such file.
pub(crate) fn load(directory: &Path) -> Result<(), ModuleError> {
    let list = match std::fs::read_to_string(directory.join("order")) {
        Ok(list) => list,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(ModuleError { name: "order".into(), source }),
    };
    for name in names(&list) {
        insert(&directory.join(name))
            .map_err(|source| ModuleError { name: name.to_owned(), source })?;
    }
    Ok(())
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn insert(file: &Path) -> io::Result<()> {
    let module = rustix::fs::open(file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    match rustix::system::finit_module(&module, c"", 0) {
        // Built in, or loaded on behalf of another one.
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(err) => Err(err.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_file_may_have_blanks_and_comments() {
        let names: Vec<_> = names("virtio_ring.ko\n\n # later\n  virtio.ko \n").collect();
        assert_eq!(names, ["virtio_ring.ko", "virtio.ko"]);
    }

    #[test]
    fn no_modules_is_not_an_error_and_a_missing_one_is_named() {
        let directory = tempfile::tempdir().unwrap();
        load(directory.path()).unwrap();
        std::fs::write(directory.path().join("order"), "nope.ko\n").unwrap();
        assert!(load(directory.path()).unwrap_err().to_string().contains("nope.ko"));
    }
}
