//! Removing: what is not there is fine.

use super::error::{FsError, at};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Remove a file; one that is not there is fine.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove_file(path: &Path) -> Result<(), FsError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Remove a directory with all that it holds, or a file; what is not there is fine.
///
/// # Errors
/// When something of it cannot be removed.
pub fn remove_tree(path: &Path) -> Result<(), FsError> {
    // Commands on the host leave directories that their owner may not write to.
    pyro_tree::node::remove(rustix::fs::CWD, path.as_os_str().as_bytes())
        .map_err(|errno| at("remove", path)(errno.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs::names_in;

    #[test]
    fn removing_what_is_not_there_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        remove_tree(&dir.path().join("none")).unwrap();
        remove_file(&dir.path().join("none")).unwrap();
        assert!(names_in(&dir.path().join("none")).unwrap().is_empty());
    }
}
