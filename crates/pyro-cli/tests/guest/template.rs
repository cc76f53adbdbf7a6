//! Templates: a second vm starts from what the first left, and no fault of a template is ever the
//! user's.

use crate::home::{ENVIRONMENT, Home, environments, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

mod faults;
mod makers;
mod unique;

/// A cache whose templates are the test's own; all else in it leads to the installed files.
pub struct Cache<'a> {
    home: &'a Home,
    path: PathBuf,
}

impl<'a> Cache<'a> {
    pub fn of(home: &'a Home) -> Self {
        let path = home.path().join("environments");
        for part in ["images", "kernels", "linux-x86_64"] {
            mirror(&environments().join(part), &path.join(part));
        }
        let cache = Self { home, path };
        // The empty layer names its image: made once, before many start at a time.
        let mut pull = cache.aim(home.pyro(&["env", "pull", ENVIRONMENT]));
        let pulled = pull.env("PYRO_TEMPLATES", "off").output().unwrap();
        assert!(pulled.status.success() && cache.templates().is_empty(), "{}", stderr(&pulled));
        cache
    }

    /// A cache in which there is a template already.
    fn with_template(home: &'a Home) -> Self {
        let cache = Self::of(home);
        cache.boots("true");
        cache.template();
        cache
    }

    pub fn aim(&self, mut command: Command) -> Command {
        command.env("PYRO_ENVIRONMENT_CACHE_DIR", &self.path).env("PYRO_LOG", "pyro_core=debug");
        command
    }

    fn command(&self, flags: &[&str], line: &str) -> Command {
        self.aim(self.home.run_command(flags, &[line]))
    }

    fn directory(&self) -> PathBuf {
        self.path.join("templates")
    }

    /// Everything in the templates' directory but its lock and the counter's rate.
    fn templates(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory()).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".lock" && !name.starts_with(".tsc-khz-"));
        names.sort();
        names
    }

    /// The template of the environment's new vms; there is the bare one of their shape too, and
    /// nothing beside them.
    fn template(&self) -> PathBuf {
        let names = self.templates();
        let [bare, mounted] = names.as_slice() else {
            panic!("not one template of each kind: {names:?}")
        };
        assert!(
            !bare.contains(['-', '.']) && mounted.starts_with(&format!("{bare}-")),
            "{names:?}"
        );
        self.directory().join(mounted)
    }

    /// Make this layer, which stands on the image alone, the disk that new vms have: as if it were
    /// the empty one.
    pub fn begin_with(&self, layer: &Path) {
        let record = self.path.join("linux-x86_64/debian_12-1.1.0/environment.json");
        let mut told: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
        let blank =
            Path::new(told["image"]["path"].as_str().unwrap()).with_file_name("blank.qcow2");
        assert!(blank.starts_with(&self.path));
        std::fs::copy(layer, &blank).unwrap();
        told["image"]["blank_stamp"] =
            serde_json::to_value(pyro_core::testing::Stamp::of(&blank).unwrap()).unwrap();
        std::fs::write(record, told.to_string()).unwrap();
    }

    /// Without templates, as before the first vm.
    fn clear(&self) {
        for name in self.templates() {
            std::fs::remove_dir_all(self.directory().join(name)).unwrap();
        }
    }

    /// The line runs in a vm that starts from a template; its output.
    fn resumes(&self, line: &str) -> String {
        resumed(&self.command(&[], line).output().unwrap())
    }

    /// The line runs in a vm that boots; its output.
    fn boots(&self, line: &str) -> String {
        booted(&self.command(&[], line).output().unwrap())
    }
}

/// Directories of its own at `to` whose files lead to those in `from`.
fn mirror(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        if entry.file_type().unwrap().is_dir() {
            mirror(&path, &to.join(name));
        } else if !name.to_string_lossy().starts_with('.') {
            std::os::unix::fs::symlink(path, to.join(name)).unwrap();
        }
    }
}

/// How a vm started, by the log: whether from a template, whether by a boot.
fn start_of(output: &Output) -> (bool, bool) {
    let log = stderr(output);
    assert_eq!(output.status.code(), Some(0), "{log}");
    (log.contains(" template{key="), log.contains(" boot:"))
}

fn resumed(output: &Output) -> String {
    assert_eq!(start_of(output), (true, false), "{}", stderr(output));
    stdout(output)
}

fn booted(output: &Output) -> String {
    assert!(start_of(output).1, "{}", stderr(output));
    stdout(output)
}
