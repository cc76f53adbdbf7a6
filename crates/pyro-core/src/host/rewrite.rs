//! A file of the user's, changed whole or not at all, and otherwise left as it is.

use super::fs::{self, FsError};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// This user.
    User,
    /// Everybody: it belongs to a project.
    All,
}

/// Write a user's file whole or not at all. An existing one keeps its mode, and a link stays one:
/// its target is written; directories that are missing are made, as readable as a new file.
///
/// # Errors
/// When any step fails; the old file is then as it was.
pub fn rewrite(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), FsError> {
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let write = |source| FsError { action: "write", path: target.clone(), source };
    let parent =
        target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match readers {
        Readers::User => fs::private_dir(parent)?,
        Readers::All => std::fs::create_dir_all(parent).map_err(write)?,
    }
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(parent).map_err(write)?;
    match std::fs::metadata(&target) {
        Ok(old) => {
            let mode = std::fs::Permissions::from_mode(old.permissions().mode() & 0o7777);
            file.as_file().set_permissions(mode).map_err(write)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && readers == Readers::All => {
            file.as_file()
                .set_permissions(std::fs::Permissions::from_mode(0o644))
                .map_err(write)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(write(error)),
    }
    file.write_all(bytes).map_err(write)?;
    file.as_file().sync_all().map_err(write)?;
    file.persist(&target).map_err(|error| write(error.error))?;
    fs::sync_dir(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_and_link_are_kept_and_directories_are_made() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("dotfiles.json"), home.path().join("settings.json"));
        std::fs::write(&real, "old").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        rewrite(&link, b"new", Readers::All).unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        let deep = home.path().join("a/b/c.json");
        rewrite(&deep, b"new", Readers::User).unwrap();
        assert_eq!(std::fs::metadata(&deep).unwrap().permissions().mode() & 0o777, 0o600);
        let shared = home.path().join("project/.vscode/mcp.json");
        rewrite(&shared, b"new", Readers::All).unwrap();
        assert_eq!(std::fs::metadata(&shared).unwrap().permissions().mode() & 0o777, 0o644);
    }
}
