//! Signals to what runs in the foreground of a shell.

use super::info::ShellSignalled;
use crate::config::Config;
use crate::id::Id;
use crate::vm::control::shells::ShellRequest;
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::Running;
use crate::workspace::shell_error::ShellError;

/// A signal that a shell may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShellSignal {
    name: &'static str,
    number: i32,
}

impl ShellSignal {
    /// The names of signals, the default among them.
    pub const NAMES: [&str; 4] = ["HUP", "INT", "TERM", "KILL"];

    /// The signal where none is named.
    pub const DEFAULT_NAME: &str = "INT";

    /// The signal of this name, in upper or lower case.
    ///
    /// # Errors
    /// [`ShellError::Signal`].
    pub fn parse(name: &str) -> Result<Self, ShellError> {
        let numbers = [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGKILL];
        let mut signals = Self::NAMES.into_iter().zip(numbers);
        match signals.find(|(one, _)| one.eq_ignore_ascii_case(name)) {
            Some((name, number)) => Ok(Self { name, number }),
            None => Err(ShellError::Signal(name.chars().take(40).collect())),
        }
    }
}

/// Send a signal to the job in the foreground of a shell: the shell itself where none runs.
///
/// # Errors
/// [`WorkspaceError`].
pub async fn signal(
    config: &Config,
    id: Id,
    shell: Id,
    signal: ShellSignal,
) -> Result<ShellSignalled, WorkspaceError> {
    let running = Running::open(config, id).await?;
    let request = ShellRequest::Signal { shell, signal: signal.number };
    let shell = running.ask_shell(shell, request).await?;
    Ok(ShellSignalled { shell, signal: signal.name })
}

#[cfg(test)]
mod tests {
    use super::ShellSignal;

    #[test]
    fn four_signals_have_names() {
        let number =
            |name| ShellSignal::parse(name).map(|signal| (signal.name, signal.number)).ok();
        assert_eq!((number("int"), number("KILL")), (Some(("INT", 2)), Some(("KILL", 9))));
        assert_eq!((number(""), number("SIGINT"), number("STOP")), (None, None, None));
    }
}
