//! The environment: the variables that a command starts with.

use crate::failure::failure;
use crate::person::Credentials;
use pyro_protocol::message::{Failure, FailureKind};
use pyro_protocol::variable::Variable;
use pyro_protocol::variable::{CHOSEN, COPY_PREFIX, is_variable_name};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;

/// `PATH` of a command that is given none.
pub(crate) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables by name.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Names that a request has set, with their lengths: a copy has a longer name than what it is a
    /// copy of, so that the shorter name is done with before a variable that is called like its
    /// copy is set.
    chosen: BTreeSet<(usize, Vec<u8>)>,
}

impl Environment {
    /// What root has in a guest.
    pub(crate) fn of_a_guest() -> Self {
        let mut environment = Self::default();
        for (name, value) in [
            ("PATH", DEFAULT_PATH),
            ("HOME", "/root"),
            ("USER", "root"),
            ("LOGNAME", "root"),
            ("SHELL", "/bin/sh"),
            ("LANG", "C.UTF-8"),
            ("TERM", "dumb"),
            // Coding agents that ask whether they may act freely, as Claude Code does as root, look
            // for this.
            ("IS_SANDBOX", "1"),
        ] {
            environment.put(name.as_bytes(), value.as_bytes());
        }
        environment
    }

    /// What a command of a plain process has: the caller's `PATH`, and its working directory as its
    /// home.
    pub(crate) fn of_the_host(cwd: &[u8]) -> Self {
        let mut environment = Self::default();
        let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
        environment.put(b"PATH", path.as_encoded_bytes());
        environment.put(b"HOME", cwd);
        environment
    }

    /// What this user has in place of what root has.
    pub(crate) fn put_user(&mut self, user: &Credentials) {
        self.put(b"HOME", user.home.as_bytes());
        self.put(b"USER", &user.name);
        self.put(b"LOGNAME", &user.name);
    }

    /// Which shell is the user's.
    pub(crate) fn put_shell(&mut self, shell: &[u8]) {
        self.put(b"SHELL", shell);
    }

    /// Set one variable.
    pub(crate) fn put(&mut self, name: &[u8], value: &[u8]) {
        self.variables.insert(name.to_vec(), value.to_vec());
    }

    /// Set the variables of a request.
    pub(crate) fn extend(&mut self, variables: &[Variable]) -> Result<(), Failure> {
        for Variable(name, value) in variables {
            let value = value.expose();
            if !is_variable_name(name) || value.contains('\0') {
                let message = format!("environment variable {name:?} cannot be set");
                return Err(failure(FailureKind::InvalidInput, message));
            }
            self.put(name.as_bytes(), value.as_bytes());
            self.chosen.insert((name.len(), name.as_bytes().to_vec()));
        }
        Ok(())
    }

    /// The files that `program` may be, in the order in which they are tried.
    pub(crate) fn candidates(&self, program: &[u8]) -> Vec<Vec<u8>> {
        if program.is_empty() {
            return Vec::new();
        }
        if program.contains(&b'/') {
            return vec![program.to_vec()];
        }
        let path =
            self.variables.get(b"PATH".as_slice()).map_or(DEFAULT_PATH.as_bytes(), Vec::as_slice);
        path.split(|byte| *byte == b':')
            .map(|directory| match directory {
                // An empty entry is the working directory, as for a shell.
                b"" => [b"./", program].concat(),
                directory => [directory, b"/", program].concat(),
            })
            .collect()
    }

    /// As `execve` takes them.
    pub(crate) fn entries(&self) -> Vec<CString> {
        let entries =
            self.variables.iter().map(|(name, value)| [name.as_slice(), b"=", value].concat());
        entries.filter_map(|entry| CString::new(entry).ok()).collect()
    }

    /// Names that a request has set, in the order in which a shell is to set them again. Where it
    /// is, a shell knows itself.
    pub(crate) fn chosen(&self) -> impl Iterator<Item = &[u8]> {
        self.chosen.iter().map(|(_, name)| name.as_slice()).filter(|name| *name != b"PWD")
    }

    /// As `execve` takes them, with a copy of each of [`Self::chosen`].
    pub(crate) fn entries_and_copies(&self) -> Vec<CString> {
        let mut all = Self { variables: self.variables.clone(), chosen: BTreeSet::new() };
        for name in self.chosen() {
            let value = self.variables.get(name).map_or(b"".as_slice(), Vec::as_slice);
            all.put(&[COPY_PREFIX.as_bytes(), name].concat(), value);
        }
        let names: Vec<&[u8]> = self.chosen().collect();
        if !names.is_empty() {
            all.put(CHOSEN.as_bytes(), &names.join(&b' '));
        }
        all.entries()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(variables: &[(&str, &str)]) -> Result<Environment, Failure> {
        let mut environment = Environment::of_a_guest();
        let owned: Vec<_> =
            variables.iter().map(|(name, value)| Variable::new(*name, *value)).collect();
        environment.extend(&owned).map(|()| environment)
    }

    #[test]
    fn a_request_overrides_the_defaults() {
        let entries = set(&[("HOME", "/h"), ("NEW", "a=b")]).unwrap().entries();
        assert!(entries.contains(&c"HOME=/h".into()) && entries.contains(&c"NEW=a=b".into()));
        assert!(entries.contains(&c"IS_SANDBOX=1".into()));
        assert!(
            entries.contains(&c"LANG=C.UTF-8".into()) && !entries.contains(&c"HOME=/root".into())
        );
    }

    #[test]
    fn a_variable_that_cannot_be_is_refused() {
        for (name, value) in
            [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0"), ("my-var", "1"), ("$(x)", "1")]
        {
            assert_eq!(set(&[(name, value)]).unwrap_err().kind, FailureKind::InvalidInput);
        }
    }

    #[test]
    fn a_program_is_looked_for_on_the_path_of_the_request() {
        let environment = set(&[("PATH", "/a::/b")]).unwrap();
        assert_eq!(
            environment.candidates(b"x"),
            [b"/a/x".to_vec(), b"./x".to_vec(), b"/b/x".to_vec()]
        );
        assert_eq!(environment.candidates(b"d/x"), [b"d/x".to_vec()]);
        assert!(environment.candidates(b"").is_empty());
    }
}
