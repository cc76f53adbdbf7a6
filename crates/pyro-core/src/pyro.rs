//! `Pyro`: the facade, one short method per operation; every surface calls these and nothing below them.

use crate::bench::{self, BenchRequest};
use crate::config::Config;
use crate::doctor::{self, DoctorReport};
use crate::environment::{EnvironmentInfo, EnvironmentStore, InstalledInfo, Progress};
use crate::error::PyroError;
use crate::vm::exec::ExecIo;
use crate::vm::template::TemplateStore;
use crate::vm::{RunOutcome, RunRequest, VmError, prepare, run, supervisor};
use std::path::PathBuf;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

/// The runtime with its settings; cheap to make, holds nothing open.
#[derive(Clone, Debug)]
pub struct Pyro {
    config: Config,
}

impl Pyro {
    /// A runtime with these settings.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Run one command in a vm of its own and clear the vm away.
    ///
    /// # Errors
    /// Whatever it is, nothing of the vm is left.
    pub async fn run(
        &self,
        request: &RunRequest,
        io: ExecIo<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
        cancel: &CancellationToken,
    ) -> Result<RunOutcome, PyroError> {
        Ok(run::run(&self.config, request, io, progress, cancel).await?)
    }

    /// Every environment of the catalog, installed or not.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] when the cache cannot be read.
    pub fn list_environments(&self) -> Result<Vec<EnvironmentInfo>, PyroError> {
        Ok(EnvironmentStore::new(&self.config).list()?)
    }

    /// One environment.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] for an unknown name.
    pub fn inspect_environment(&self, name: &str) -> Result<EnvironmentInfo, PyroError> {
        Ok(EnvironmentStore::new(&self.config).inspect(name)?)
    }

    /// Install an environment, or find that it is installed and whole; the template of its vms is made along with it.
    ///
    /// # Errors
    /// Whatever it is, nothing is half installed.
    pub async fn pull_environment(
        &self,
        name: &str,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<InstalledInfo, PyroError> {
        let installed = EnvironmentStore::new(&self.config).pull(name, progress).await?;
        prepare::prepare(&self.config, name, progress).await;
        Ok(installed.into_info())
    }

    /// Remove what no installed environment needs, and all templates; the names of what was removed, sorted.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] when something resists.
    pub fn prune_environments(&self) -> Result<Vec<String>, PyroError> {
        let mut removed = EnvironmentStore::new(&self.config).prune(&[])?;
        let templates = TemplateStore::new(&self.config).prune().map_err(VmError::from)?;
        removed.extend(templates.into_iter().map(|name| format!("templates/{name}")));
        removed.sort();
        Ok(removed)
    }

    /// Look at this host: what works, what does not, and the command that mends it.
    #[must_use]
    pub async fn doctor(&self) -> DoctorReport {
        doctor::examine(&self.config).await
    }

    /// Measure what pyro takes on this host; the results, and where they were written if that was asked for.
    ///
    /// # Errors
    /// Whatever it is, nothing of the measured vms is left.
    pub async fn bench(
        &self,
        request: &BenchRequest,
        progress: &mut (dyn FnMut(bench::Progress) + Send),
        cancel: &CancellationToken,
    ) -> Result<(bench::Report, Option<PathBuf>), PyroError> {
        Ok(bench::run(&self.config, request, progress, cancel).await?)
    }

    /// Results files as sections of Markdown, one for each.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] for a file that holds something else.
    pub fn bench_page(files: &[PathBuf]) -> Result<String, PyroError> {
        let reports: Result<Vec<_>, _> = files.iter().map(|file| bench::Report::load(file)).collect();
        Ok(bench::table::markdown(&reports?))
    }

    /// Be the supervisor of one vm; `control` is the connection of the process that started this one.
    ///
    /// # Errors
    /// Before there is a vm.
    pub async fn supervise(&self, control: UnixStream) -> Result<(), supervisor::SupervisorError> {
        supervisor::serve(&self.config, control).await
    }
}
