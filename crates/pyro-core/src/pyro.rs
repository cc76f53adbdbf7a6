//! `Pyro`: the facade, one short method per operation; every surface calls these and nothing below
//! them.

mod files;
mod snapshot;
mod workspace;

use crate::backing::ImageDigest;
use crate::bench::{self, BenchRequest};
use crate::config::{Config, ConfigError};
use crate::doctor::{self, DoctorReport};
use crate::environment::{EnvironmentInfo, EnvironmentStore, InstalledInfo, Progress};
use crate::error::PyroError;
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::{VmKind, VmRecord};
use crate::vm::blocking;
use crate::vm::info::{VmDeleted, VmExec, VmInfo};
use crate::vm::io::Stdin;
use crate::vm::lifecycle::network_info::{self, VmNetworkInfo};
use crate::vm::lifecycle::{self, create, delete, list, reap_expired, start, stop};
use crate::vm::operation::Operation;
use crate::vm::output::{Inline, OutputName, OutputPage, OutputStore, OutputTo, Recorder};
use crate::vm::result::{CommandOutput, CommandResult};
use crate::vm::standby::{Standby, StandbyCounts};
use crate::vm::template::TemplateStore;
use crate::vm::{Caller, LineRequest, RunRequest, VmError, VmRequest, prepare, run, supervisor};
use std::path::PathBuf;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

/// The runtime with its settings; cheap to make, holds nothing open but the vms that stand by.
#[derive(Clone, Debug)]
pub struct Pyro {
    config: Config,
    standby: Option<Standby>,
}

impl Pyro {
    /// A runtime with these settings.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, standby: None }
    }

    /// The same runtime with `count` vms of the default shape that stand by for [`Pyro::run`], for
    /// `environment` to begin with and later for the one that was last asked for. Must be called on
    /// a runtime; [`Pyro::close`] ends them.
    #[must_use]
    pub fn with_standby(mut self, count: usize, environment: &str) -> Self {
        self.standby = (count > 0).then(|| Standby::keep(&self.config, count, environment));
        self
    }

    /// The same runtime, with results that hold so much of a command's output.
    #[must_use]
    pub fn with_inline(mut self, inline: Inline) -> Self {
        self.config.inline = inline;
        self
    }

    /// How many vms stand by; none where none are kept.
    #[must_use]
    pub fn standby(&self) -> Option<StandbyCounts> {
        self.standby.as_ref().map(Standby::counts)
    }

    /// End the vms that stand by and wait until nothing is left of them.
    pub async fn close(&self) {
        if let Some(standby) = &self.standby {
            standby.close().await;
        }
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Run one command in a vm of its own and delete the vm.
    ///
    /// # Errors
    /// Whatever it is, nothing of the vm is left.
    pub async fn run(
        &self,
        request: &RunRequest,
        stdin: Stdin<'_>,
        output: OutputTo<'_>,
        mut caller: Caller<'_>,
    ) -> Result<VmExec, PyroError> {
        let mut recorder = Recorder::new(&self.config, output);
        let io = recorder.io(stdin);
        let ran = run::run(&self.config, self.standby.as_ref(), request, io, &mut caller).await?;
        let output = CommandOutput::of(recorder.finish());
        Ok(VmExec {
            vm_id: ran.vm_id,
            environment: request.environment.clone(),
            environment_version: ran.environment_version,
            result: CommandResult::of(&request.line.command, ran.execution_mode, ran.exec, output),
            cleanup: VmDeleted::after_exec(ran.vm_id),
        })
    }

    /// At most `length` bytes of the output `name` from `offset` on; see
    /// [`crate::vm::shape::page_length`].
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] for one that was removed for newer ones.
    pub fn read_output(
        &self,
        name: &OutputName,
        offset: u64,
        length: usize,
    ) -> Result<OutputPage, PyroError> {
        Ok(OutputStore::new(&self.config).read(name, offset, length).map_err(VmError::from)?)
    }

    /// Create a vm that stays until it is used by a command, deleted, or its lifetime is over;
    /// nothing runs yet.
    ///
    /// # Errors
    /// Whatever it is, there is no vm.
    pub async fn create_vm(
        &self,
        request: &VmRequest,
        mut caller: Caller<'_>,
    ) -> Result<VmInfo, PyroError> {
        Ok(create::create(&self.config, request, &mut caller).await?.into())
    }

    /// Start a vm that is created or stopped, from the disk that it has; it runs on when this
    /// process ends.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WrongState`] and [`crate::ErrorKind::Busy`] with what to do first;
    /// [`crate::ErrorKind::NotFound`] also for one whose lifetime was over.
    pub async fn start_vm(&self, id: Id, cancel: &CancellationToken) -> Result<VmInfo, PyroError> {
        let (store, vm) = self.open_vm(id, Operation::Start).await?;
        Ok(start::start(&self.config, &store, vm, cancel).await?.into())
    }

    /// Run one command in a started vm and delete the vm, whatever the command's status. A command
    /// that never began leaves the vm as it was; when this process is killed the vm is gone.
    ///
    /// # Errors
    /// As [`Pyro::start_vm`]; [`crate::ErrorKind::Busy`] when another command has the vm.
    pub async fn exec_vm(
        &self,
        id: Id,
        line: &LineRequest,
        stdin: Stdin<'_>,
        output: OutputTo<'_>,
        cancel: &CancellationToken,
    ) -> Result<VmExec, PyroError> {
        line.check()?;
        let (_, vm) = self.open_vm(id, Operation::Exec).await?;
        let mut recorder = Recorder::new(&self.config, output);
        let io = recorder.io(stdin);
        let ended = lifecycle::exec::exec_and_delete(&self.config, &vm, line, io, cancel).await?;
        let output = CommandOutput::of(recorder.finish());
        Ok(VmExec {
            vm_id: id,
            environment: vm.environment,
            environment_version: vm.environment_version,
            result: CommandResult::of(&line.command, vm.execution_mode, ended, output),
            cleanup: VmDeleted::after_exec(id),
        })
    }

    /// Stop a started vm: the guest writes its disk back and ends, the disk is kept, and it can be
    /// started again.
    ///
    /// # Errors
    /// As [`Pyro::start_vm`].
    pub async fn stop_vm(&self, id: Id) -> Result<VmInfo, PyroError> {
        let (store, vm) = self.open_vm(id, Operation::Stop).await?;
        let config = self.config.clone();
        Ok(blocking(move || stop::stop(&config, &store, vm)).await?.into())
    }

    /// Delete a vm, whatever it is at.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`], [`crate::ErrorKind::Busy`] when somebody else deletes it.
    pub async fn delete_vm(&self, id: Id) -> Result<VmDeleted, PyroError> {
        let (store, vm) = self.open_vm(id, Operation::Delete).await?;
        let config = self.config.clone();
        blocking(move || delete::delete(&config, &store, vm)).await?;
        Ok(VmDeleted::explicit(id))
    }

    /// One vm as it is now.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`], also for one whose lifetime was over: it is deleted.
    pub async fn status_vm(&self, id: Id) -> Result<VmInfo, PyroError> {
        Ok(self.open_vm(id, Operation::Status).await?.1.into())
    }

    /// Whether a vm runs its command on the host: no guest was to be had when it was created. That
    /// stays so as long as it lives; false where there is no such vm.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn is_vm_on_host(&self, id: Id) -> Result<bool, PyroError> {
        let config = self.config.clone();
        let vm = blocking(move || Ok(Store::open(&config.data_dir)?.vm(id)?)).await?;
        Ok(vm.is_some_and(|vm| vm.kind == VmKind::Vm && vm.backing.is_host_tree()))
    }

    /// The network of a vm.
    ///
    /// # Errors
    /// As [`Pyro::status_vm`].
    pub async fn network_info_vm(&self, id: Id) -> Result<VmNetworkInfo, PyroError> {
        Ok(network_info::network_info(&self.open_vm(id, Operation::Status).await?.1))
    }

    /// Every vm that stays, whoever created it, oldest first.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn list_vms(&self) -> Result<Vec<VmInfo>, PyroError> {
        let config = self.config.clone();
        Ok(blocking(move || list::list(&config)).await?.into_iter().map(VmInfo::from).collect())
    }

    /// Delete every vm whose lifetime is over, whoever created it; their ids.
    ///
    /// # Errors
    /// The first failure, after all others were deleted.
    pub async fn reap_expired_vms(&self) -> Result<Vec<Id>, PyroError> {
        let config = self.config.clone();
        Ok(blocking(move || reap_expired::reap_expired(&config)).await?)
    }

    async fn open_vm(&self, id: Id, operation: Operation) -> Result<(Store, VmRecord), PyroError> {
        let config = self.config.clone();
        Ok(blocking(move || lifecycle::open(&config, VmKind::Vm, id, operation)).await?)
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

    /// Install an environment, or find that it is installed and whole; the template of its vms is
    /// made along with it.
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

    /// Remove what no installed environment needs, and all templates; the names of what was
    /// removed, sorted.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] when something resists.
    pub fn prune_environments(&self) -> Result<Vec<String>, PyroError> {
        let store = Store::open(&self.config.data_dir)?;
        let in_use = || -> Result<Vec<String>, PyroError> {
            let of_vms = store.vms()?.into_iter().flatten().filter_map(|vm| vm.backing.into());
            Ok(of_vms
                .chain(store.images_of_layers()?)
                .map(|digest: ImageDigest| digest.as_ref().to_owned())
                .collect())
        };
        let mut removed = EnvironmentStore::new(&self.config).prune(in_use)?;
        let templates = TemplateStore::new(&self.config).prune().map_err(VmError::from)?;
        removed.extend(templates.into_iter().map(|name| format!("templates/{name}")));
        removed.sort();
        Ok(removed)
    }

    /// Look at this host: what works, what does not, and the command that mends it. A guest is
    /// booted to see that one can, which takes some seconds, unless it is to be `quick`.
    #[must_use]
    pub async fn doctor(&self, faults: &[ConfigError], quick: bool) -> DoctorReport {
        doctor::examine(&self.config, faults, quick).await
    }

    /// Measure what pyro takes on this host; the results, and where they were written if that was
    /// asked for.
    ///
    /// # Errors
    /// Whatever it is, nothing of the measured vms is left.
    pub async fn bench(
        &self,
        request: &BenchRequest,
        progress: &mut (dyn FnMut(bench::Progress) + Send),
        cancel: &CancellationToken,
    ) -> Result<(bench::Report, Option<Result<PathBuf, PyroError>>), PyroError> {
        let (report, saved) = bench::run(&self.config, request, progress, cancel).await?;
        Ok((report, saved.map(|saved| saved.map_err(PyroError::from))))
    }

    /// Results files as sections of Markdown, one for each.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] for a file that holds something else.
    pub fn bench_page(files: &[PathBuf]) -> Result<String, PyroError> {
        let reports: Result<Vec<_>, _> =
            files.iter().map(|file| bench::Report::load(file)).collect();
        Ok(bench::table::markdown(&reports?))
    }

    /// Be the supervisor of one vm; `control` is the connection of the process that started this
    /// one.
    ///
    /// # Errors
    /// Before there is a vm.
    pub async fn supervise(&self, control: UnixStream) -> Result<(), supervisor::SupervisorError> {
        supervisor::serve(&self.config, control).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::{ExecOptions, Shape};
    use std::time::Duration;

    /// A server runs each call as a task of its own: what does not compile here would not there.
    #[test]
    fn every_operation_can_move_between_threads() {
        fn movable<T: Send>(_: T) {}
        let config =
            Config::from_variables("/pyro", |name| (name == "HOME").then(|| "/nonexistent".into()));
        let pyro = Pyro::new(config.unwrap());
        let (id, cancel) = (Id::random().unwrap(), CancellationToken::new());
        let timeout = Duration::from_secs(1);
        let line = LineRequest { command: "true".into(), timeout, options: ExecOptions::default() };
        let request = RunRequest {
            environment: "debian:12".into(),
            line: line.clone(),
            shape: Shape::default(),
            allow_host_compat: false,
            network: false,
        };
        let vm = VmRequest {
            environment: "debian:12".into(),
            shape: Shape::default(),
            allow_host_compat: false,
            network: false,
        };
        let mut watch = |_: crate::vm::output::Stream, _: &[u8]| {};
        movable(pyro.run(&request, None, OutputTo::Watch(&mut watch), Caller::default()));
        movable(pyro.create_vm(&vm, Caller::default()));
        movable(pyro.start_vm(id, &cancel));
        movable(pyro.exec_vm(id, &line, None, OutputTo::Result, &cancel));
        movable(pyro.stop_vm(id));
        movable(pyro.delete_vm(id));
        movable(pyro.status_vm(id));
        movable(pyro.network_info_vm(id));
        movable(pyro.list_vms());
        movable(pyro.reap_expired_vms());
        movable(pyro.pull_environment("debian:12", &mut |_| {}));
    }
}
