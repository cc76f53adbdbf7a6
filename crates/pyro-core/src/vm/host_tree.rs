//! Where a workspace's files are for a command on a host that can run no guest.

use pyro_protocol::GuestPath;
use pyro_protocol::path::GuestPathError;
use pyro_protocol::variable::Variable;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Where a workspace's files are in its guest.
pub const ROOT: &str = "/workspace";

/// Let something run in the workspace at `tree`, which is its home too.
///
/// # Errors
/// When the directory is too long with the place of the tree.
pub fn move_in(
    tree: &Path,
    cwd: &mut GuestPath,
    env: &mut Vec<Variable>,
) -> Result<(), GuestPathError> {
    *cwd = seen(tree, cwd)?;
    if let Some(home) = tree.to_str() {
        env.insert(0, Variable::new("HOME", home));
    }
    Ok(())
}

/// A path as a command on the host knows it.
///
/// # Errors
/// When it is too long with the place of the tree.
fn seen(tree: &Path, path: &GuestPath) -> Result<GuestPath, GuestPathError> {
    let below = path.as_bytes().strip_prefix(ROOT.as_bytes());
    match below.filter(|below| below.is_empty() || below.starts_with(b"/")) {
        Some(below) => GuestPath::parse(&[tree.as_os_str().as_bytes(), below].concat()),
        None => Ok(path.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_workspace_is_elsewhere() {
        for (cwd, expected) in [
            ("/workspace", "/data/tree"),
            ("/workspace/a/b", "/data/tree/a/b"),
            ("/workspaces", "/workspaces"),
            ("/tmp", "/tmp"),
        ] {
            let cwd = GuestPath::parse(cwd.as_bytes()).unwrap();
            assert_eq!(
                seen(Path::new("/data/tree"), &cwd).unwrap().as_bytes(),
                expected.as_bytes()
            );
        }
    }
}
