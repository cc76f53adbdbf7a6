//! `pyro workspace disk` as clap reads it.

use super::whole;
use clap::{Args, Subcommand, ValueEnum};
use pyro_core::limits;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Disk {
    /// List files on the disk of a stopped workspace.
    List(DiskList),
    /// Read a part of a file on the disk of a stopped workspace.
    Read(DiskRead),
    /// Write the whole disk of a stopped workspace to a file on the host.
    Export(DiskExport),
}

#[derive(Debug, Args)]
pub(crate) struct DiskList {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// What to list: an absolute path on the disk, or one relative to /workspace.
    #[arg(default_value = "/workspace")]
    pub(crate) path: OsString,
    /// With all that is below it.
    #[arg(long)]
    pub(crate) recursive: bool,
    /// List this snapshot, or baseline; the workspace may run.
    #[arg(long, value_name = "NAME")]
    pub(crate) snapshot: Option<String>,
    /// Show the entries behind this path.
    #[arg(long, value_name = "PATH")]
    pub(crate) after: Option<OsString>,
    /// Entries to show at most, 1 to 100000.
    #[arg(long, value_name = "N", default_value_t = limits::DEFAULT_LISTED_FILES, allow_negative_numbers = true, value_parser = whole(1..=limits::MAX_LISTED_FILES))]
    pub(crate) limit: u64,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiskRead {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// The file: an absolute path on the disk, or one relative to /workspace.
    pub(crate) path: OsString,
    /// Bytes to read at most, 1 to 1048576.
    #[arg(long, value_name = "BYTES", default_value_t = limits::DEFAULT_READ_BYTES, allow_negative_numbers = true, value_parser = whole(1..=limits::MAX_READ_BYTES))]
    pub(crate) max_bytes: u64,
    /// Begin at this byte.
    #[arg(long, value_name = "BYTES", default_value_t = 0, allow_negative_numbers = true, value_parser = whole(0..=u64::MAX))]
    pub(crate) offset: u64,
    /// Read from this snapshot, or baseline; the workspace may run.
    #[arg(long, value_name = "NAME")]
    pub(crate) snapshot: Option<String>,
    /// Print the bytes as they are and nothing else.
    #[arg(long, conflicts_with = "json")]
    pub(crate) content_only: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiskExport {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// The new file on the host; directories on the way are made.
    #[arg(long, value_name = "PATH")]
    pub(crate) output: PathBuf,
    /// What to write: the filesystem as it is, with holes, or a qcow2 image.
    #[arg(long, value_enum, default_value_t = DiskFormat::Ext4)]
    pub(crate) format: DiskFormat,
    /// Export this snapshot, or baseline; the workspace may run.
    #[arg(long, value_name = "NAME")]
    pub(crate) snapshot: Option<String>,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiskFormat {
    Ext4,
    Qcow2,
}
