//! A shell as a line of talk.

use super::super::summary::one_line;
use crate::printer;
use pyro_core::ShellInfo;

/// Say what a shell is at, after the `verb` that was done to it.
pub(super) fn tell(verb: &str, shell: &ShellInfo) {
    printer::talk(&format!("[workspace-shell-{verb}] {}", told(shell)));
}

/// Its fields.
pub(super) fn told(shell: &ShellInfo) -> String {
    format!(
        "workspace_id={} shell_id={} state={} cwd={} cols={} rows={} execution_mode={}{}",
        shell.workspace_id,
        shell.shell_id,
        shell.state,
        one_line(&shell.cwd),
        shell.cols,
        shell.rows,
        shell.execution_mode,
        shell.exit_code.map(|code| format!(" exit_code={code}")).unwrap_or_default(),
    )
}
