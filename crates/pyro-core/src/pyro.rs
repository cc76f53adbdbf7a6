//! `Pyro`: the facade, one short method per operation; every surface calls these and nothing below
//! them.

mod disk;
mod files;
pub mod operation_future;
mod run;
mod service;
mod shell;
mod snapshot;
mod workspace;

use crate::backing::ImageDigest;
use crate::bench::{self, BenchRequest};
use crate::config::{Config, ConfigError};
use crate::doctor::{self, DoctorReport};
use crate::environment::{EnvironmentInfo, EnvironmentStore, InstalledInfo};
use crate::error::PyroError;
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::VmKind;
use crate::vm::exec::Began;
use crate::vm::info::{VmDeleted, VmExec, VmInfo};
use crate::vm::io::Stdin;
use crate::vm::lifecycle::network_info::{self, VmNetworkInfo};
use crate::vm::lifecycle::{self, create, delete, list, reap_expired, start, stop};
use crate::vm::operation::Operation;
use crate::vm::output::{InlineOutput, OutputName, OutputPage, OutputStore, OutputTo, Recorder};
use crate::vm::result::{CommandOutput, CommandResult};
use crate::vm::standby::{Standby, StandbyCounts};
use crate::vm::template::TemplateStore;
use crate::vm::{Caller, LineRequest, VmError, VmRequest, prepare, supervisor};
use operation_future::OperationFuture;
use std::path::PathBuf;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The runtime with its settings; cheap to make, holds nothing open but the vms that stand by.
/// A clone is the same runtime.
#[derive(Clone, Debug)]
pub struct Pyro {
    config: Config,
    standby: Option<Standby>,
    under_way: TaskTracker,
}

impl Pyro {
    /// A runtime with these settings.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, standby: None, under_way: TaskTracker::new() }
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
    pub fn with_inline(mut self, inline: InlineOutput) -> Self {
        self.config.inline = inline;
        self
    }

    /// How many vms stand by; none where none are kept.
    #[must_use]
    pub fn standby(&self) -> Option<StandbyCounts> {
        self.standby.as_ref().map(Standby::counts)
    }

    /// End the vms that stand by, and wait until nothing is left of them and no operation is under
    /// way any more, awaited or not.
    pub async fn close(&self) {
        if let Some(standby) = &self.standby {
            standby.close().await;
        }
        self.under_way.close();
        self.under_way.wait().await;
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// At most `length` bytes of the output `name` from `offset` on; see
    /// [`crate::vm::shape::page_length`].
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] for one that was removed for newer ones.
    pub fn read_output(
        &self,
        name: OutputName,
        offset: u64,
        length: usize,
    ) -> OperationFuture<OutputPage> {
        self.step(move |config| {
            Ok(OutputStore::new(config).read(&name, offset, length).map_err(VmError::from)?)
        })
    }

    /// Create a vm that stays until it is used by a command, deleted, or its lifetime is over;
    /// nothing runs yet.
    ///
    /// # Errors
    /// Whatever it is, there is no vm.
    pub fn create_vm(&self, request: VmRequest, caller: Caller) -> OperationFuture<VmInfo> {
        let (config, cancel) = (self.config.clone(), caller.cancel.clone());
        OperationFuture::cancellable(&self.under_way, &cancel, async move |cancel| {
            let mut caller = caller.cancelled_by(cancel);
            Ok(create::create(&config, &request, &mut caller).await?.into())
        })
    }

    /// Start a vm that is created or stopped, from the disk that it has; it runs on when this
    /// process ends.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WrongState`] and [`crate::ErrorKind::Busy`] with what to do first;
    /// [`crate::ErrorKind::NotFound`] also for one whose lifetime was over.
    pub fn start_vm(&self, id: Id, cancel: &CancellationToken) -> OperationFuture<VmInfo> {
        let config = self.config.clone();
        OperationFuture::cancellable(&self.under_way, cancel, async move |cancel| {
            let (store, vm) = lifecycle::open(&config, VmKind::Vm, id, Operation::Start)?;
            Ok(start::start(&config, &store, vm, &cancel).await?.into())
        })
    }

    /// Run one command in a started vm and delete the vm, whatever the command's status. A command
    /// that never began leaves the vm as it was; when this process is killed the vm is gone.
    ///
    /// # Errors
    /// As [`Pyro::start_vm`]; [`crate::ErrorKind::Busy`] when another command has the vm.
    pub fn exec_vm(
        &self,
        id: Id,
        line: LineRequest,
        mut stdin: Stdin,
        output: OutputTo,
        cancel: &CancellationToken,
    ) -> OperationFuture<VmExec> {
        let config = self.config.clone();
        OperationFuture::cancellable(&self.under_way, cancel, async move |cancel| {
            line.check()?;
            let (_, vm) = lifecycle::open(&config, VmKind::Vm, id, Operation::Exec)?;
            let mut recorder = Recorder::new(&config, output);
            let io = recorder.io(&mut stdin);
            let began = Began::default();
            let ended = lifecycle::exec::exec_and_delete(&config, &vm, &line, io, &cancel, &began)
                .await
                .map_err(|error| PyroError::from(error).of_command(&began))?;
            let output = CommandOutput::of(recorder.finish());
            Ok(VmExec {
                vm_id: id,
                environment: vm.environment,
                environment_version: vm.environment_version,
                result: CommandResult::of(&line.command, vm.execution_mode, ended, output),
                cleanup: VmDeleted::after_exec(id),
            })
        })
    }

    /// Stop a started vm: the guest writes its disk back and ends, the disk is kept, and it can be
    /// started again.
    ///
    /// # Errors
    /// As [`Pyro::start_vm`].
    pub fn stop_vm(&self, id: Id) -> OperationFuture<VmInfo> {
        self.step(move |config| {
            let (store, vm) = lifecycle::open(config, VmKind::Vm, id, Operation::Stop)?;
            Ok(stop::stop(config, &store, vm)?.into())
        })
    }

    /// Delete a vm, whatever it is at.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`], [`crate::ErrorKind::Busy`] when somebody else deletes it.
    pub fn delete_vm(&self, id: Id) -> OperationFuture<VmDeleted> {
        self.step(move |config| {
            let (store, vm) = lifecycle::open(config, VmKind::Vm, id, Operation::Delete)?;
            delete::delete(config, &store, vm)?;
            Ok(VmDeleted::explicit(id))
        })
    }

    /// One vm as it is now.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`], also for one whose lifetime was over: it is deleted.
    pub fn status_vm(&self, id: Id) -> OperationFuture<VmInfo> {
        self.step(move |config| {
            Ok(lifecycle::open(config, VmKind::Vm, id, Operation::Status)?.1.into())
        })
    }

    /// Whether a vm runs its command on the host: no guest was to be had when it was created. That
    /// stays so as long as it lives; false where there is no such vm.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn is_vm_on_host(&self, id: Id) -> OperationFuture<bool> {
        self.step(move |config| {
            let vm = Store::open(&config.data_dir)?.vm(id)?;
            Ok(vm.is_some_and(|vm| vm.kind == VmKind::Vm && vm.backing.is_host_tree()))
        })
    }

    /// The network of a vm.
    ///
    /// # Errors
    /// As [`Pyro::status_vm`].
    pub fn network_info_vm(&self, id: Id) -> OperationFuture<VmNetworkInfo> {
        self.step(move |config| {
            let (_, vm) = lifecycle::open(config, VmKind::Vm, id, Operation::Status)?;
            Ok(network_info::network_info(&vm))
        })
    }

    /// Every vm that stays, whoever created it, oldest first.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn list_vms(&self) -> OperationFuture<Vec<VmInfo>> {
        self.step(|config| Ok(list::list(config)?.into_iter().map(VmInfo::from).collect()))
    }

    /// Delete every vm whose lifetime is over, whoever created it; their ids.
    ///
    /// # Errors
    /// The first failure, after all others were deleted.
    pub fn reap_expired_vms(&self) -> OperationFuture<Vec<Id>> {
        self.step(|config| Ok(reap_expired::reap_expired(config)?))
    }

    /// Every environment of the catalog, installed or not.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] when the cache cannot be read.
    pub fn list_environments(&self) -> OperationFuture<Vec<EnvironmentInfo>> {
        self.step(|config| Ok(EnvironmentStore::new(config).list()?))
    }

    /// One environment.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] for an unknown name.
    pub fn inspect_environment(&self, name: &str) -> OperationFuture<EnvironmentInfo> {
        let name = name.to_owned();
        self.step(move |config| Ok(EnvironmentStore::new(config).inspect(&name)?))
    }

    /// Install an environment, or find that it is installed and whole; the template of its vms is
    /// made along with it.
    ///
    /// # Errors
    /// Whatever it is, nothing is half installed.
    pub fn pull_environment(&self, name: &str, caller: Caller) -> OperationFuture<InstalledInfo> {
        let (config, name, cancel) = (self.config.clone(), name.to_owned(), caller.cancel.clone());
        OperationFuture::cancellable(&self.under_way, &cancel, async move |cancel| {
            let mut caller = caller.cancelled_by(cancel);
            let (mut progress, cancel) = caller.parts();
            let pulled = async {
                let store = EnvironmentStore::new(&config);
                let installed = store.pull(&name, &mut progress).await?;
                prepare::prepare(&config, &name, &mut progress).await;
                Ok::<_, PyroError>(installed.into_info())
            };
            let pulled = cancel.run_until_cancelled(pulled).await;
            pulled.unwrap_or_else(|| Err(VmError::Cancelled.into()))
        })
    }

    /// Remove what no installed environment needs, and all templates; the names of what was
    /// removed, sorted.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] when something resists.
    pub fn prune_environments(&self) -> OperationFuture<Vec<String>> {
        self.step(prune)
    }

    /// Look at this host: what works, what does not, and the command that mends it. A guest is
    /// booted to see that one can, which takes some seconds, unless it is to be `quick`.
    ///
    /// # Errors
    /// Only when it could not look at all.
    pub fn doctor(&self, faults: Vec<ConfigError>, quick: bool) -> OperationFuture<DoctorReport> {
        let config = self.config.clone();
        OperationFuture::until_dropped(&self.under_way, async move || {
            Ok(doctor::examine(&config, &faults, quick).await)
        })
    }

    /// Measure what pyro takes on this host; the results, and where they were written if that was
    /// asked for.
    ///
    /// # Errors
    /// Whatever it is, nothing of the measured vms is left.
    pub fn bench(
        &self,
        request: BenchRequest,
        mut progress: impl FnMut(bench::BenchProgress) + Send + 'static,
        cancel: &CancellationToken,
    ) -> OperationFuture<(bench::BenchReport, Option<Result<PathBuf, PyroError>>)> {
        let config = self.config.clone();
        OperationFuture::cancellable(&self.under_way, cancel, async move |cancel| {
            let (report, saved) = bench::run(&config, &request, &mut progress, &cancel).await?;
            Ok((report, saved.map(|saved| saved.map_err(PyroError::from))))
        })
    }

    /// Results files as sections of Markdown, one for each.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] for a file that holds something else.
    pub fn bench_page(files: Vec<PathBuf>) -> OperationFuture<String> {
        OperationFuture::step(&TaskTracker::new(), move || {
            let reports: Result<Vec<_>, _> =
                files.iter().map(|file| bench::BenchReport::load(file)).collect();
            Ok(bench::table::markdown(&reports?))
        })
    }

    /// Be the supervisor of one vm; `control` is the connection of the process that started this
    /// one. It does its work where it is polled: the vm ends with that thread.
    ///
    /// # Errors
    /// Before there is a vm.
    #[doc(hidden)]
    pub async fn supervise(&self, control: UnixStream) -> Result<(), supervisor::SupervisorError> {
        supervisor::serve(&self.config, control).await
    }

    /// One step on a thread of the runtime's pool.
    fn step<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Config) -> Result<T, PyroError> + Send + 'static,
    ) -> OperationFuture<T> {
        let config = self.config.clone();
        OperationFuture::step(&self.under_way, move || act(&config))
    }
}

/// Remove what no installed environment needs, and all templates.
fn prune(config: &Config) -> Result<Vec<String>, PyroError> {
    let store = Store::open(&config.data_dir)?;
    let in_use = || -> Result<Vec<String>, PyroError> {
        let of_vms = store.vms()?.into_iter().flatten().filter_map(|vm| vm.backing.into());
        Ok(of_vms
            .chain(store.images_of_layers()?)
            .map(|digest: ImageDigest| digest.as_ref().to_owned())
            .collect())
    };
    let mut removed = EnvironmentStore::new(config).prune(in_use)?;
    let templates = TemplateStore::new(config).prune().map_err(VmError::from)?;
    removed.extend(templates.into_iter().map(|name| format!("templates/{name}")));
    removed.sort();
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::{RunRequest, Shape};
    use crate::workspace::shell::open::OpenShellRequest;
    use crate::workspace::shell::read::ReadShellRequest;

    /// A server runs each call as a task of its own: what does not compile here would not there.
    #[test]
    fn every_operation_can_move_between_threads() {
        fn movable<T: Send + 'static>(_: OperationFuture<T>) {}
        let config =
            Config::from_variables("/pyro", |name| (name == "HOME").then(|| "/nonexistent".into()));
        let pyro = Pyro::new(config.unwrap());
        let (id, cancel) = (Id::random().unwrap(), CancellationToken::new());
        let line = LineRequest::new("true");
        let request = RunRequest::new("debian:12", "true");
        let vm = VmRequest {
            environment: "debian:12".into(),
            shape: Shape::default(),
            allow_host_compat: false,
            network: false,
        };
        movable(pyro.run(request, None, OutputTo::Watch(Box::new(|_, _| {})), Caller::default()));
        movable(pyro.create_vm(vm, Caller::default()));
        movable(pyro.start_vm(id, &cancel));
        movable(pyro.exec_vm(id, line, None, OutputTo::Result, &cancel));
        movable(pyro.stop_vm(id));
        movable(pyro.delete_vm(id));
        movable(pyro.status_vm(id));
        movable(pyro.network_info_vm(id));
        movable(pyro.list_vms());
        movable(pyro.reap_expired_vms());
        movable(pyro.pull_environment("debian:12", Caller::default()));
        movable(pyro.open_shell(id, OpenShellRequest::default(), &cancel));
        movable(pyro.read_shell(id, id, ReadShellRequest::default(), &cancel));
        movable(pyro.close_shell(id, id));
    }
}
