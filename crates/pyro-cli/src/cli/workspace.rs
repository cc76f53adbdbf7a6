//! `pyro workspace` as clap reads it.

use super::pair::setting;
use super::{
    integer, whole, workspace_files as files, workspace_service as service,
    workspace_shell as shell,
};
use clap::{Args, Subcommand};
use pyro_core::limits;

#[derive(Debug, Subcommand)]
pub(crate) enum Workspace {
    /// Create a workspace and start it; it stays until it is deleted, or until nobody has used it
    /// for a week after its lifetime.
    Create(Create),
    /// List the workspaces, the one with the newest activity first.
    List(super::Json),
    /// Change a workspace's name, labels and lifetime.
    Update(Update),
    /// Show a workspace's status.
    Status(One),
    /// Show the commands that a workspace has run, and what they printed.
    Logs(Logs),
    /// Start a stopped workspace from its disk.
    Start(One),
    /// Stop a workspace; its disk is kept.
    Stop(One),
    /// Delete a workspace and everything that only it needs.
    Delete(One),
    /// Run a command in a workspace.
    Exec(Exec),
    /// Put a workspace's whole disk back to its baseline or to a snapshot.
    Reset(Reset),
    /// Take, list and delete snapshots of a workspace.
    #[command(subcommand)]
    Snapshot(super::workspace_snapshot::Snapshot),
    /// List, read and export the disk of a stopped workspace, or of a snapshot.
    #[command(subcommand)]
    Disk(super::workspace_disk::Disk),
    /// Make new workspaces from the present disk of one; all of them go on.
    Fork(Fork),
    /// Push files of the host into a workspace.
    #[command(subcommand)]
    Sync(files::Sync),
    /// List, read and write files of a workspace.
    #[command(subcommand)]
    File(files::File),
    /// Change a workspace by a patch.
    #[command(subcommand)]
    Patch(files::Patch),
    /// Show what changed since a workspace was made.
    Diff(files::Diff),
    /// Put a file, a tree or the changes of a workspace on the host.
    Export(files::Export),
    /// Open a shell in a workspace and use it from this terminal, or work with shells that go on
    /// by themselves.
    Shell(shell::Shell),
    /// Run services that go on by themselves.
    #[command(subcommand)]
    Service(service::Service),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Environment that its disk begins with, such as debian:12; installed first where it is not.
    pub(crate) environment: String,
    #[command(flatten)]
    pub(crate) machine: super::Machine,
    /// Seconds without activity after which it is stopped, at least 60; 0 for never.
    #[arg(long, value_name = "SECONDS", default_value_t = limits::DEFAULT_TTL_SECONDS.into(), allow_negative_numbers = true, value_parser = integer())]
    pub(crate) ttl_seconds: i64,
    /// What you call it.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// What it can be found by; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    pub(crate) label: Vec<(String, String)>,
    /// What to fill it with: a directory, or a tar file (.tar, .tar.gz, .tar.bz2, .tar.xz,
    /// .tar.zst).
    #[arg(long, value_name = "PATH")]
    pub(crate) seed_path: Option<std::path::PathBuf>,
    /// Leave out of the seed, and of later pushes, what git ignores.
    #[arg(long, requires = "seed_path")]
    pub(crate) respect_ignore: bool,
    /// Network of the guest; only off so far.
    #[arg(long, value_name = "POLICY", default_value = "off", value_parser = ["off"])]
    pub(crate) network_policy: String,
    #[command(flatten)]
    pub(crate) secrets: super::secret::Secrets,
    /// Where no guest can run, make it a directory of this host, with commands that run as you.
    #[arg(long)]
    pub(crate) allow_host_compat: bool,
    /// Print one JSON object on stdout.
    #[arg(long, conflicts_with = "id_only")]
    pub(crate) json: bool,
    /// Print its id and nothing else.
    #[arg(long)]
    pub(crate) id_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// A new name.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Take its name away.
    #[arg(long)]
    pub(crate) clear_name: bool,
    /// A label to set; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    pub(crate) label: Vec<(String, String)>,
    /// A label to take away; may be repeated.
    #[arg(long, value_name = "KEY")]
    pub(crate) clear_label: Vec<String>,
    /// Seconds without activity after which it is stopped, from now on, at least 60; 0 for never.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = integer())]
    pub(crate) ttl_seconds: Option<i64>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// Show the commands after this number.
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0, allow_negative_numbers = true, value_parser = whole(0..=u64::MAX))]
    pub(crate) after: u64,
    /// Show what processes left in the background have printed since their commands ended: the last
    /// 64 KiB of each command.
    #[arg(long, conflicts_with_all = ["after", "limit"])]
    pub(crate) background: bool,
    /// Commands to show at most, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = limits::DEFAULT_LOG_ENTRIES, allow_negative_numbers = true, value_parser = whole(1..=limits::MAX_LOG_ENTRIES))]
    pub(crate) limit: u64,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = super::line::COMMAND_HELP)]
pub(crate) struct Exec {
    /// Workspace id.
    pub(crate) workspace_id: String,
    #[command(flatten)]
    pub(crate) line: super::Line,
    #[command(flatten)]
    pub(crate) secrets: super::secret::SecretEnv,
    /// Print one JSON object on stdout, with the command's output in it.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reset {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// What to go back to: the name of a snapshot, or baseline.
    #[arg(long, value_name = "NAME", default_value = "baseline")]
    pub(crate) snapshot: String,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Fork {
    /// Id of the one to fork.
    pub(crate) workspace_id: String,
    /// New workspaces to make, 1 to 32.
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = whole(1..=limits::MAX_FORKS))]
    pub(crate) count: u32,
    /// What you call the new one; of several, NAME-1, NAME-2 and so on.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Print one JSON object on stdout.
    #[arg(long, conflicts_with = "id_only")]
    pub(crate) json: bool,
    /// Print the ids of the new ones, a line for each, and nothing else.
    #[arg(long)]
    pub(crate) id_only: bool,
}
