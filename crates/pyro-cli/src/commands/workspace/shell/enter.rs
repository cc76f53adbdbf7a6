//! `pyro workspace shell WORKSPACE_ID`: a new shell, used from this terminal at once.

use super::super::call::id;
use super::attach::{attach, in_terminal};
use super::open::chosen;
use crate::cli::workspace_shell::Start;
use crate::commands::terminal;
use pyro_core::OpenShellRequest;

pub(super) fn run(workspace_id: String, start: Start) -> i32 {
    in_terminal(async |pyro, interrupted| {
        let workspace = id(&workspace_id)?;
        let request = OpenShellRequest { options: chosen(start)?, size: terminal::size() };
        let shell = pyro.open_shell(workspace, request, &interrupted.token).await?.shell_id;
        let status = attach(pyro, workspace, shell, interrupted).await?;
        // One that has ended is of no more use to anybody; one that was left goes on.
        let shells = pyro.list_shells(workspace).await?.shells;
        if shells.iter().any(|one| one.shell_id == shell && one.ended_at.is_some()) {
            pyro.close_shell(workspace, shell).await?;
        }
        Ok(status)
    })
}
