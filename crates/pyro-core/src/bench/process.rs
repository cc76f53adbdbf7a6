//! Whole processes, timed from outside: `pyro run`, many of them at once, and the command that it
//! is compared with.

use super::error::BenchError;
use super::measuring::{Bench, millis};
use super::report::{Parallel, Unit};
use super::statistics::round;
use crate::host::program::{self, Program, ProgramError};
use futures::future::join_all;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a timed process may be silent before it is given up.
const SILENCE_LIMIT: Duration = Duration::from_secs(300);

/// How a `pyro run` may start its vm.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// By booting.
    Cold,
    /// As a user's does.
    Usual,
}

impl Bench<'_> {
    /// `pyro run … -- true`, booting.
    pub(super) async fn cold_starts(&mut self) -> Result<(), BenchError> {
        let times = self.starts("cold start", Start::Cold).await?;
        self.report.add(
            "cold_start",
            "`pyro run … -- true`, cold start",
            Unit::Milliseconds,
            &times,
        );
        Ok(())
    }

    /// The same from a template; nothing where there are none.
    pub(super) async fn template_starts(&mut self) -> Result<(), BenchError> {
        if self.report.templates {
            let times = self.starts("start from a template", Start::Usual).await?;
            self.report.add(
                "template_start",
                "`pyro run … -- true`, from a template",
                Unit::Milliseconds,
                &times,
            );
        }
        Ok(())
    }

    async fn starts(&mut self, what: &'static str, start: Start) -> Result<Vec<f64>, BenchError> {
        let mut times = Vec::new();
        self.pyro_run(start).await.map_err(BenchError::Run)?;
        for done in 0..self.request.runs {
            self.tell(what, done, self.request.runs);
            times.push(millis(self.pyro_run(start).await.map_err(BenchError::Run)?));
        }
        Ok(times)
    }

    /// Many `pyro run … -- true` at once.
    pub(super) async fn parallel_starts(&mut self) -> Result<(), BenchError> {
        self.tell("parallel starts", 0, 1);
        let began = Instant::now();
        let ended = join_all((0..self.request.vms).map(|_| self.pyro_run(Start::Usual))).await;
        let wall_ms = round(millis(began.elapsed()));
        let mut times = Vec::new();
        let mut failures = 0;
        for end in ended {
            match end {
                Ok(time) => times.push(millis(time)),
                Err(error) => {
                    tracing::warn!(%error, "a parallel start failed");
                    failures += 1;
                }
            }
        }
        let what = format!("each of {} `pyro run … -- true` at once", self.request.vms);
        self.report.add("parallel_start", what, Unit::Milliseconds, &times);
        self.report.parallel = Some(Parallel { vms: self.request.vms, failures, wall_ms });
        Ok(())
    }

    /// `pyro run … -- true` and the user's command in turn.
    pub(super) async fn against(&mut self) -> Result<(), BenchError> {
        let Some(command) = self.request.against.clone() else { return Ok(()) };
        let failed = |source| BenchError::Against { command: command.clone(), source };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // The first of each is not counted: it fills caches.
        self.pyro_run(Start::Usual).await.map_err(BenchError::Run)?;
        self.command(&command).await.map_err(failed)?;
        for done in 0..self.request.runs {
            self.tell("in turn with the other command", done, self.request.runs);
            ours.push(millis(self.pyro_run(Start::Usual).await.map_err(BenchError::Run)?));
            theirs.push(millis(self.command(&command).await.map_err(failed)?));
        }
        self.report.add("in_turn_pyro", "in turn: `pyro run … -- true`", Unit::Milliseconds, &ours);
        self.report.add(
            "in_turn_command",
            "in turn: the other command",
            Unit::Milliseconds,
            &theirs,
        );
        let what = "`pyro run … -- true` over the other command";
        self.report.divide("pyro_over_command", what, "in_turn_pyro", "in_turn_command");
        Ok(())
    }

    async fn pyro_run(&self, start: Start) -> Result<Duration, ProgramError> {
        let config = &self.site.config;
        let mem_mib = self.request.shape.mem_mib.to_string();
        let mut program = Program::new(&config.program.executable)
            .called("pyro run")
            .args(config.program.args_for(&[
                "run",
                &self.request.environment,
                "--mem-mib",
                &mem_mib,
                "--",
                "true",
            ]))
            .without_env("PYRO_LOG");
        for (name, value) in config.variables() {
            program = program.env(name, value);
        }
        if start == Start::Cold {
            program = program.env("PYRO_TEMPLATES", "off");
        }
        timed(program).await
    }

    async fn command(&self, line: &str) -> Result<Duration, ProgramError> {
        let shell =
            program::find(&self.site.config.path, "sh").unwrap_or_else(|| PathBuf::from("/bin/sh"));
        timed(Program::new(&shell).args(["-c", line])).await
    }
}

/// From before the start to the end of the process and of its output.
async fn timed(program: Program) -> Result<Duration, ProgramError> {
    let began = Instant::now();
    program.run(SILENCE_LIMIT, &mut |_| {}).await?;
    Ok(began.elapsed())
}
