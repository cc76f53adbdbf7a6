//! The launch: all that the child of a clone needs, made beforehand, since it must not allocate.

use crate::environment::Environment;
use crate::failure::failure;
use crate::person::{Credentials, Person, SH};
use pyro_protocol::message::{Command, Exec, Failure, FailureKind, Shell};
use pyro_protocol::variable::PRELUDE;
use rustix::process::Rlimit;
use std::ffi::{CString, c_char};
use std::path::Path;

/// A NUL-terminated array of strings that stays where it is.
pub(crate) struct Strings {
    /// Owns what the pointers point to; the bytes of a `CString` do not move with it.
    _owned: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl Strings {
    fn new(owned: Vec<CString>) -> Self {
        let pointers =
            owned.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect();
        Self { _owned: owned, pointers }
    }

    /// As `execve` takes it.
    pub(crate) fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

/// A file to execute, and how.
pub(crate) struct Candidate {
    /// The file.
    pub(crate) file: CString,
    /// Arguments that run it as a shell script, for one that has no `#!` line.
    pub(crate) as_script: Strings,
}

/// All that the child needs.
pub(crate) struct Launch {
    /// Files to try, in this order.
    pub(crate) candidates: Vec<Candidate>,
    /// Arguments, the program's name first.
    pub(crate) arguments: Strings,
    /// Variables.
    pub(crate) variables: Strings,
    /// Working directory.
    pub(crate) cwd: CString,
    /// Whom to become; none: whoever the agent is.
    pub(crate) user: Option<Credentials>,
    /// Limit on descriptors.
    pub(crate) nofile: libc::rlimit,
    /// Whether its stdin is the terminal that controls it.
    pub(crate) on_terminal: bool,
    /// In a plain process: die with the agent, and keep the caller's umask.
    pub(crate) beside_the_agent: bool,
}

impl Launch {
    /// Check a command and prepare it.
    pub(crate) fn prepare(
        request: &Exec,
        environment: &Environment,
        person: Person,
        nofile: Rlimit,
        beside_the_agent: bool,
    ) -> Result<Self, Failure> {
        let command = &request.command;
        let shells = shells(request.shell, &person, beside_the_agent);
        let arguments: Vec<Vec<u8>> = match command {
            Command::Shell(line) => login_shell(&shells[0], line, environment),
            Command::Program(arguments) => {
                arguments.iter().map(|argument| argument.as_bytes().to_vec()).collect()
            }
        };
        let Some(program) = arguments.first() else {
            return Err(failure(FailureKind::InvalidInput, "a program needs a name"));
        };
        let files = match command {
            Command::Shell(_) => shells,
            Command::Program(_) => environment.candidates(program),
        };
        let candidates = files
            .into_iter()
            .map(|file| {
                let script = [b"/bin/sh".to_vec(), file.clone()]
                    .into_iter()
                    .chain(arguments.iter().skip(1).cloned());
                Ok(Candidate {
                    as_script: Strings::new(all_terminated(script)?),
                    file: terminated(file)?,
                })
            })
            .collect::<Result<_, Failure>>()?;
        let raw = |limit: Option<u64>| limit.unwrap_or(libc::RLIM_INFINITY);
        Ok(Self {
            candidates,
            variables: Strings::new(match command {
                Command::Shell(_) => environment.entries_and_copies(),
                Command::Program(_) => environment.entries(),
            }),
            arguments: Strings::new(all_terminated(arguments)?),
            cwd: terminated(request.cwd.as_bytes().to_vec())?,
            user: person.credentials,
            nofile: libc::rlimit { rlim_cur: raw(nofile.current), rlim_max: raw(nofile.maximum) },
            on_terminal: request.terminal.is_some(),
            beside_the_agent,
        })
    }
}

/// Bash, where every distribution has it.
const BASH: &str = "/bin/bash";

/// The shells to try, in this order: a login shell that its user may not execute gives way to
/// `/bin/sh`. Beside the agent the login shell is `bash` where there is one, whatever its user has.
pub(crate) fn shells(choice: Shell, person: &Person, beside_the_agent: bool) -> Vec<Vec<u8>> {
    match (choice, &person.shell) {
        (Shell::Sh, _) => vec![SH.into()],
        (Shell::Bash, _) => vec![BASH.into()],
        (Shell::Login, Some(shell)) if shell != SH.as_bytes() => vec![shell.clone(), SH.into()],
        (Shell::Login, None) if beside_the_agent && Path::new(BASH).exists() => vec![BASH.into()],
        (Shell::Login, _) => vec![SH.into()],
    }
}

/// A login shell for a line: one argument, whatever it holds.
fn login_shell(shell: &[u8], line: &str, environment: &Environment) -> Vec<Vec<u8>> {
    // The profile has had its say before.
    let prelude = if environment.chosen().next().is_some() { PRELUDE } else { "" };
    // "--": a line that begins with a dash is no option.
    vec![shell.into(), "-lc".into(), "--".into(), [prelude, line].concat().into_bytes()]
}

fn terminated(bytes: Vec<u8>) -> Result<CString, Failure> {
    CString::new(bytes)
        .map_err(|_| failure(FailureKind::InvalidInput, "an argument holds a NUL byte"))
}

fn all_terminated(items: impl IntoIterator<Item = Vec<u8>>) -> Result<Vec<CString>, Failure> {
    items.into_iter().map(terminated).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepare(arguments: &[&str]) -> Result<Launch, Failure> {
        let request = Exec {
            id: 1,
            command: Command::Program(
                arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            ),
            cwd: pyro_protocol::GuestPath::root(),
            env: Vec::new(),
            stdin: false,
            sync: false,
            user: None,
            shell: Shell::Login,
            sequence: 0,
            terminal: None,
            until_tree_ends: false,
        };
        let nofile = Rlimit { current: Some(1), maximum: None };
        Launch::prepare(&request, &Environment::of_a_guest(), Person::default(), nofile, false)
    }

    #[test]
    fn a_login_shell_is_its_users_and_a_chosen_one_is_that() {
        let person =
            |shell: Option<&str>| Person { credentials: None, shell: shell.map(Into::into) };
        for (choice, shell, expected) in [
            (Shell::Login, Some("/bin/bash"), &["/bin/bash", "/bin/sh"][..]),
            (Shell::Login, Some("/bin/sh"), &["/bin/sh"]),
            (Shell::Login, None, &["/bin/sh"]),
            (Shell::Sh, Some("/bin/bash"), &["/bin/sh"]),
            (Shell::Bash, Some("/bin/sh"), &["/bin/bash"]),
        ] {
            let expected: Vec<Vec<u8>> =
                expected.iter().map(|shell| shell.as_bytes().to_vec()).collect();
            assert_eq!(shells(choice, &person(shell), false), expected, "{choice:?} {shell:?}");
        }
    }

    #[test]
    fn no_program_and_a_nul_byte_are_invalid() {
        assert_eq!(prepare(&[]).err().unwrap().kind, FailureKind::InvalidInput);
        assert_eq!(prepare(&["x", "a\0b"]).err().unwrap().kind, FailureKind::InvalidInput);
        assert!(prepare(&[""]).unwrap().candidates.is_empty());
    }

    #[test]
    fn a_line_stays_as_it_is_where_nothing_is_chosen() {
        let mut environment = Environment::of_a_guest();
        let line =
            |environment: &Environment| login_shell(b"/bin/sh", "-x 'y", environment).remove(3);
        assert_eq!(line(&environment), b"-x 'y");
        environment.extend(&[pyro_protocol::variable::Variable::new("A", "b")]).unwrap();
        assert_eq!(line(&environment), [PRELUDE.as_bytes(), b"-x 'y"].concat());
    }

    #[test]
    fn arrays_end_with_null() {
        let launch = prepare(&["x", "y"]).unwrap();
        assert_eq!(launch.arguments.pointers.len(), 3);
        assert!(launch.arguments.pointers[2].is_null());
        assert_eq!(launch.candidates[0].file.as_bytes(), b"/usr/local/sbin/x");
    }
}
