//! A workspace as lines of text.

use crate::printer;
use pyro_core::{LastCommand, ListedFile, Timestamp, WorkspaceInfo, printable};
use std::collections::BTreeMap;

/// Print what a workspace is at; `heading` stands before its id.
pub(super) fn show(heading: &str, workspace: &WorkspaceInfo) {
    printer::data(&lines(heading, workspace).join("\n"));
}

fn lines(heading: &str, workspace: &WorkspaceInfo) -> Vec<String> {
    let mut lines = vec![format!("{heading}: {}", workspace.workspace_id)];
    let mut say = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("{name}: {value}")))
    };
    let seed = &workspace.workspace_seed;
    let from = seed.seed_path.as_ref().map(|path| format!(" from {}", one_line(path)));
    say("Name", workspace.name.clone());
    say("Labels", labels(&workspace.labels, ", "));
    say("Environment", Some(workspace.environment.clone()));
    say("State", Some(workspace.state.name().to_owned()));
    say("Change", workspace.change.map(str::to_owned));
    say("Last error", workspace.last_error.as_ref().map(|error| printable(error.as_bytes())));
    say("Workspace", Some(workspace.workspace_path.to_owned()));
    say("Last activity at", Some(workspace.last_activity_at.to_string()));
    say("Expires at", Some(expiry(workspace.expires_at)));
    say("Network policy", Some(workspace.network_policy.to_owned()));
    let secrets: Vec<&str> = workspace.secrets.iter().map(|one| one.name.as_str()).collect();
    say("Secrets", (!secrets.is_empty()).then(|| secrets.join(", ")));
    say("Workspace seed", Some(seed.mode.clone() + &from.unwrap_or_default()));
    say("Execution mode", Some(workspace.execution_mode.to_string()));
    say("Resources", Some(format!("{} vCPU / {} MiB", workspace.vcpu_count, workspace.mem_mib)));
    say("Command count", Some(workspace.command_count.to_string()));
    say("Reset count", Some(workspace.reset_count.to_string()));
    say("Last reset at", workspace.last_reset_at.map(|at| at.to_string()));
    let (running, all) = (workspace.running_service_count, workspace.service_count);
    say("Services", Some(format!("{running}/{all} running")));
    let last = workspace.last_command.as_ref();
    let status = |last: &LastCommand| match last.exit_code {
        Some(exit_code) => format!("exit_code={exit_code}"),
        None => last.state.name().to_owned(),
    };
    say("Last command", last.map(|last| format!("{} ({})", command(&last.command), status(last))));
    lines
}

/// A command as a line that cannot steer a terminal.
pub(super) fn command(text: &str) -> String {
    printable(text.as_bytes()).replace('\n', "\n  ")
}

/// A guest's or a user's text as one line: it may hold what ends a line.
pub(in crate::commands) fn one_line(text: &str) -> String {
    printable(text.replace('\n', "\\n").as_bytes())
}

/// A file of a listing as one line.
pub(super) fn entry(entry: &ListedFile) -> String {
    let target =
        entry.link_target.as_ref().map(|target| format!(" -> {target}")).unwrap_or_default();
    one_line(&format!("{} [{}] size={}{target}", entry.path, entry.artifact_type, entry.size_bytes))
}

/// Labels as `key=value`; none where there are none.
pub(super) fn labels(labels: &BTreeMap<String, String>, between: &str) -> Option<String> {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    (!labels.is_empty()).then(|| labels.join(between))
}

/// Seconds since 1970, or `never`.
pub(super) fn expiry(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "never".to_owned(), |at| at.to_string())
}
