//! `pyro workspace shell read`: what a shell has printed, or its screen.

use super::super::Noun;
use super::super::call::{id, until_interrupted};
use crate::cli::workspace_shell::Read;
use crate::printer;
use pyro_core::{PyroError, ReadShellRequest, ShellRead, ShellView, limits};

pub(super) fn run(args: &Read) -> i32 {
    let one = &args.shell;
    until_interrupted(Noun::Workspace, one.json, async |pyro, cancel| {
        let request = request(args)?;
        let (workspace, shell) = (id(&one.workspace_id)?, id(&one.shell_id)?);
        let read = pyro.read_shell(workspace, shell, request, cancel).await?;
        if one.json {
            printer::json(&read);
        } else {
            printer::content(read.output.as_bytes());
            printer::talk(&told(&read));
        }
        Ok(())
    })
}

fn request(args: &Read) -> Result<ReadShellRequest, PyroError> {
    let view = match (args.plain, args.screen) {
        (_, true) => ShellView::Screen,
        (true, _) => ShellView::Plain,
        _ => ShellView::Raw,
    };
    let max_chars = limits::max_chars(args.max_chars)?;
    let wait_for_idle_ms = args.wait_for_idle_ms.map(limits::idle_ms).transpose()?;
    Ok(ReadShellRequest { cursor: args.cursor, max_chars, view, wait_for_idle_ms })
}

/// Truth as the reference writes it.
fn word(is_so: bool) -> &'static str {
    if is_so { "True" } else { "False" }
}

fn told(read: &ShellRead) -> String {
    let shell = &read.shell;
    let idle = read.wait_for_idle_ms.map_or_else(|| "None".to_owned(), |idle| idle.to_string());
    let mut line = format!(
        "[workspace-shell-read] workspace_id={} shell_id={} state={} cursor={} next_cursor={} truncated={} plain={} \
         wait_for_idle_ms={idle} execution_mode={}",
        shell.workspace_id,
        shell.shell_id,
        shell.state,
        read.cursor,
        read.next_cursor,
        word(read.truncated),
        word(read.plain),
        shell.execution_mode,
    );
    if read.missed_bytes > 0 {
        line.push_str(&format!(" missed_bytes={}", read.missed_bytes));
    }
    if let Some(screen) = &read.screen {
        let (row, col) = (screen.cursor_row, screen.cursor_col);
        let alternate = word(screen.alternate);
        line.push_str(&format!(" cursor_row={row} cursor_col={col} alternate={alternate}"));
    }
    line
}
