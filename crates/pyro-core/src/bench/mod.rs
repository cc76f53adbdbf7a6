//! `bench`: every published figure, measured again on this host, in a place apart from the user's
//! own vms.

mod error;
mod fleet;
mod guest;
mod measuring;
mod process;
mod progress;
pub mod report;
mod request;
mod site;
mod start;
pub mod statistics;
pub mod table;

pub use error::BenchError;
pub use progress::BenchProgress;
pub use report::BenchReport;
pub use request::BenchRequest;

use crate::config::Config;
use measuring::Bench;
use site::Site;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Measure everything; nothing of it is left, whatever happens. With the report comes where it was
/// written, or why it was not.
///
/// # Errors
/// [`BenchError`]: the first measurement that failed, or what cannot be begun.
pub async fn run(
    config: &Config,
    request: &BenchRequest,
    progress: &mut (dyn FnMut(BenchProgress) + Send),
    cancel: &CancellationToken,
) -> Result<(BenchReport, Option<Result<PathBuf, BenchError>>), BenchError> {
    if request.against.as_ref().is_some_and(|command| command.trim().is_empty()) {
        return Err(BenchError::NothingAgainst);
    }
    // Before minutes of measuring, not after them.
    request.output.as_deref().map(report::try_place).transpose()?;
    let site = Site::open(config)?;
    let report = BenchReport::new(config, request).await;
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

impl Bench<'_> {
    async fn measure(mut self) -> Result<BenchReport, BenchError> {
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
}
