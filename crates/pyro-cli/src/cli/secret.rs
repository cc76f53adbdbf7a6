//! Secrets as clap reads them. No message of clap's shows what was given.

use clap::Args;
use std::convert::Infallible;
use std::str::FromStr;

/// Secrets of a new workspace.
#[derive(Debug, Args)]
pub(crate) struct Secrets {
    /// A secret, for commands, shells and services that ask for it with --secret-env; may be
    /// repeated. Every user of this host can read the value in its process list: prefer
    /// --secret-file or --secret-from-env.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) secret: Vec<Hidden>,
    /// A secret whose value is the content of a file, of at most 64 KiB; may be repeated.
    #[arg(long, value_name = "NAME=PATH")]
    pub(crate) secret_file: Vec<Hidden>,
    /// A secret whose value is that of a variable of this command's environment, the one of the
    /// same name where none is named; may be repeated.
    #[arg(long, value_name = "NAME[=HOST_VARIABLE]")]
    pub(crate) secret_from_env: Vec<Hidden>,
}

/// Secrets that a process is given.
#[derive(Debug, Args)]
pub(crate) struct SecretEnv {
    /// A secret of the workspace to give it as a variable, of the same name where none is named;
    /// may be repeated.
    #[arg(long, value_name = "SECRET[=ENV_VAR]")]
    pub(crate) secret_env: Vec<Hidden>,
}

/// What was given, which may hold a value: `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct Hidden(String);

impl Hidden {
    /// It, for whoever takes it apart.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl FromStr for Hidden {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("[...]")
    }
}

#[cfg(test)]
mod tests {
    use super::Hidden;

    #[test]
    fn what_is_given_is_not_shown() {
        let hidden: Hidden = "A=b=c".parse().unwrap();
        assert_eq!((hidden.text(), format!("{hidden:?}").as_str()), ("A=b=c", "[...]"));
    }
}
