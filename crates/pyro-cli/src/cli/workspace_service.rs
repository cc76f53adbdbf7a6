//! `pyro workspace service` as clap reads it.

use super::integer;
use super::line::secret_variable;
use super::secret::SecretEnv;
use clap::{Args, Subcommand};
use pyro_core::{Variable, limits};

#[derive(Debug, Subcommand)]
pub(crate) enum Service {
    /// Start a service, and wait until it is ready.
    Start(Box<Start>),
    /// List the services of a workspace.
    List(Of),
    /// Show a service's status.
    Status(One),
    /// Print what a service has printed.
    Logs(Logs),
    /// Stop a service with all that it has started.
    Stop(One),
}

/// What to know of services.
const START_HELP: &str = "\
A service goes on when this process ends, until it is stopped, ends by itself, or its workspace stops.\n\
It runs as long as any of its processes does. Readiness is checked inside the guest. A service that\n\
fails to start is a result: exit status 0, state=failed. Put -- before a command that has flags.";

#[derive(Debug, Args)]
#[command(after_help = START_HELP)]
pub(crate) struct Start {
    #[command(flatten)]
    pub(crate) service: One,
    /// Directory that it begins in, absolute or below /workspace.
    #[arg(long, value_name = "PATH", default_value = "/workspace")]
    pub(crate) cwd: String,
    /// A variable of its environment; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = secret_variable)]
    pub(crate) env: Vec<Variable>,
    #[command(flatten)]
    pub(crate) secrets: SecretEnv,
    /// User of the guest to run it as, a name or a number, with :GROUP for another group than its
    /// own [default: root].
    #[arg(long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// Ready when this file exists, absolute or below /workspace.
    #[arg(long, value_name = "PATH")]
    pub(crate) ready_file: Option<String>,
    /// Ready when this address takes TCP connections.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) ready_tcp: Option<String>,
    /// Ready when a GET of this http:// URL gives a status from 200 to 399.
    #[arg(long, value_name = "URL")]
    pub(crate) ready_http: Option<String>,
    /// Ready when this command exits with status 0, within 10 s.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) ready_command: Option<String>,
    /// Seconds that it may take to be ready, 1 to 3600.
    #[arg(long, value_name = "SECONDS", default_value_t = limits::DEFAULT_READY_TIMEOUT_SECONDS.into(), allow_negative_numbers = true, value_parser = integer())]
    pub(crate) ready_timeout_seconds: i64,
    /// Milliseconds between two checks, 1 to 60000.
    #[arg(long, value_name = "MS", default_value_t = limits::DEFAULT_READY_INTERVAL_MS.into(), allow_negative_numbers = true, value_parser = integer())]
    pub(crate) ready_interval_ms: i64,
    /// Start it again with its workspace if it ran when that was stopped.
    #[arg(long)]
    pub(crate) restart: bool,
    /// Command to run; put -- before it if it has flags.
    #[arg(value_name = "COMMAND", required = true)]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Of {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// Service name.
    pub(crate) service_name: String,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub(crate) service: One,
    /// Print so many of the last lines of stdout and of stderr.
    #[arg(long, value_name = "N", default_value_t = limits::DEFAULT_TAIL_LINES.into(), allow_negative_numbers = true, value_parser = integer())]
    pub(crate) tail_lines: i64,
    /// Print all that is kept: the first 4 MiB and the last 12 of each.
    #[arg(long, conflicts_with = "tail_lines")]
    pub(crate) all: bool,
    /// Then print what comes, until the service ends.
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) follow: bool,
}
