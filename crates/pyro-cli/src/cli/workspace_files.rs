//! `pyro workspace sync | file | patch | diff | export` as clap reads them.

use super::whole;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use pyro_core::limits;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Sync {
    /// Make a directory or an archive of the host the workspace's: only what differs is sent, and
    /// all of it or nothing.
    Push(Push),
}

#[derive(Debug, Args)]
pub(crate) struct Push {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// A directory, or a tar file (.tar, .tar.gz, .tar.bz2, .tar.xz, .tar.zst).
    pub(crate) source_path: PathBuf,
    /// The directory that it becomes, at or below /workspace.
    #[arg(long, value_name = "PATH", default_value = "/workspace")]
    pub(crate) dest: OsString,
    /// Delete what the source does not have; what it ignores stays.
    #[arg(long)]
    pub(crate) delete: bool,
    /// Leave out what git ignores [default: as given to create].
    #[arg(long, overrides_with = "no_respect_ignore")]
    pub(crate) respect_ignore: bool,
    /// Also push what git ignores.
    #[arg(long)]
    pub(crate) no_respect_ignore: bool,
    /// Only say what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum File {
    /// List files.
    List(List),
    /// Read a part of a file.
    Read(Read),
    /// Write a file, whole or not at all.
    Write(Write),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// What to list, at or below /workspace.
    #[arg(default_value = "/workspace")]
    pub(crate) path: OsString,
    /// With all that is below it.
    #[arg(long)]
    pub(crate) recursive: bool,
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
pub(crate) struct Read {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// The file.
    pub(crate) path: OsString,
    /// Bytes to read at most, 1 to 1048576.
    #[arg(long, value_name = "BYTES", default_value_t = limits::DEFAULT_READ_BYTES, allow_negative_numbers = true, value_parser = whole(1..=limits::MAX_READ_BYTES))]
    pub(crate) max_bytes: u64,
    /// Begin at this byte.
    #[arg(long, value_name = "BYTES", default_value_t = 0, allow_negative_numbers = true, value_parser = whole(0..=u64::MAX))]
    pub(crate) offset: u64,
    /// Print the bytes as they are and nothing else.
    #[arg(long, conflicts_with = "json")]
    pub(crate) content_only: bool,
    /// Keep the workspace's secrets out of what files hold.
    #[arg(long)]
    pub(crate) redact: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("content").args(["text", "text_file"]).required(true))]
pub(crate) struct Write {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// The file; directories on the way are made.
    pub(crate) path: OsString,
    /// What to write.
    #[arg(long, allow_hyphen_values = true, value_parser = content())]
    pub(crate) text: Option<OsString>,
    /// A file on the host to write from; - for stdin.
    #[arg(long, value_name = "PATH")]
    pub(crate) text_file: Option<PathBuf>,
    /// Permission bits in octal digits [default: those of the file that is replaced, else 0644].
    #[arg(long, value_name = "OCTAL", value_parser = octal)]
    pub(crate) mode: Option<u32>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Patch {
    /// Apply a patch, all of it or nothing.
    Apply(Apply),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("content").args(["patch", "patch_file"]).required(true))]
pub(crate) struct Apply {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// The patch: a unified diff, a series of git format-patch, or a '*** Begin Patch' of Codex.
    #[arg(long, allow_hyphen_values = true, value_parser = content())]
    pub(crate) patch: Option<OsString>,
    /// A file on the host that holds it; - for stdin.
    #[arg(long, value_name = "PATH")]
    pub(crate) patch_file: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// Only what is at or below this path.
    pub(crate) path: Option<OsString>,
    /// Print a line for each changed file, with its lines added and deleted.
    #[arg(long, conflicts_with_all = ["json", "patch"])]
    pub(crate) stat: bool,
    /// Print the patch and nothing else: git apply takes it. Files too large for it are named on
    /// stderr; the exit status is 1 then.
    #[arg(long, conflicts_with = "json")]
    pub(crate) patch: bool,
    /// Compare from here: the name of a snapshot, baseline or now.
    #[arg(long, value_name = "NAME", default_value = "baseline")]
    pub(crate) from: String,
    /// Compare to here: the name of a snapshot, baseline or now. Only now needs a workspace that
    /// runs.
    #[arg(long, value_name = "NAME", default_value = "now")]
    pub(crate) to: String,
    /// Report moved files as renames.
    #[arg(long)]
    pub(crate) find_renames: bool,
    /// Also show files that the workspace's .gitignore files name.
    #[arg(long)]
    pub(crate) include_ignored: bool,
    /// Keep the workspace's secrets out of what files hold.
    #[arg(long)]
    pub(crate) redact: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// A file, a directory or a link, at or below /workspace.
    pub(crate) path: OsString,
    /// Where to put it on the host.
    #[arg(long, value_name = "DEST")]
    pub(crate) output: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// As what: the files themselves, a tar archive, or a patch of what changed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Dir)]
    pub(crate) format: Format,
    /// In a patch: report moved files as renames.
    #[arg(long, requires = "format")]
    pub(crate) find_renames: bool,
    /// In a patch: also files that the workspace's .gitignore files name.
    #[arg(long, requires = "format")]
    pub(crate) include_ignored: bool,
    /// Keep settings and hooks of .git directories that make git on this host run programs.
    #[arg(long)]
    pub(crate) keep_git_config: bool,
    /// Keep the workspace's secrets out of what files hold.
    #[arg(long)]
    pub(crate) redact: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// The files themselves.
    Dir,
    /// A tar archive.
    Tar,
    /// A patch of what changed since the workspace was made.
    Patch,
}

fn octal(text: &str) -> Result<u32, &'static str> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
    mode.ok_or("it must be octal digits such as 0644")
}

/// What may begin with a hyphen, but is not another flag of the command: then the content was
/// forgotten.
fn content() -> impl TypedValueParser<Value = OsString> {
    OsStringValueParser::new().try_map(|content| match content.to_str() {
        Some(flag @ ("--json" | "--mode" | "--text-file" | "--patch-file")) => Err(format!(
            "{flag} is a flag of this command; where it is the content, give it in a file"
        )),
        _ => Ok(content),
    })
}
