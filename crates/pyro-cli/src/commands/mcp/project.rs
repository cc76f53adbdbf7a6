//! The project that pyro works on for a model.

use std::path::PathBuf;

/// The project that this runs in, if it runs in one.
pub(super) fn here() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    pyro_mcp::project(&std::env::current_dir().ok()?, home.as_deref())
}
