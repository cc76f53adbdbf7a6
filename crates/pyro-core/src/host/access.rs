//! What this user may do with a path, without doing it.

use rustix::fs::Access;
use std::path::Path;

/// Whether something is there.
#[must_use]
pub fn exists(path: &Path) -> bool {
    allowed(path, Access::EXISTS)
}

/// Whether it may be read.
#[must_use]
pub fn readable(path: &Path) -> bool {
    allowed(path, Access::READ_OK)
}

/// Whether it may be written to.
#[must_use]
pub fn writable(path: &Path) -> bool {
    allowed(path, Access::WRITE_OK)
}

fn allowed(path: &Path, access: Access) -> bool {
    rustix::fs::access(path, access).is_ok()
}
