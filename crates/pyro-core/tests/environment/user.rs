//! `User`: an ordinary user of the host.

use std::process::Command;

/// A user of the host for one test.
pub struct User {
    pub name: String,
}

impl User {
    pub fn create(name: String) -> Self {
        let run = |program: &str, words: &[&str]| {
            assert!(
                Command::new(program).args(words).arg(&name).status().unwrap().success(),
                "{program}"
            );
        };
        run("/usr/sbin/useradd", &["--system", "--no-create-home", "--user-group"]);
        let range = "1900000000-1900065535";
        run("/usr/sbin/usermod", &["--add-subuids", range, "--add-subgids", range]);
        Self { name }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = Command::new("/usr/sbin/userdel").arg(&self.name).status();
    }
}
