//! `pyro workspace snapshot` as clap reads it.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Snapshot {
    /// Take a snapshot of a workspace's whole disk; it goes on running.
    Create(Named),
    /// List the snapshots of a workspace: its baseline, then the newest first.
    List(One),
    /// Delete a snapshot of a workspace.
    Delete(Named),
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
pub(crate) struct Named {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// Name of the snapshot: 1 to 64 letters, digits, '.', '_' and '-'.
    pub(crate) snapshot_name: String,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
