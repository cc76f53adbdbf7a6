//! A command of a guest: what stands after `--`, as a line for its shell, and how it is to run.

use crate::cli::Line;
use pyro_core::PyroError;
use pyro_core::vm::line::OptionError;
use pyro_core::vm::shape::timeout;
use pyro_core::vm::{ExecOptions, LineRequest};
use std::io::IsTerminal;

/// The line as core takes it; `options` says what may be chosen there.
pub(super) fn request(
    line: Line,
    options: impl FnOnce(Option<&str>, Vec<(String, String)>, Option<&str>) -> Result<ExecOptions, OptionError>,
) -> Result<LineRequest, PyroError> {
    Ok(LineRequest {
        command: command_line(&line.command),
        timeout: timeout(line.timeout_seconds)?,
        options: options(line.cwd.as_deref(), line.env, line.user.as_deref())?,
    })
}

/// Whether the command gets stdin. A terminal is the user's own; whatever else it is was meant for the command.
pub(super) fn hands_stdin_on(line: &Line) -> bool {
    line.stdin || !std::io::stdin().is_terminal()
}

/// One argument is a line for the shell as it is; several are quoted and joined.
fn command_line(words: &[String]) -> String {
    match words {
        [line] => line.clone(),
        words => shell_words::join(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_argument_is_a_line_and_several_are_quoted() {
        let words = |words: &[&str]| command_line(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(words(&["a && b"]), "a && b");
        assert_eq!(words(&["sh", "-c", "exit 7"]), "sh -c 'exit 7'");
        assert_eq!(words(&["git", "--version"]), "git --version");
        assert_eq!(words(&[]), "");
    }
}
