//! Rows of the files and directories inside the big modules of `pyro-core`.

use crate::layers::Rows;

/// Rows inside a module, top to bottom, held as those of the modules are. `mod` is what stands in
/// the module's `mod.rs`; what that only gives on is used from where it stands.
pub(crate) const INNER: &[(&str, Rows)] = &[
    ("error", ERROR),
    ("workspace", WORKSPACE),
    ("vm", VM),
    ("environment", ENVIRONMENT),
    ("engine", ENGINE),
    ("guest", GUEST),
    ("store", STORE),
    ("host", HOST),
];

/// Uses that do not point down: module, file, and what it uses.
pub(crate) const EXCEPTIONS: &[(&str, &str, &str)] = &[];

const ERROR: Rows = &[
    &["files"],
    &["bench", "engine", "environment", "failure", "settings", "thread", "vm", "workspace"],
    &["secret", "service", "shell"],
    &["common", "patch"],
    &["mod"],
    &["wording"],
    &["hint"],
    &["call"],
    &["kind", "operation", "parameter"],
    &["named"],
];

const WORKSPACE: Rows = &[
    &["mod"],
    // Operations.
    &["create", "fork", "reset", "logs", "snapshot"],
    &[
        "background",
        "delete",
        "disk",
        "exec",
        "list",
        "service",
        "shell",
        "start",
        "stop",
        "update",
    ],
    &["files", "open_command", "status"],
    // A workspace that runs, or is claimed for a change.
    &["ended", "layers", "merge", "stopped"],
    &["on_host"],
    &["running", "rest"],
    &["claim"],
    &["reconcile"],
    &["outputs", "secrets"],
    // Values.
    &["error", "info"],
    &["file_error", "secret_error", "service_error", "shell_error"],
    &["source"],
    &["ignore", "place"],
    &["git_dir", "label", "limits", "paths"],
];

const VM: Rows = &[
    &["mod"],
    // Operations.
    &["run"],
    &["info"],
    &["result"],
    &["prepare", "standby"],
    &["lifecycle", "one_shot"],
    // Before a start, after an end, and in between.
    &["exec", "plan", "recover", "supervisor"],
    &["control"],
    &["template"],
    // Values.
    &["blocking", "caller"],
    &["error"],
    &["output", "secrets"],
    &["active", "failure", "host_tree", "io", "limits", "operation", "paths", "shape", "timeline"],
];

const ENVIRONMENT: Rows = &[
    &["mod"],
    &["store"],
    &["install", "prune"],
    &["programs", "record"],
    &["catalog"],
    &["reference"],
    &["debian"],
    &["image", "initramfs"],
    &["error"],
    &["kernel"],
    &["digest", "missing_program", "partial", "progress"],
];

const ENGINE: Rows = &[&["mod"], &["host", "qemu"], &["error", "machine"], &["qmp", "spec"]];

const GUEST: Rows = &[
    &["mod"],
    &["archive"],
    &["file", "freeze", "stage", "tree"],
    &["boot", "conversation"],
    &["agent", "client", "patience", "transport"],
];

const STORE: Rows = &[
    &["command"],
    &["vm", "workspace"],
    &["broken"],
    &["claim", "layer", "service", "snapshot"],
    &["mod"],
    &["schema"],
    &["column", "error"],
];

const HOST: Rows = &[
    &["mod"],
    &["copy"],
    &["new_file", "tree"],
    &["staging"],
    &["facts", "output"],
    &["bounded_log", "lock", "path", "rewrite", "usage"],
    &[
        "access",
        "async_thread",
        "clock",
        "cpu",
        "descriptor",
        "fs",
        "pipe",
        "process",
        "program",
        "socket",
        "sparse",
        "spawn",
    ],
    &["terminal", "threads"],
];
