//! Commands that pyro or its build starts, never a user.
//!
//! They have a parser of their own, so that no help, completion or man page offers them.

use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "pyro", disable_help_subcommand = true)]
pub(crate) struct Internal {
    #[command(subcommand)]
    pub(crate) command: InternalCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InternalCommand {
    /// Print benchmark results as a page of documentation.
    BenchPage(BenchPage),
    /// Answer one question about a disk.
    ReadDisk(ReadDisk),
    /// Print the command line as data, for the contract's test.
    Surface,
    /// Own one virtual machine.
    Supervise,
}

#[derive(Debug, Args)]
pub(crate) struct BenchPage {
    /// Results files, each a section of the page.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<std::path::PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ReadDisk {
    /// The question, as JSON.
    pub(crate) question: String,
    /// The image, and the layers over it.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<std::path::PathBuf>,
}
