//! Workspaces on a host that can run no guest: a layer is a directory with a `workspace` in it, a
//! closed one is a copy.

use super::claim::note;
use super::error::WorkspaceError;
use super::paths::ROOT;
use super::running::Running;
use crate::backing::Backing;
use crate::config::Config;
use crate::host::copy::{CopyError, copy_whole};
use crate::host::{clock, fs};
use crate::id::Id;
use crate::store::Store;
use crate::store::layer::NewLayer;
use crate::store::workspace::WorkspaceRecord;
use crate::vm::exec::ExecRequest;
use crate::vm::exec::line::OptionError;
use crate::vm::{VmError, blocking, host_tree, paths};
use pyro_protocol::GuestPath;
use pyro_protocol::variable::Variable;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// The workspace in a layer.
pub(super) fn tree(config: &Config, layer: Id) -> PathBuf {
    paths::layer_tree(config, layer).join(&ROOT[1..])
}

/// The directory of the layer `top`.
///
/// # Errors
/// [`WorkspaceError::LayerGone`].
pub(super) fn layer(
    config: &Config,
    workspace: &WorkspaceRecord,
    top: Id,
) -> Result<PathBuf, WorkspaceError> {
    let path = paths::layer_tree(config, top);
    if path.is_dir() {
        return Ok(path);
    }
    let resettable = workspace
        .baseline_layer
        .is_some_and(|baseline| paths::layer_tree(config, baseline).is_dir());
    Err(WorkspaceError::LayerGone { id: workspace.id, path, resettable })
}

/// Make the directory of a recorded layer that begins empty.
///
/// # Errors
/// [`WorkspaceError::Files`].
pub(super) fn begin(config: &Config, layer: Id) -> Result<(), WorkspaceError> {
    Ok(fs::private_dir(&paths::layer_tree(config, layer))?)
}

/// Make the directory of a recorded layer as a copy of one that nobody writes to.
///
/// # Errors
/// [`WorkspaceError::Copy`]; there is no such directory then.
pub(super) async fn copy(
    config: &Config,
    from: Id,
    to: Id,
    cancel: &CancellationToken,
) -> Result<(), WorkspaceError> {
    let (from, to) = (paths::layer_tree(config, from), paths::layer_tree(config, to));
    // Waited for to its end: what it makes is removed only when it makes no more.
    let cancel = cancel.clone();
    let copied = blocking(move || Ok(copy_whole(&from, &to, &|| cancel.is_cancelled())));
    copied.await?.map_err(|error| match error {
        CopyError::Stopped => VmError::Cancelled.into(),
        error => WorkspaceError::Copy(error),
    })
}

/// Keep the layer `open` of a new workspace as it is, for resets to go back to; the layer that is
/// kept.
///
/// # Errors
/// [`WorkspaceError::Copy`].
pub(super) async fn keep(
    config: &Config,
    store: &Store,
    id: Id,
    open: Id,
    cancel: &CancellationToken,
) -> Result<Id, WorkspaceError> {
    let kept = NewLayer {
        id: Id::random().map_err(VmError::from)?,
        parent: None,
        backing: Backing::HostTree,
        created_at: clock::now(),
    };
    note(store, id, std::slice::from_ref(&kept), |workspace| workspace.next_layer = Some(kept.id))?;
    copy(config, open, kept.id, cancel).await?;
    Ok(kept.id)
}

impl Running<'_> {
    /// Where its files are on the host, where it has no guest.
    #[must_use]
    pub fn tree_on_host(&self) -> Option<PathBuf> {
        let top = self.workspace.top_layer.filter(|_| self.vm.backing.is_host_tree())?;
        Some(fs::canonical(&tree(self.config, top)))
    }
}

/// Let a command run in the workspace, which is its home too.
///
/// # Errors
/// [`OptionError::Cwd`] where it is too long with the place of the tree.
pub(super) fn command(tree: &Path, request: &mut ExecRequest) -> Result<(), WorkspaceError> {
    move_in(tree, &mut request.cwd, &mut request.env)?;
    // The host keeps what was written, whatever becomes of the process.
    request.sync = false;
    Ok(())
}

/// Let something run in the workspace, which is its home too.
///
/// # Errors
/// [`OptionError::Cwd`] where the directory is too long with the place of the tree.
pub(super) fn move_in(
    tree: &Path,
    cwd: &mut GuestPath,
    env: &mut Vec<Variable>,
) -> Result<(), WorkspaceError> {
    Ok(host_tree::move_in(tree, cwd, env).map_err(OptionError::Cwd)?)
}
