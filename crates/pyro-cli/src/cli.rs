//! The command line as clap reads it.

use clap::{Args, Parser, Subcommand};
use pyro_core::vm::shape::limits;

/// Run a coding agent's commands in disposable virtual machines.
#[derive(Debug, Parser)]
#[command(name = "pyro", version, propagate_version = false, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one command in a virtual machine of its own, then clear it away.
    Run(Run),
    /// List, install, look at and remove environments.
    #[command(subcommand, subcommand_required = true)]
    Env(Env),
    /// Look at this host: what works, what does not, and the command that mends it.
    Doctor(Doctor),
    /// Measure what starting, running and keeping virtual machines takes on this host.
    Bench(Bench),
    /// Print results files as a page of documentation.
    #[command(hide = true)]
    BenchPage(BenchPage),
    /// Print a completion script for a shell.
    #[command(hide = true)]
    Completions(Completions),
    /// Print the man page.
    #[command(hide = true)]
    Man,
    /// Print the command line as data, for the contract's test.
    #[command(hide = true)]
    Surface,
    /// Own one virtual machine; started by pyro itself.
    #[command(hide = true)]
    Supervise,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: the command's own; 124 when its time was over, 125 when pyro failed, 126 or 127 when the\n\
command could not be executed, 128+n when signal n ended it, 2 for a usage error.\n\n\
One argument after -- is a line for the guest's shell ('a && b' works); several are quoted and joined.")]
pub(crate) struct Run {
    /// Environment to run in, such as debian:12; installed first where it is not.
    pub(crate) environment: String,
    /// Virtual CPUs, 1 to 8.
    #[arg(long, value_name = "N", default_value_t = limits::DEFAULT_VCPU_COUNT)]
    pub(crate) vcpu_count: u32,
    /// Memory in MiB, 256 to 32768.
    #[arg(long, value_name = "MIB", default_value_t = limits::DEFAULT_MEM_MIB)]
    pub(crate) mem_mib: u32,
    /// Seconds that the command may run, greater than 0.
    #[arg(long, value_name = "SECONDS", default_value_t = limits::DEFAULT_TIMEOUT_SECONDS)]
    pub(crate) timeout_seconds: u32,
    /// Seconds that the virtual machine may live, at least 60.
    #[arg(long, value_name = "SECONDS", default_value_t = limits::DEFAULT_TTL_SECONDS)]
    pub(crate) ttl_seconds: u32,
    /// Give the guest a network (not built yet: an error that says so).
    #[arg(long)]
    pub(crate) network: bool,
    /// Where no guest can run, run the command on this host, as you.
    #[arg(long)]
    pub(crate) allow_host_compat: bool,
    /// Print one JSON object on stdout, with the command's output in it.
    #[arg(long)]
    pub(crate) json: bool,
    /// The command, after --.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Env {
    /// List the environments, installed or not.
    List(Json),
    /// Install an environment from Debian's signed packages.
    Pull(Pull),
    /// Show one environment.
    Inspect(Inspect),
    /// Remove what no installed environment needs, all templates, and what an interrupted installation left.
    Prune(Json),
}

#[derive(Debug, Args)]
pub(crate) struct Json {
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// Environment to install, such as debian:12.
    pub(crate) environment: String,
    /// Debian mirror to install from (else PYRO_MIRROR, else what the host's apt uses).
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Option<String>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Environment to show, such as debian:12.
    pub(crate) environment: String,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Platform to examine.
    #[arg(long, default_value = "linux-x86_64", value_parser = ["linux-x86_64"])]
    pub(crate) platform: String,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Every vm is pyro's own and apart from yours; nothing of them is left. Quiet the host first: whatever else runs is\n\
measured too. A whole measurement takes some minutes; more --runs make the percentiles mean more.")]
pub(crate) struct Bench {
    /// Environment to measure with.
    #[arg(long, value_name = "NAME", default_value = "debian:12")]
    pub(crate) environment: String,
    /// Starts that each measure takes, at least 1; short ones are repeated more often.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) runs: u32,
    /// Virtual machines at once, 1 to 100: as many parallel starts, and memory at 1, 10, 20 and this.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) vms: u32,
    /// Memory of each in MiB, 256 to 32768.
    #[arg(long, value_name = "MIB", default_value_t = limits::DEFAULT_MEM_MIB)]
    pub(crate) mem_mib: u32,
    /// Command for this host's shell, timed in turn with `pyro run … -- true`.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) against: Option<String>,
    /// File to write the results to; in a directory they get a name of their own.
    #[arg(long, value_name = "PATH")]
    pub(crate) output: Option<std::path::PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchPage {
    /// Results files, each a section of the page.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<std::path::PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}
