//! `pyro workspace logs`: what was run in a workspace, and what it printed.

use super::super::output;
use super::call::{id, to_its_end};
use super::{Noun, summary};
use crate::cli::workspace::Logs;
use crate::printer;
use pyro_core::{BackgroundOutput, WorkspaceLogs};

pub(in crate::commands) fn run(args: &Logs, noun: Noun) -> i32 {
    to_its_end(noun, args.json, async |pyro| {
        let id = id(&args.workspace_id)?;
        let logs = match args.background {
            true => pyro.background_workspace(id, usize::MAX).await?,
            false => pyro.logs_workspace(id, args.after, args.limit).await?,
        };
        match &logs.background {
            _ if args.json => noun.json(&logs),
            Some(background) => background.iter().for_each(show_background),
            None => show(&logs, noun),
        }
        if logs.background.as_ref().is_some_and(Vec::is_empty) && !args.json {
            printer::data("No output of background processes found.");
        }
        Ok(())
    })
}

fn show_background(one: &BackgroundOutput) {
    let state = if one.running { "running" } else { "ended" };
    printer::data(&format!("#{} pid={} state={state} bytes={}", one.sequence, one.pid, one.bytes));
    printer::data(&format!("$ {}", summary::command(&one.command)));
    if one.truncated {
        printer::talk(&format!("[... the first of {} bytes are left out ...]", one.bytes));
    }
    content(one.output.as_bytes());
}

/// What was printed, its last line ended.
fn content(bytes: &[u8]) {
    printer::content(bytes);
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        printer::raw(b"\n");
    }
}

fn show(logs: &WorkspaceLogs, noun: Noun) {
    if logs.entries.is_empty() {
        printer::data(&format!("No {} logs found.", noun.word()));
    }
    for entry in &logs.entries {
        let status = match entry.result.exit_code {
            Some(exit_code) => format!("exit_code={exit_code}"),
            None => format!("state={}", entry.state.name()),
        };
        let user = entry.user.as_ref().map(|user| format!(" user={user}")).unwrap_or_default();
        printer::data(&format!(
            "#{} {status} duration_ms={} cwd={}{user}",
            entry.sequence,
            entry.result.duration_ms,
            summary::one_line(&entry.cwd),
        ));
        printer::data(&format!("$ {}", summary::command(&entry.result.command)));
        let output = &entry.result.output;
        content(output.stdout.as_bytes());
        printer::content_on_stderr(output.stderr.as_bytes());
        printer::end_line();
        output::hint(output.kept());
    }
    if let Some(after) = logs.next_after {
        let word = noun.word();
        printer::talk(&format!(
            "hint: there is more: pyro {word} logs --after {after} {}",
            logs.workspace_id
        ));
    }
}
