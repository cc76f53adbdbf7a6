//! A line for the guest's login shell, and how it is to run: where, with which variables, as whom.

use super::request::ExecRequest;
use crate::vm::error::VmError;
use crate::vm::shape::limits;
use pyro_protocol::message::Command;
pub use pyro_protocol::message::Shell;
use pyro_protocol::path::GuestPathError;
use pyro_protocol::user::UserError;
pub use pyro_protocol::variable::Variable;
use pyro_protocol::variable::{MAX_VARIABLE_LEN, is_variable_name};
use pyro_protocol::{GuestPath, User};
use std::time::Duration;

/// Longest line, in bytes.
pub const MAX_LINE_LEN: usize = 2 * 1024 * 1024;

/// Longest line that a shell is given as an argument, in bytes: what Linux takes as one, without
/// the byte that ends it (`MAX_ARG_STRLEN`, execve(2)).
pub const MAX_ARGUMENT_LEN: usize = 131_071;

/// Bytes that all variables may have together; they travel in one message with the line.
const MAX_VARIABLES_LEN: usize = 512 * 1024;

/// What a variable takes beside its name and its value, in bytes: on its way, and in the program's
/// memory.
const VARIABLE_OVERHEAD: usize = 16;

/// Characters of a wrong name that tell which one was meant.
const SHOWN_LEN: usize = 40;

/// Most characters of a secret's name.
const MAX_SECRET_NAME_LEN: usize = 64;

/// Whether it may be the name of a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    name.len() <= MAX_SECRET_NAME_LEN && is_variable_name(name)
}

/// A line to run.
#[derive(Clone, Debug)]
pub struct LineRequest {
    /// It, as the shell takes it.
    pub command: String,
    /// How long it may run; the start of a vm does not count.
    pub timeout: Duration,
    /// What its caller chose.
    pub options: ExecOptions,
}

impl LineRequest {
    /// A line with the default limit of 30 seconds, and nothing chosen.
    #[must_use]
    pub fn new(command: impl Into<String>) -> Self {
        let timeout = Duration::from_secs(limits::DEFAULT_TIMEOUT_SECONDS.into());
        Self { command: command.into(), timeout, options: ExecOptions::default() }
    }

    /// Whether a shell can be given it.
    ///
    /// # Errors
    /// [`VmError::NoCommand`], [`VmError::LongCommand`].
    pub(crate) fn check(&self) -> Result<(), VmError> {
        if self.command.trim().is_empty() {
            return Err(VmError::NoCommand);
        }
        match self.command.len() {
            len if len > MAX_LINE_LEN => Err(VmError::LongCommand { len, max: MAX_LINE_LEN }),
            _ => Ok(()),
        }
    }

    /// To run in `cwd` where its caller chose no directory.
    pub(crate) fn exec_request(&self, cwd: GuestPath) -> ExecRequest {
        let ExecOptions { cwd: chosen, env, user, shell, .. } = self.options.clone();
        let request = ExecRequest::new(Command::Shell(self.command.clone()), self.timeout);
        ExecRequest { cwd: chosen.unwrap_or(cwd), env, user, shell, ..request }
    }
}

/// What the caller of a command may choose, checked; by default nothing of it.
#[derive(Clone, Debug, Default)]
pub struct ExecOptions {
    /// Working directory.
    pub(crate) cwd: Option<GuestPath>,
    /// Variables over the guest's defaults.
    pub(crate) env: Vec<Variable>,
    /// Whom it runs as.
    pub(crate) user: Option<User>,
    /// Which shell runs it.
    pub(crate) shell: Shell,
    /// Secrets of its workspace by name, and the variables that they are given as.
    pub(crate) secret_env: Vec<(String, String)>,
}

/// The names by which a shell is chosen, the default first.
pub const SHELLS: [&str; 3] = ["login", "bash", "sh"];

/// Why something cannot be chosen.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OptionError {
    /// The directory is not one.
    #[error("the directory of a command cannot be used")]
    Cwd(#[source] GuestPathError),
    /// The name of a variable is not one that a shell keeps.
    #[error("{name:?} is no name of a variable: letters, digits and '_', no digit first")]
    VariableName {
        /// It, cut where it is long.
        name: String,
    },
    /// The name of a secret is none.
    #[error("{name:?} is no name of a secret: up to 64 letters, digits and '_', no digit first")]
    SecretName {
        /// It, cut where it is long.
        name: String,
    },
    /// The value of a variable holds a NUL character.
    #[error("the value of variable {name:?} holds a NUL character")]
    VariableValue {
        /// Its name, cut where it is long.
        name: String,
    },
    /// A variable is longer than any program is given.
    #[error("variable {name:?} has {len} bytes; it may have {MAX_VARIABLE_LEN}")]
    LongVariable {
        /// Its name, cut where it is long.
        name: String,
        /// Its length with its value.
        len: usize,
    },
    /// The variables are too many.
    #[error("the variables have {0} bytes; they may have {MAX_VARIABLES_LEN}")]
    Variables(usize),
    /// The user is none.
    #[error("the command cannot run as this user")]
    User(#[source] UserError),
    /// The shell is none that can be chosen.
    #[error("shell {name:?} cannot be chosen: it is login, bash or sh")]
    Shell {
        /// It, cut where it is long.
        name: String,
    },
}

impl ExecOptions {
    /// Check what a caller gave: an absolute directory, variables as name and value, a user as
    /// `NAME|UID[:GROUP|GID]`.
    ///
    /// # Errors
    /// [`OptionError`], naming the first that cannot be.
    pub fn parse(
        cwd: Option<&str>,
        env: Vec<Variable>,
        user: Option<&str>,
    ) -> Result<Self, OptionError> {
        let cwd = cwd
            .map(|cwd| GuestPath::parse(cwd.as_bytes()))
            .transpose()
            .map_err(OptionError::Cwd)?;
        let user = user.map(User::parse).transpose().map_err(OptionError::User)?;
        let mut total = 0;
        for Variable(name, value) in &env {
            let value = value.expose();
            let shown = || name.chars().take(SHOWN_LEN).collect();
            let len = name.len() + 1 + value.len();
            if !is_variable_name(name) {
                return Err(OptionError::VariableName { name: shown() });
            }
            if value.contains('\0') {
                return Err(OptionError::VariableValue { name: shown() });
            }
            if len > MAX_VARIABLE_LEN {
                return Err(OptionError::LongVariable { name: shown(), len });
            }
            total += len + VARIABLE_OVERHEAD;
        }
        if total > MAX_VARIABLES_LEN {
            return Err(OptionError::Variables(total));
        }
        Ok(Self { cwd, env, user, shell: Shell::Login, secret_env: Vec::new() })
    }

    /// The same with a variable, where its caller has not chosen it.
    #[must_use]
    pub fn with_default(mut self, variable: Variable) -> Self {
        if self.env.iter().all(|Variable(name, _)| *name != variable.0) {
            self.env.push(variable);
        }
        self
    }

    /// The same with secrets of its workspace: each by name, and the variable that it is given as
    /// where that has another name.
    ///
    /// # Errors
    /// [`OptionError::SecretName`], [`OptionError::VariableName`].
    pub fn with_secret_env<'a>(
        self,
        secrets: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<Self, OptionError> {
        let shown = |name: &str| name.chars().take(SHOWN_LEN).collect();
        let mut secret_env = Vec::new();
        for (name, variable) in secrets {
            let variable = variable.unwrap_or(name);
            if !is_secret_name(name) {
                return Err(OptionError::SecretName { name: shown(name) });
            }
            if !is_variable_name(variable) {
                return Err(OptionError::VariableName { name: shown(variable) });
            }
            secret_env.push((name.to_owned(), variable.to_owned()));
        }
        Ok(Self { secret_env, ..self })
    }

    /// The same with a shell of [`SHELLS`]; none is the user's login shell.
    ///
    /// # Errors
    /// [`OptionError::Shell`].
    pub fn with_shell(self, name: Option<&str>) -> Result<Self, OptionError> {
        let shell = match name {
            None | Some("login") => Shell::Login,
            Some("bash") => Shell::Bash,
            Some("sh") => Shell::Sh,
            Some(name) => {
                return Err(OptionError::Shell { name: name.chars().take(SHOWN_LEN).collect() });
            }
        };
        Ok(Self { shell, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::frame::encode_message;
    use pyro_protocol::message::Exec;

    fn env(variables: &[(&str, &str)]) -> Result<ExecOptions, OptionError> {
        let owned = variables.iter().map(|(name, value)| Variable::new(*name, *value));
        ExecOptions::parse(None, owned.collect(), None)
    }

    #[test]
    fn what_can_be_chosen_is_kept_as_it_is() {
        let odd = [("A_B", ""), ("_9", "\n\"'$(x)\\ä"), ("a", "=a=b"), ("a", "again")];
        let chosen = env(&odd).unwrap();
        assert_eq!(chosen.env, odd.map(|(name, value)| Variable::new(name, value)));
        let chosen = ExecOptions::parse(Some("/a/./b//"), Vec::new(), Some("app:7")).unwrap();
        assert_eq!(chosen.cwd.unwrap().as_bytes(), b"/a/b");
        assert_eq!(chosen.user.unwrap().to_string(), "app:7");
    }

    #[test]
    fn a_line_is_bounded() {
        let check = |command: String| {
            LineRequest { command, timeout: Duration::ZERO, options: ExecOptions::default() }
                .check()
        };
        assert!(check("é".repeat(MAX_LINE_LEN / 2)).is_ok());
        assert!(matches!(
            check("x".repeat(MAX_LINE_LEN + 1)),
            Err(VmError::LongCommand { len: 2_097_153, .. })
        ));
        assert!(matches!(check(" \n".to_owned()), Err(VmError::NoCommand)));
    }

    #[test]
    fn what_cannot_be_is_named() {
        for name in ["", "A=B", "A\0", "my-var", "1A", "ä", "A B"] {
            assert_eq!(
                env(&[(name, "x")]).unwrap_err(),
                OptionError::VariableName { name: name.to_owned() }
            );
        }
        assert_eq!(
            env(&[("A", "x\0")]).unwrap_err(),
            OptionError::VariableValue { name: "A".to_owned() }
        );
        let cwd = ExecOptions::parse(Some("tmp"), Vec::new(), None).unwrap_err();
        assert_eq!(cwd, OptionError::Cwd(GuestPathError::NotAbsolute));
        for name in SHELLS {
            assert!(ExecOptions::default().with_shell(Some(name)).is_ok());
        }
        for name in ["", "Bash", "/bin/bash", "zsh"] {
            let wrong = ExecOptions::default().with_shell(Some(name)).unwrap_err();
            assert_eq!(wrong, OptionError::Shell { name: name.to_owned() });
        }
        let user = ExecOptions::parse(None, Vec::new(), Some("a:")).unwrap_err();
        assert_eq!(user, OptionError::User(UserError::Empty));
    }

    #[test]
    fn variables_are_bounded_and_what_is_taken_fits_a_message() {
        let longest = "x".repeat(MAX_VARIABLE_LEN - 2);
        assert!(env(&[("A", &longest)]).is_ok());
        let name = || "A".to_owned();
        let longer = OptionError::LongVariable { name: name(), len: MAX_VARIABLE_LEN + 1 };
        assert_eq!(env(&[("A", &(longest.clone() + "y"))]).unwrap_err(), longer);
        assert!(matches!(env(&[("A", longest.as_str()); 4]), Err(OptionError::Variables(_))));
        // The most that the bound lets through, beside the longest line that a shell is given.
        let most = vec![("A", ""); MAX_VARIABLES_LEN / (2 + VARIABLE_OVERHEAD)];
        let request = LineRequest {
            command: "x".repeat(MAX_VARIABLE_LEN),
            timeout: Duration::from_secs(1),
            options: env(&most).unwrap(),
        };
        let ExecRequest { command, cwd, env, user, shell, .. } =
            request.exec_request(GuestPath::root());
        let (id, sequence) = (u64::MAX, u64::MAX);
        encode_message(&Exec {
            id,
            command,
            cwd,
            env,
            stdin: true,
            sync: true,
            user,
            shell,
            sequence,
            terminal: None,
            until_tree_ends: false,
        })
        .unwrap();
    }
}
