//! The place of a measurement: a data directory of its own, cleared away whatever happens.

use super::error::BenchError;
use super::progress::BenchProgress;
use super::request::BenchRequest;
use crate::config::Config;
use crate::host::fs;
use crate::host::lock::FileLock;
use crate::host::process::ProcessId;
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::{VmKind, VmState};
use crate::vm::VmError;
use crate::vm::control::starter::{Leased, Starter};
use crate::vm::plan::{self, record};
use crate::vm::recover::reap;
use std::cell::RefCell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a vm may take to be gone after its starter.
const DEATH_LIMIT: Duration = Duration::from_secs(20);

/// Records and files of the measured vms, apart from the user's own, on the same disk.
#[derive(Debug)]
pub(super) struct Site {
    /// The user's settings, with the data directory of the measurement.
    pub(super) config: Config,
    /// Its records.
    pub(super) store: Store,
    /// Every supervisor that was started: one whose vm is not wanted any more may not have begun
    /// yet.
    supervisors: RefCell<Vec<ProcessId>>,
    directory: PathBuf,
    _lock: FileLock,
}

/// A vm of the measurement.
pub(super) struct Started<'a> {
    pub(super) id: Id,
    pub(super) vm: Leased<'a>,
    /// From the request to the agent's welcome.
    pub(super) hello: Duration,
    /// From the request until commands can come: the disk is mounted.
    pub(super) ready: Duration,
}

impl Site {
    /// Make the place, and clear away what a killed measurement left.
    pub(super) fn open(config: &Config) -> Result<Self, BenchError> {
        fs::private_dir(&config.data_dir)?;
        let lock =
            FileLock::try_acquire(&config.data_dir.join("bench.lock"))?.ok_or(BenchError::Busy)?;
        let parent = config.data_dir.join("bench");
        for stale in fs::names_in(&parent)? {
            fs::remove_tree(&parent.join(stale))?;
        }
        fs::private_dir(&parent)?;
        let directory = fs::unique_dir(&parent, "run-")?;
        let config = Config {
            data_dir: directory.join("data"),
            runtime_dir: directory.join("run"),
            ..config.clone()
        };
        fs::private_dir(&config.runtime_dir)?;
        let store = Store::open(&config.data_dir)?;
        Ok(Self { config, store, supervisors: RefCell::default(), directory, _lock: lock })
    }

    /// Start a vm as `pyro run` does, and take the time from the request to the agent's welcome.
    pub(super) async fn start(
        &self,
        request: &BenchRequest,
        progress: &mut (dyn FnMut(BenchProgress) + Send),
    ) -> Result<Started<'_>, BenchError> {
        let began = Instant::now();
        let mut installing = |step| progress(BenchProgress::Installing(step));
        let (environment, shape) = (&request.environment, request.shape);
        let plan =
            plan::plan(&self.config, &self.store, environment, shape, false, &mut installing)
                .await?;
        let record = record::new(VmKind::OneShot, VmState::Starting, environment, shape, &plan)
            .map_err(VmError::from)?;
        self.store.insert_vm(&record, None)?;
        let launch = record::launch(&self.config, &record, plan.engine);
        let starter = Starter::spawn(&self.config, &launch).await?;
        self.supervisors.borrow_mut().extend(starter.supervisor());
        let vm = Leased::wait_for(starter).await?;
        // The supervisor's own clock began when it had the launch; the two of them end together.
        let timeline = vm.timeline.unwrap_or_default();
        let after_hello =
            timeline.ready_us.unwrap_or(0).saturating_sub(timeline.welcome_us.unwrap_or(0));
        let ready = began.elapsed();
        let hello = ready.saturating_sub(Duration::from_micros(after_hello));
        Ok(Started { id: record.id, vm, hello, ready })
    }

    /// The vm's processes: its supervisor and its engine.
    pub(super) fn processes(&self, id: Id) -> Result<Vec<ProcessId>, BenchError> {
        let record = self.store.vm(id)?;
        Ok(record.into_iter().flat_map(|vm| [vm.supervisor, vm.engine]).flatten().collect())
    }

    /// Wait until no vm of the measurement is left, then remove its place.
    ///
    /// Blocks: it comes when nothing is measured any more.
    pub(super) fn close(self) -> Result<(), BenchError> {
        // Each was let go of, which it has seen or is about to see.
        if !self.supervisors.take().into_iter().all(|supervisor| supervisor.wait_gone(DEATH_LIMIT))
        {
            return Err(VmError::Stuck.into());
        }
        reap::clear_leftovers(&self.config, &self.store)?;
        let Self { store, directory, .. } = self;
        drop(store);
        Ok(fs::remove_tree(&directory)?)
    }
}

impl Started<'_> {
    /// End the vm and wait until nothing is left of it.
    pub(super) async fn end(self) -> Result<(), BenchError> {
        match self.vm.end().await? {
            Some(failure) => Err(VmError::Failed(failure).into()),
            None => Ok(()),
        }
    }
}
