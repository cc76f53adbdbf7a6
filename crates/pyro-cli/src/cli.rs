//! The command line as clap reads it.

mod demo;
mod internal;
mod json;
mod line;
mod machine;
mod number;
mod output;
mod pair;
pub(crate) mod secret;
mod task;
pub(crate) mod workspace;
pub(crate) mod workspace_disk;
pub(crate) mod workspace_files;
pub(crate) mod workspace_service;
pub(crate) mod workspace_shell;
pub(crate) mod workspace_snapshot;

pub(crate) use demo::{Demo, Ollama, Other as OtherDemo};
pub(crate) use internal::{BenchPage, Internal, InternalCommand, ReadDisk};
pub(crate) use json::Json;
pub(crate) use line::Line;
pub(crate) use machine::Machine;
pub(crate) use number::{integer, whole};
pub(crate) use output::{Output, Read as OutputRead};
pub(crate) use task::Task;
pub(crate) use workspace::Workspace;

use clap::{Args, Parser, Subcommand};
use pyro_core::limits;
use std::path::PathBuf;

/// Run a coding agent's commands in disposable virtual machines.
#[derive(Debug, Parser)]
#[command(
    name = "pyro",
    version,
    propagate_version = false,
    infer_long_args = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one command in a virtual machine of its own, then clear it away.
    Run(Run),
    /// Create workspaces, virtual machines that stay, and work in them.
    #[command(subcommand, subcommand_required = true)]
    Workspace(Workspace),
    /// List, install, look at and remove environments.
    #[command(subcommand, subcommand_required = true)]
    Env(Env),
    /// Print stored output that a result cut short.
    #[command(subcommand, subcommand_required = true)]
    Output(Output),
    /// Look at this host: what works, what does not, and the command that mends it.
    Doctor(Doctor),
    /// Measure what starting, running and keeping virtual machines takes on this host.
    Bench(Bench),
    /// Offer all this to a model, as an MCP server.
    #[command(subcommand, subcommand_required = true)]
    Mcp(Mcp),
    /// Take one virtual machine through its life and show each step; fails where a step does.
    Demo(Demo),
    /// Work with workspaces by the names that they had once.
    #[command(subcommand, subcommand_required = true, hide = true)]
    Task(Task),
    /// Print a completion script for a shell.
    Completions(Completions),
    /// Print the man page of pyro, or write those of all commands to a directory.
    Man {
        /// Directory to write the pages to; created if missing.
        directory: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = line::COMMAND_HELP)]
pub(crate) struct Run {
    /// Environment to run in, such as debian:12; installed first where it is not.
    pub(crate) environment: String,
    #[command(flatten)]
    pub(crate) machine: Machine,
    /// Seconds that the virtual machine may live, at least 60.
    #[arg(long, value_name = "SECONDS", default_value_t = limits::DEFAULT_TTL_SECONDS.into(), allow_negative_numbers = true, value_parser = integer())]
    pub(crate) ttl_seconds: i64,
    /// Give the guest a network (not built yet: an error that says so).
    #[arg(long)]
    pub(crate) network: bool,
    /// Where no guest can run, run the command on this host, as you.
    #[arg(long)]
    pub(crate) allow_host_compat: bool,
    /// Run it on a terminal, which this one stands for, as in `-it debian:12 -- bash`; its time is
    /// not limited then, the machine's is (--ttl-seconds).
    #[arg(short = 't', long, conflicts_with = "json")]
    pub(crate) tty: bool,
    #[command(flatten)]
    pub(crate) line: Line,
    /// Print one JSON object on stdout, with the command's output in it.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Env {
    /// List the environments, installed or not.
    List(Json),
    /// Install an environment from Debian's signed packages.
    Pull(Pull),
    /// Show one environment.
    Inspect(Inspect),
    /// Remove what no installed environment needs, all templates, and what an interrupted
    /// installation left.
    Prune(Json),
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
    /// Only look; do not boot a guest to see that one can run.
    #[arg(long)]
    pub(crate) quick: bool,
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
    #[arg(long, value_name = "N", default_value_t = 20, allow_negative_numbers = true, value_parser = whole(1_u32..=10_000))]
    pub(crate) runs: u32,
    /// Virtual machines at once, 1 to 100: as many parallel starts, and memory at 1, 10, 20 and
    /// this.
    #[arg(long, value_name = "N", default_value_t = 20, allow_negative_numbers = true, value_parser = whole(1_u32..=100))]
    pub(crate) vms: u32,
    /// Memory of each in MiB, 256 to 32768.
    #[arg(long, value_name = "MIB", default_value_t = limits::DEFAULT_MEM_MIB.into(), allow_negative_numbers = true, value_parser = integer())]
    pub(crate) mem_mib: i64,
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

#[derive(Debug, Subcommand)]
pub(crate) enum Mcp {
    /// Serve MCP to one client on stdin and stdout, or to several over HTTP.
    Serve(McpServe),
    /// Print what makes a host start this server, or write it into the host's file.
    Config(McpConfig),
}

#[derive(Debug, Args)]
pub(crate) struct McpServe {
    /// Which tools to offer.
    #[arg(long, default_value = "workspace-full", value_parser = PROFILES)]
    pub(crate) profile: String,
    /// How clients reach the server.
    #[arg(long, default_value = "stdio", value_parser = ["stdio", "http"])]
    pub(crate) transport: String,
    /// Address for HTTP; beyond this host's loopback only with --token-file.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8765")]
    pub(crate) listen: std::net::SocketAddr,
    /// File with the bearer token that HTTP clients must show; readable by you alone.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<std::path::PathBuf>,
    /// Name, beside localhost and the address, by which HTTP clients may call this host; may be
    /// repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
    /// Directory of this host that tools may read and write; may be repeated [default: the working
    /// directory, unless it is the home or above it].
    #[arg(long, value_name = "DIR")]
    pub(crate) allow_path: Vec<std::path::PathBuf>,
    /// Let the model give its guests a network.
    #[arg(long)]
    pub(crate) allow_network: bool,
    /// Let the model run commands on this host, as you, where no guest can run.
    #[arg(long)]
    pub(crate) allow_host_compat: bool,
    /// Calls that work at once; others wait for their turn [default: what suits this host].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole(1_u32..=256))]
    pub(crate) concurrency: Option<u32>,
    /// Machines of the default shape that stand by started, so that vm_run costs little more than
    /// its command.
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true, value_parser = whole(0_u32..=16))]
    pub(crate) warm: u32,
}

/// Names of the profiles, the smallest first; `task` stands beside them.
const PROFILES: [&str; 4] = ["vm-run", "workspace-core", "workspace-full", "task"];

#[derive(Debug, Args)]
pub(crate) struct McpConfig {
    /// The host.
    #[arg(value_parser = pyro_mcp::hosts::NAMES)]
    pub(crate) host: String,
    /// Write it into the host's file; what else is in there stays.
    #[arg(long)]
    pub(crate) write: bool,
    /// Which tools to offer.
    #[arg(long, default_value = "workspace-core", value_parser = PROFILES)]
    pub(crate) profile: String,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}
