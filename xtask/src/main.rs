//! Everyday commands of the project: `cargo xtask run | check | test | bench | dist`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a developer's tool: it talks, starts programs and reads its environment; core's rules are core's"
)]

mod bench;
mod cargo;
mod check;
mod checkers;
mod chroots;
mod dist;
mod install_page;
mod qemus;
mod run;
mod system;
mod test;
mod times;
mod wheel;

use std::process::{Command, ExitCode, Stdio};

/// What went wrong, said once to the person at the keyboard.
type Result<T = ()> = std::result::Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask <command>

  run ARGS…   install what is missing, build pyro, and run `pyro run ARGS…`
  check       format, clippy, layers, licences, and every test that needs no guest
  test        install what is missing, then everything: `check`, the tests in real guests, some of them on other
              versions of QEMU, and the published archive on other releases of Debian
  test --qemu VERSION
              all tests in real guests on QEMU 7.2, 10.0 or the newest in Debian, or on all of them
  bench ARGS… build pyro for release and run `pyro bench ARGS…` into bench/results/;
              with --table make the table in docs/benchmarks.md of the newest results instead
  dist        dist/pyro-<version>-x86_64-linux.tar.gz: static executable, completions, man page;
              and the Python package, with its sources";

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let command = args.next();
    let rest: Vec<_> = args.collect();
    let outcome = match (command.as_deref().and_then(|name| name.to_str()), rest.as_slice()) {
        (Some("run"), rest) => run::run(rest),
        (Some("check"), []) => check::check(),
        (Some("test"), []) => test::test(),
        (Some("test"), [flag, version]) if flag == "--qemu" => {
            qemus::test(&version.to_string_lossy())
        }
        (Some("bench"), rest) => bench::bench(rest),
        (Some("dist"), []) => {
            dist::dist(dist::Profile::Release).map(|archive| println!("{}", archive.display()))
        }
        (Some("help" | "--help" | "-h"), _) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The command, started by a wrapper such as `nice`.
pub(crate) fn through(wrapper: &[&str], command: &Command) -> Command {
    let mut wrapped = Command::new(wrapper[0]);
    wrapped.args(&wrapper[1..]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        wrapped.current_dir(directory);
    }
    wrapped
}

/// Run it; the error is what it printed.
pub(crate) fn quietly(command: &mut Command) -> Result {
    let name = command.get_program().to_string_lossy().into_owned();
    if !name.contains('/') && system::find(&name).is_none() {
        return Err(format!("there is no {name}"));
    }
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{name} failed ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}
