//! A command of a guest as clap reads it: what stands behind `--`, and how it is to run.

use super::integer;
use super::pair::variable;
use clap::Args;
use pyro_core::{SHELLS, Variable, limits};

/// What to know of a command in a guest.
pub(super) const COMMAND_HELP: &str = "\
Exit status: the command's own; 124 when its time was over, 125 when pyro failed or the guest has no such\n\
--cwd or --user, 126 or 127 when the command could not be executed, 128+n when signal n ended it, 2 for a\n\
usage error.\n\n\
One argument is a line for the user's login shell ('a && b' works); several are quoted and joined.\n\
Put -- before a command that has flags of its own: everything after it is the command.";

#[derive(Debug, Args)]
pub(crate) struct Line {
    /// Seconds that the command may run, greater than 0.
    #[arg(long, value_name = "SECONDS", default_value_t = limits::DEFAULT_TIMEOUT_SECONDS.into(), allow_negative_numbers = true, value_parser = integer())]
    pub(crate) timeout_seconds: i64,
    /// Directory to run it in, absolute; in a workspace also below /workspace [default: / or
    /// /workspace].
    #[arg(long, value_name = "PATH")]
    pub(crate) cwd: Option<String>,
    /// A variable of its environment; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = secret_variable)]
    pub(crate) env: Vec<Variable>,
    /// User of the guest to run it as, a name or a number, with :GROUP for another group than its
    /// own [default: root].
    #[arg(long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// Shell to run it with: the user's login shell of the guest's /etc/passwd, or the one that is
    /// named.
    #[arg(long, value_name = "SHELL", default_value = SHELLS[0], value_parser = SHELLS)]
    pub(crate) shell: String,
    /// Pass a terminal's stdin to the command (pipes are always passed).
    #[arg(short = 'i', long)]
    pub(crate) stdin: bool,
    /// Command to run; put -- before it if it has flags.
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

pub(super) fn secret_variable(text: &str) -> Result<Variable, &'static str> {
    variable(text).map(|(name, value)| Variable::new(name, value))
}
