//! `pyro workspace logs`: what was run in a workspace, and what it printed.

use super::super::output;
use super::{Noun, id, summary, to_its_end};
use crate::cli::workspace::Logs;
use crate::printer;
use pyro_core::workspace::logs::WorkspaceLogs;

pub(in crate::commands) fn run(args: &Logs, noun: Noun) -> i32 {
    to_its_end(args.json, async |pyro| {
        let logs = pyro.logs_workspace(id(&args.workspace_id)?, args.after, args.limit).await?;
        if args.json {
            noun.json(&logs);
        } else {
            show(&logs, noun);
        }
        Ok(())
    })
}

fn show(logs: &WorkspaceLogs, noun: Noun) {
    if logs.entries.is_empty() {
        printer::data(&format!("No {} logs found.", noun.word()));
    }
    for entry in &logs.entries {
        let (exit_code, duration_ms) = (entry.exit_code, entry.duration_ms);
        let user = entry.user.as_ref().map(|user| format!(" user={user}")).unwrap_or_default();
        printer::data(&format!(
            "#{} exit_code={exit_code} duration_ms={duration_ms} cwd={}{user}",
            entry.sequence,
            summary::one_line(&entry.cwd),
        ));
        printer::data(&format!("$ {}", summary::command(&entry.command)));
        let (stdout, stderr) = (entry.said.stdout.as_bytes(), entry.said.stderr.as_bytes());
        printer::content(stdout);
        if !stdout.is_empty() && !stdout.ends_with(b"\n") {
            printer::raw(b"\n");
        }
        printer::content_on_stderr(stderr);
        if !stderr.is_empty() && !stderr.ends_with(b"\n") {
            printer::talk("");
        }
        output::hint([&entry.said.stdout_file, &entry.said.stderr_file]);
    }
    if let Some(after) = logs.next_after {
        let word = noun.word();
        printer::talk(&format!("hint: there is more: pyro {word} logs --after {after} {}", logs.workspace_id));
    }
}
