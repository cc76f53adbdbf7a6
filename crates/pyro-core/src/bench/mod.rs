//! `bench`: every published figure, measured again on this host, in a place apart from the user's own vms.

mod error;
mod fleet;
mod guest;
mod process;
pub mod report;
mod site;
mod start;
pub mod statistics;
pub mod table;

pub use error::BenchError;
pub use report::Report;

use crate::config::Config;
use crate::environment;
use crate::vm::Shape;
use site::Site;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What to measure.
#[derive(Clone, Debug)]
pub struct BenchRequest {
    /// Name of the environment; installed first where it is not.
    pub environment: String,
    /// Shape of every vm.
    pub shape: Shape,
    /// How many starts each measure takes.
    pub runs: u32,
    /// How many vms at once, at most.
    pub vms: u32,
    /// A command for the host's shell, timed in turn with `pyro run`.
    pub against: Option<String>,
    /// Where the results are written: a file, or a directory in which they get a name of their own.
    pub output: Option<PathBuf>,
}

/// How far a measurement is.
#[derive(Debug)]
pub enum Progress {
    /// The environment is being installed.
    Installing(environment::Progress),
    /// One more measurement begins.
    Measuring {
        /// Of what.
        what: &'static str,
        /// How many were taken.
        done: u32,
        /// How many will be.
        of: u32,
    },
}

/// Measure everything; nothing of it is left, whatever happens. With the report comes where it was written, or why it was not.
///
/// # Errors
/// [`BenchError`]: the first measurement that failed, or what cannot be begun.
pub async fn run(
    config: &Config,
    request: &BenchRequest,
    progress: &mut (dyn FnMut(Progress) + Send),
    cancel: &CancellationToken,
) -> Result<(Report, Option<Result<PathBuf, BenchError>>), BenchError> {
    if request.against.as_ref().is_some_and(|command| command.trim().is_empty()) {
        return Err(BenchError::NothingAgainst);
    }
    // Before minutes of measuring, not after them.
    request.output.as_deref().map(report::try_place).transpose()?;
    let site = Site::open(config)?;
    let report = Report::new(config, request).await;
    let measured = tokio::select! {
        measured = Bench { site: &site, request, progress, report }.measure() => measured,
        () = cancel.cancelled() => Err(BenchError::Cancelled),
    };
    let closed = site.close();
    let report = measured?;
    closed?;
    let saved = request.output.as_ref().map(|output| report.save(output));
    Ok((report, saved))
}

/// A measurement on its way.
struct Bench<'a> {
    site: &'a Site,
    request: &'a BenchRequest,
    progress: &'a mut (dyn FnMut(Progress) + Send),
    report: Report,
}

impl Bench<'_> {
    async fn measure(mut self) -> Result<Report, BenchError> {
        self.warm_up().await?;
        self.cold_starts().await?;
        self.template_starts().await?;
        self.leased_starts().await?;
        self.in_running_vm().await?;
        self.parallel_starts().await?;
        self.fleet().await?;
        self.against().await?;
        Ok(self.report)
    }

    fn tell(&mut self, what: &'static str, done: u32, of: u32) {
        (self.progress)(Progress::Measuring { what, done, of });
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
