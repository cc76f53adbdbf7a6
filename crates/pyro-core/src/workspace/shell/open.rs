//! Opening a shell.

use super::info::ShellInfo;
use super::limits;
use crate::config::Config;
use crate::id::Id;
use crate::vm::control::shells::{OpenShell, ShellReply, ShellRequest};
use crate::vm::exec::line::ExecOptions;
use crate::workspace::error::WorkspaceError;
use crate::workspace::on_host;
use crate::workspace::paths::ROOT;
use crate::workspace::running::Running;
use crate::workspace::secrets::Secrets;
use pyro_protocol::GuestPath;
use pyro_protocol::message::TerminalSize;
use tokio_util::sync::CancellationToken;

/// A shell to open.
#[derive(Clone, Debug)]
pub struct OpenShellRequest {
    /// Where it begins (`/workspace` where nothing is chosen), its variables and its user; see
    /// [`crate::workspace::exec::options`].
    pub options: ExecOptions,
    /// Size of its terminal; see [`limits::size`].
    pub size: TerminalSize,
}

impl Default for OpenShellRequest {
    fn default() -> Self {
        let size = TerminalSize { cols: limits::DEFAULT_COLS, rows: limits::DEFAULT_ROWS };
        Self { options: ExecOptions::default(), size }
    }
}

/// Open a shell: `bash`, or `/bin/sh` where there is none, without its user's settings.
///
/// # Errors
/// [`WorkspaceError`]; there is no new shell then.
pub async fn open(
    config: &Config,
    id: Id,
    request: &OpenShellRequest,
    cancel: &CancellationToken,
) -> Result<ShellInfo, WorkspaceError> {
    let running = Running::open_until(config, id, cancel).await?;
    let root = || GuestPath::parse(ROOT.as_bytes()).unwrap_or_else(|_| GuestPath::root());
    let secrets = Secrets::of(config, id)?;
    let env = secrets.variables(&request.options)?;
    let ExecOptions { cwd, user, .. } = request.options.clone();
    let cwd = cwd.unwrap_or_else(root);
    let shown_cwd = String::from_utf8_lossy(cwd.as_bytes()).into_owned();
    let (size, secrets) = (request.size, secrets.values());
    let mut open = OpenShell { cwd, shown_cwd, env, user, size, secrets };
    if let Some(tree) = running.tree_on_host() {
        on_host::move_in(&tree, &mut open.cwd, &mut open.env)?;
    }
    match running.client().shell(ShellRequest::Open(Box::new(open))).await? {
        ShellReply::Shell(state) => {
            running.was_used();
            Ok(running.shell_info(state))
        }
        reply => Err(running.refused(id, 0, reply)),
    }
}
