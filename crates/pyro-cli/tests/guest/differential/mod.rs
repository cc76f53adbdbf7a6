//! The same commands in a container and in guests: what they print and how they end is the same, or
//! the reason is known.

use crate::home::{ENVIRONMENT, Home, stderr, stdout};
use crate::skip::skip;
use crate::workspace::{created, done, exec};
use serde::Deserialize;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The table: commands without flags, and those with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    lines: Vec<String>,
    special: Vec<Case>,
}

/// A command, and how it is run.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    line: String,
    user: Option<String>,
    cwd: Option<String>,
    #[serde(default)]
    env: Vec<String>,
    stdin: Option<String>,
    /// Whether it also runs in a guest and a container of its own.
    #[serde(default)]
    quick: bool,
    /// The directory that it makes for itself there, where it is to have one.
    #[serde(skip)]
    place: Option<String>,
    /// Why it differs.
    differs: Option<String>,
    /// Why it differs only where it has a container of its own.
    run_differs: Option<String>,
}

/// How many commands without flags run in a guest and a container of their own, too.
const ALONE: usize = 200;

impl Case {
    /// As it runs in a guest or a container of its own, and where it begins.
    fn alone(&self) -> (Self, &str) {
        let Some(place) = &self.place else {
            return (self.clone(), self.cwd.as_deref().unwrap_or("/tmp"));
        };
        let line = format!("mkdir -p {place} && cd {place}\n{}", self.line);
        (Self { line, ..self.clone() }, "/tmp")
    }
}

/// What is compared.
type Told = (Option<i32>, String, String);

/// Where a case runs: below `/tmp`, or where it says.
fn directory(case: &Case, number: usize) -> String {
    case.cwd.clone().unwrap_or_else(|| format!("/tmp/case/{number}"))
}

fn told(output: &Output) -> Told {
    (output.status.code(), stdout(output), stderr(output))
}

/// Run it to its end, with the case's stdin.
fn run(mut command: Command, case: &Case) -> Output {
    let stdin = if case.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child =
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if let Some(input) = &case.stdin {
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    }
    child.wait_with_output().unwrap()
}

/// A container of the image's files.
struct Container {
    root: tempfile::TempDir,
    name: String,
}

/// What makes podman run where it may not do everything: no network, the limits that it may set,
/// one file of cgroups.
const FLAGS: [&str; 8] = [
    "--rm",
    "--network",
    "none",
    "--ulimit",
    "nofile=1024:1024",
    "--ulimit",
    "nproc=8192:8192",
    "--env=LANG=C.UTF-8",
];

fn podman(args: &[&str]) -> Command {
    let mut command = Command::new("podman");
    command.args(["--runtime", "runc", "--cgroup-manager", "cgroupfs"]).args(args);
    command
}

impl Container {
    /// Unpack the environment's image and start a container of it; why it cannot be done otherwise.
    fn start(home: &Home, id: &str) -> Result<Self, String> {
        let image = image(home).ok_or("the image is not where it is looked for")?;
        let root = tempfile::tempdir().map_err(|error| error.to_string())?;
        let unpack = format!("rdump / {}", root.path().display());
        let unpacked =
            Command::new("debugfs").args(["-R", &unpack]).arg(image).stderr(Stdio::null()).status();
        if !unpacked.is_ok_and(|status| status.success()) {
            return Err("debugfs does not unpack the image".to_owned());
        }
        // debugfs drops the bits that a change of the owner takes away.
        let special = exec(home, id, "find / -xdev -perm /7000 -printf '%m %p\\n'");
        for (mode, path) in special.lines().filter_map(|line| line.split_once(' ')) {
            let place = root.path().join(&path[1..]);
            let _ = Command::new("chmod").arg(mode).arg(place).stderr(Stdio::null()).status();
        }
        let container = Self { name: format!("pyro-test-{}", std::process::id()), root };
        let place = container.root.path().to_str().unwrap();
        let started = [
            &["run", "-d", "--name", &container.name][..],
            &FLAGS,
            &["--rootfs", place, "sleep", "3600"],
        ]
        .concat();
        match podman(&started).output() {
            Ok(output) if output.status.success() => Ok(container),
            Ok(output) => Err(format!("podman starts no container: {}", stderr(&output).trim())),
            Err(error) => Err(format!("podman does not start: {error}")),
        }
    }

    fn exec(&self, case: &Case, cwd: &str) -> Told {
        let interactive: &[&str] = if case.stdin.is_some() { &["-i"] } else { &[] };
        let mut command = podman(&["exec", "--workdir", cwd, "--env", "LANG=C.UTF-8"]);
        self.finish(command.args(interactive), case, &[&self.name])
    }

    fn run(&self, case: &Case, cwd: &str) -> Told {
        let interactive: &[&str] = if case.stdin.is_some() { &["-i"] } else { &[] };
        let mut command = podman(&[&["run", "--workdir", cwd][..], &FLAGS, interactive].concat());
        self.finish(&mut command, case, &["--rootfs", self.root.path().to_str().unwrap()])
    }

    fn finish(&self, command: &mut Command, case: &Case, of: &[&str]) -> Told {
        for variable in &case.env {
            command.args(["--env", variable]);
        }
        if let Some(user) = &case.user {
            command.args(["--user", user]);
        }
        let shell = if case.user.is_some() { "/bin/sh" } else { "/bin/bash" };
        command.args(of).args([shell, "-lc", "--", &case.line]);
        told(&run(std::mem::replace(command, Command::new("true")), case))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = podman(&["rm", "-f", "-t", "0", &self.name])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

/// The image of the tests' environment.
fn image(home: &Home) -> Option<PathBuf> {
    let shown = home.pyro(&["env", "inspect", ENVIRONMENT, "--json"]).output().ok()?;
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).ok()?;
    Some(PathBuf::from(shown["install_dir"].as_str()?).join("rootfs.ext4"))
        .filter(|path| path.exists())
}

/// The flags of a case for pyro.
fn flags<'a>(case: &'a Case, cwd: &'a str) -> Vec<&'a str> {
    let mut flags = vec!["--cwd", cwd, "--timeout-seconds", "100"];
    for variable in &case.env {
        flags.extend(["--env", variable]);
    }
    if let Some(user) = &case.user {
        flags.extend(["--user", user]);
    }
    flags.extend(["--", &case.line]);
    flags
}

/// What pyro adds to stderr is not the command's.
fn without_talk((status, out, err): Told) -> Told {
    let ours = |line: &&str| !line.starts_with("[run] ") && !line.starts_with("[workspace-exec] ");
    let kept: String = err.split_inclusive('\n').filter(ours).collect();
    (status, out, kept)
}

/// Equal, but for an end of the last line of stderr that pyro has put before its own.
fn is_same(container: &Told, guest: &Told) -> bool {
    let ends = |text: &str| text.strip_suffix('\n').unwrap_or(text).to_owned();
    (container.0, &container.1, ends(&container.2)) == (guest.0, &guest.1, ends(&guest.2))
}

#[test]
fn commands_do_in_a_guest_what_they_do_in_a_container() {
    if Command::new("podman").arg("--version").output().is_err() {
        return skip("there is no podman");
    }
    let table: Table = toml::from_str(include_str!("commands.toml")).unwrap();
    let plain = table.lines.into_iter().enumerate().map(|(number, line)| {
        let quick = number < ALONE;
        Case {
            line,
            quick,
            place: quick.then(|| format!("/tmp/alone/{number}")),
            ..Case::default()
        }
    });
    let cases: Vec<Case> = plain.chain(table.special).collect();
    assert!(cases.iter().filter(|case| case.quick).count() >= ALONE);
    assert!(
        cases.iter().all(|case| case.differs.as_ref().is_none_or(|reason| reason.len() > 20)),
        "each has its reason"
    );
    let home = Home::tcg();
    let id = created(&home);
    let container = match Container::start(&home, &id) {
        Ok(container) => container,
        Err(reason) => {
            done(&home, "delete", &[&id]);
            return skip(&reason);
        }
    };
    let make = format!("mkdir -p /tmp/case/{{0..{}}}; chmod 1777 /tmp/case/*", cases.len());
    exec(&home, &id, &make);
    container.exec(&Case { line: make, ..Case::default() }, "/");
    // Both at once: each waits most of its time.
    let each = || cases.iter().enumerate().map(|(number, case)| (case, directory(case, number)));
    let (in_container, in_guest) = std::thread::scope(|scope| {
        let there = scope.spawn(|| {
            each().map(|(case, cwd)| container_of(&container, case, &cwd)).collect::<Vec<_>>()
        });
        let here = scope.spawn(|| {
            each().map(|(case, cwd)| guest_of(&home, &id, case, &cwd)).collect::<Vec<_>>()
        });
        (there.join().unwrap(), here.join().unwrap())
    });
    let mut wrong = Vec::new();
    for ((case, there), here) in cases.iter().zip(&in_container).zip(&in_guest) {
        for ((what, there), here) in there.iter().zip(here) {
            let reason = if *what == "run" {
                case.run_differs.as_ref().or(case.differs.as_ref())
            } else {
                case.differs.as_ref()
            };
            if is_same(there, here) == reason.is_some() {
                wrong.push(format!(
                    "{what}: {}\n  container {there:?}\n  guest     {here:?}",
                    case.line
                ));
            }
        }
    }
    done(&home, "delete", &[&id]);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn container_of(container: &Container, case: &Case, cwd: &str) -> Vec<(&'static str, Told)> {
    let mut told = vec![("exec", container.exec(case, cwd))];
    if case.quick {
        let (alone, cwd) = case.alone();
        told.push(("run", container.run(&alone, cwd)));
    }
    told
}

fn guest_of(home: &Home, id: &str, case: &Case, cwd: &str) -> Vec<Told> {
    let words = [&["workspace", "exec", id], &flags(case, cwd)[..]].concat();
    let mut all = vec![without_talk(told(&run(home.pyro(&words), case)))];
    if case.quick {
        let (alone, cwd) = case.alone();
        let words = [&["run", ENVIRONMENT], &flags(&alone, cwd)[..]].concat();
        all.push(without_talk(told(&run(home.pyro(&words), &alone))));
    }
    all
}
