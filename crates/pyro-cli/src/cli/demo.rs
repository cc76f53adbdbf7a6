//! `pyro demo` as clap reads it.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Demo {
    #[command(subcommand)]
    pub(crate) other: Option<Other>,
    /// Give the guest a network (not built yet: an error that says so).
    #[arg(long)]
    pub(crate) network: bool,
    /// Print a failure as one JSON object on stdout too, and no steps on stderr.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Other {
    /// Let a model of Ollama, or of another such endpoint, run a command in a virtual machine by
    /// its tool.
    Ollama(Ollama),
}

#[derive(Debug, Args)]
#[command(after_help = "\
The model gets one tool, vm_run, and is asked to run git --version in debian:12. What it calls for\n\
is run in a machine without a network. A model that makes no usable call in three answers is done\n\
without: pyro runs that command itself, and says so.")]
pub(crate) struct Ollama {
    /// Where the endpoint's chat completions are; http alone, and never through a proxy.
    #[arg(long, value_name = "URL", default_value = "http://localhost:11434/v1")]
    pub(crate) base_url: String,
    /// Model to ask; it has to know tools.
    #[arg(long, value_name = "NAME", default_value = "llama3.2:3b")]
    pub(crate) model: String,
    /// Seconds that each answer of the model may take, 1 to 86400.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, allow_negative_numbers = true, value_parser = super::whole(1_u32..=86_400))]
    pub(crate) timeout_seconds: u32,
    /// Print whole what the model calls for and what its command printed.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}
