//! What a server tells a model about itself: which tool to take when.

use crate::state::Settings;

/// A step of the loop: the tool without which it is not told, and its words.
type Step = (&'static str, &'static str);

/// How work of several steps goes.
const WORKSPACE: &[Step] = &[
    (
        "workspace_create",
        "Work of several steps: workspace_create once (seed_path brings the user's files in)",
    ),
    ("workspace_exec", "workspace_exec for each command in /workspace"),
    ("workspace_file_read", "workspace_file_list and workspace_file_read to look"),
    ("workspace_patch_apply", "workspace_patch_apply or workspace_file_write to change"),
    ("workspace_diff", "workspace_diff to see what changed"),
    ("workspace_export", "workspace_export to bring results to the host"),
    ("workspace_reset", "workspace_reset to begin again"),
    ("workspace_delete", "workspace_delete at the end"),
];

/// As [`WORKSPACE`], by the oldest names.
const TASK: &[Step] = &[
    ("task_create", "Work of several steps: task_create once"),
    ("task_exec", "task_exec for each command in /workspace, where files stay"),
    ("task_sync_push", "task_sync_push to bring files in"),
    ("task_logs", "task_logs for what ran"),
    ("task_delete", "task_delete at the end"),
];

/// Tools that read or write files of the host.
const HOST_PATHS: [&str; 5] = [
    "workspace_create",
    "workspace_sync_push",
    "workspace_export",
    "task_create",
    "task_sync_push",
];

fn loop_of(steps: &[Step], has: &impl Fn(&str) -> bool) -> String {
    steps
        .iter()
        .filter(|(tool, _)| has(tool))
        .map(|(_, words)| *words)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Sentences for the tools that it offers; hosts that defer tools search in them.
pub(crate) fn instructions(tools: &[String], settings: &Settings) -> String {
    let has = |name: &str| tools.iter().any(|tool| tool == name);
    let mut text = String::from(
        "pyro runs shell commands in real, disposable Linux virtual machines (sandboxes): the user's files and host \
         are out of reach.\n",
    );
    text.push_str(
        "- One command, or several joined with &&: vm_run. Every call gets a fresh machine, and nothing is left of \
         it.\n",
    );
    if settings.warm > 0 {
        text.push_str(&format!(
            "  {} machines of the default vcpu_count and mem_mib stand by: leave both out for the quickest answer.\n",
            settings.warm
        ));
    }
    for (create, tools) in [("workspace_create", WORKSPACE), ("task_create", TASK)] {
        if has(create) {
            text.push_str(&format!("- {}.\n", loop_of(tools, &has)));
        }
    }
    if has("workspace_fork") {
        text.push_str(
            "- Several attempts at once: workspace_fork, one copy for each; keep the best.\n",
        );
    }
    if has("vm_create") {
        text.push_str(
            "- A machine to inspect before its one command: vm_create, vm_start, vm_exec. vm_exec deletes the vm after \
             its command. vm_status shows it, vm_stop and vm_delete end it.\n",
        );
    }
    if has("vm_list_environments") {
        text.push_str("- What machines hold: vm_list_environments.\n");
    }
    text.push_str(match has("output_read") {
        true => "- Output longer than a result holds: output_read, with the name that the result gives.\n",
        false => "- Output longer than a result holds: the resource that the result links.\n",
    });
    if HOST_PATHS.iter().any(|tool| has(tool)) {
        text.push_str(&format!(
            "Host paths that calls may name, with what is below: {}.\n",
            settings.grants.told_paths()
        ));
    }
    text.push_str(&format!(
        "At most {} commands run at once; further calls wait for their turn. A command that exits non-zero is an \
         ordinary result: look at exit_code.\n",
        settings.at_once
    ));
    // Whatever is granted: it is not built yet.
    text.push_str("Machines have no network.\n");
    text
}
