//! A command of a guest: what stands after `--`, as a line for its shell, and how it is to run.

use crate::cli::Line;
use pyro_core::limits::timeout;
use pyro_core::{ExecOptions, LineRequest, OptionError, PyroError, Variable};
use rustix::fs::{FileType, Stat};
use std::io::IsTerminal;
use std::os::fd::AsFd;

/// The line as core takes it; `options` says what may be chosen there.
pub(super) fn request(
    line: Line,
    options: impl FnOnce(Option<&str>, Vec<Variable>, Option<&str>) -> Result<ExecOptions, OptionError>,
) -> Result<LineRequest, PyroError> {
    Ok(LineRequest {
        command: command_line(&line.command),
        timeout: timeout(line.timeout_seconds)?,
        options: options(line.cwd.as_deref(), line.env, line.user.as_deref())?
            .with_shell(Some(&line.shell))?,
    })
}

/// Whether the command gets stdin. A terminal is the user's own; whatever else it is was meant for
/// the command, but for `/dev/null`, which the guest has one of: programs such as `rg` read what is
/// no terminal and not that.
pub(super) fn hands_stdin_on(line: &Line) -> bool {
    let stdin = std::io::stdin();
    !is_null(&stdin) && (line.stdin || !stdin.is_terminal())
}

/// Whether it is `/dev/null`.
fn is_null(file: impl AsFd) -> bool {
    let null = rustix::fs::stat("/dev/null");
    let is_device =
        |stat: &Stat| FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    match (rustix::fs::fstat(file), null) {
        (Ok(file), Ok(null)) => {
            is_device(&file) && is_device(&null) && file.st_rdev == null.st_rdev
        }
        _ => false,
    }
}

/// One argument is a line for the shell as it is; several are quoted and joined.
pub(super) fn command_line(words: &[String]) -> String {
    match words {
        [line] => line.clone(),
        words => shell_words::join(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_null_device_is_none() {
        let open = |path: &str| std::fs::File::open(path).unwrap();
        assert!(is_null(open("/dev/null")));
        assert!(!is_null(open("/dev/zero")) && !is_null(tempfile::tempfile().unwrap()));
        assert!(!is_null(std::io::pipe().unwrap().0));
    }

    #[test]
    fn one_argument_is_a_line_and_several_are_quoted() {
        let words = |words: &[&str]| {
            command_line(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(words(&["a && b"]), "a && b");
        assert_eq!(words(&["sh", "-c", "exit 7"]), "sh -c 'exit 7'");
        assert_eq!(words(&["git", "--version"]), "git --version");
        assert_eq!(words(&[]), "");
    }
}
