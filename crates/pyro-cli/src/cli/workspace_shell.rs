//! `pyro workspace shell` as clap reads it.

use super::line::secret_variable;
use super::{integer, whole};
use clap::{Args, Subcommand};
use pyro_core::{ShellSignal, Variable, limits};

/// What to know of an attached terminal.
pub(crate) const ATTACH_HELP: &str = "\
Ctrl-] detaches: the shell goes on, also when this process is ended. The exit status is the\n\
shell's when that ends; 0 after detaching; 125 when pyro failed.";

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = ATTACH_HELP
)]
pub(crate) struct Shell {
    #[command(subcommand)]
    pub(crate) command: Option<ShellCommand>,
    /// Workspace id.
    #[arg(required = true)]
    pub(crate) workspace_id: Option<String>,
    #[command(flatten)]
    pub(crate) start: Start,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ShellCommand {
    /// Open a shell, which goes on until it is closed or its workspace stops.
    Open(Open),
    /// Print what a shell has printed, or its screen.
    Read(Read),
    /// Type into a shell.
    Write(Write),
    /// Signal the job in the foreground of a shell.
    Signal(Signal),
    /// End a shell with all that was started in it.
    Close(One),
    /// List the shells of a workspace.
    List(Of),
    /// Give a shell's terminal another size.
    Resize(Resize),
    /// Use a shell from this terminal.
    Attach(Attach),
}

/// How a shell starts.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// Directory that it begins in, absolute or below /workspace.
    #[arg(long, value_name = "PATH", default_value = "/workspace")]
    pub(crate) cwd: String,
    /// A variable of its environment; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = secret_variable)]
    pub(crate) env: Vec<Variable>,
    /// User of the guest to run it as, a name or a number, with :GROUP for another group than its
    /// own [default: root].
    #[arg(long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) secrets: super::secret::SecretEnv,
}

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// Workspace id.
    pub(crate) workspace_id: String,
    #[command(flatten)]
    pub(crate) start: Start,
    /// Columns of its terminal, 1 to 500.
    #[arg(long, value_name = "N", default_value_t = limits::DEFAULT_COLS.into(), allow_negative_numbers = true, value_parser = integer())]
    pub(crate) cols: i64,
    /// Rows of its terminal, 1 to 200.
    #[arg(long, value_name = "N", default_value_t = limits::DEFAULT_ROWS.into(), allow_negative_numbers = true, value_parser = integer())]
    pub(crate) rows: i64,
    /// Print one JSON object on stdout.
    #[arg(long, conflicts_with = "id_only")]
    pub(crate) json: bool,
    /// Print its id and nothing else.
    #[arg(long)]
    pub(crate) id_only: bool,
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
    /// Shell id.
    pub(crate) shell_id: String,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Read {
    #[command(flatten)]
    pub(crate) shell: One,
    /// Where to begin: 0, or the next_cursor of an earlier read.
    #[arg(long, value_name = "CURSOR", default_value_t = 0, allow_negative_numbers = true, value_parser = whole(0..=u64::MAX))]
    pub(crate) cursor: u64,
    /// Characters to print at most.
    #[arg(long, value_name = "N", default_value_t = limits::DEFAULT_MAX_CHARS.into(), allow_negative_numbers = true, value_parser = integer())]
    pub(crate) max_chars: i64,
    /// Print text as a person has read it, without what steers a terminal.
    #[arg(long)]
    pub(crate) plain: bool,
    /// Print the screen as it stands.
    #[arg(long, conflicts_with_all = ["plain", "cursor", "max_chars"])]
    pub(crate) screen: bool,
    /// Wait until the shell has printed nothing for so many milliseconds, 1 to 10000; for 30 s at
    /// most.
    #[arg(long, value_name = "MS", allow_negative_numbers = true, value_parser = integer())]
    pub(crate) wait_for_idle_ms: Option<i64>,
}

#[derive(Debug, Args)]
pub(crate) struct Write {
    #[command(flatten)]
    pub(crate) shell: One,
    /// What to type.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) input: String,
    /// Type no newline after it.
    #[arg(long)]
    pub(crate) no_newline: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Signal {
    #[command(flatten)]
    pub(crate) shell: One,
    /// Which.
    #[arg(long, value_name = "NAME", default_value = ShellSignal::DEFAULT_NAME, ignore_case = true, value_parser = ShellSignal::NAMES)]
    pub(crate) signal: String,
}

#[derive(Debug, Args)]
pub(crate) struct Resize {
    #[command(flatten)]
    pub(crate) shell: One,
    /// Columns, 1 to 500.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole(1_u16..=500))]
    pub(crate) cols: u16,
    /// Rows, 1 to 200.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole(1_u16..=200))]
    pub(crate) rows: u16,
}

#[derive(Debug, Args)]
#[command(after_help = ATTACH_HELP)]
pub(crate) struct Attach {
    /// Workspace id.
    pub(crate) workspace_id: String,
    /// Shell id.
    pub(crate) shell_id: String,
}
