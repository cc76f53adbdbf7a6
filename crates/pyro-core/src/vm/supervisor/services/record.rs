//! What is written down of services: records and logs.

use super::begin::Begun;
use super::home::Home;
use super::secrets::ServiceSecrets;
use super::service::{Logs, Service};
use crate::host::bounded_log::LogWriter;
use crate::host::fs;
use crate::id::Id;
use crate::service_name::ServiceName;
use crate::store::Store;
use crate::store::service::{ServiceEnd, ServiceRecord, ServiceState};
use crate::timestamp::Timestamp;
use crate::vm::blocking::blocking;
use crate::vm::control::services::{ServiceDefinition, ServiceRefusal};
use crate::vm::error::VmError;
use crate::vm::paths;
use crate::vm::secrets::KeptSecrets;

/// Writes down what becomes of the services of one vm, beside whatever else goes on.
pub(super) struct Records<'a>(&'a Home);

impl<'a> Records<'a> {
    pub(super) fn of(home: &'a Home) -> Self {
        Self(home)
    }

    async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Home, &Store) -> Result<T, VmError> + Send + 'static,
    ) -> Result<T, VmError> {
        let home = self.0.clone();
        blocking(move || act(&home, &Store::open(&home.config.data_dir)?)).await
    }

    /// The workspace of the vm.
    pub(super) async fn workspace(&self) -> Result<Id, ServiceRefusal> {
        let found = self.with(|home, store| Ok(store.workspace_of_vm(home.vm)?)).await;
        found.map_err(not_recorded)?.ok_or(ServiceRefusal::Gone)
    }

    /// The secrets of the workspace.
    pub(super) async fn secrets(&self, workspace: Id) -> Result<ServiceSecrets, ServiceRefusal> {
        let config = self.0.config.clone();
        let read =
            blocking(move || Ok(KeptSecrets::of(&config, workspace).and_then(ServiceSecrets::new)));
        read.await.map_err(not_recorded)?.map_err(|error| {
            tracing::warn!(%error, "services have no secrets");
            ServiceRefusal::Secrets
        })
    }

    /// The services that the workspace is started with.
    pub(super) async fn to_restart(&self) -> Option<(Id, Vec<ServiceRecord>)> {
        let found = self.with(|home, store| {
            let Some(workspace) = store.workspace_of_vm(home.vm)? else { return Ok(None) };
            Ok(Some((workspace, store.services_to_restart(workspace)?)))
        });
        found.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "services stay stopped");
            None
        })
    }

    /// Write down that a service has begun, and begin its logs or go on with them.
    pub(super) async fn begin(
        &self,
        workspace: Id,
        name: &ServiceName,
        definition: &ServiceDefinition,
        begun: &Begun,
        fresh: bool,
    ) -> Result<Logs, ServiceRefusal> {
        let record = ServiceRecord {
            name: name.clone(),
            definition: serde_json::to_string(definition).map_err(not_recorded)?,
            restart: definition.restart,
            run: begun.run,
            state: ServiceState::Running,
            execution_mode: self.0.execution_mode,
            pid: Some(begun.pid),
            started_at: begun.at,
            ready_at: definition.readiness.is_none().then_some(begun.at),
            ended_at: None,
            exit_code: None,
            stop_reason: None,
        };
        let begin = move |home: &Home, store: &Store| {
            let directory = paths::service_dir(&home.config, workspace, &record.name);
            if fresh {
                fs::remove_tree(&directory)?;
            }
            let directories = paths::SERVICE_LOGS.map(|log| directory.join(log));
            let [stdout, stderr] = &directories;
            let writers = [LogWriter::open(stdout)?, LogWriter::open(stderr)?];
            let Some(forgotten) = store.begin_service(workspace, home.vm, &record)? else {
                return Ok(None);
            };
            for name in &forgotten {
                fs::remove_tree(&paths::service_dir(&home.config, workspace, name))?;
            }
            Ok(Some(Logs { directories, writers }))
        };
        self.with(begin).await.map_err(not_recorded)?.ok_or(ServiceRefusal::Gone)
    }

    /// Write down that a service is ready.
    pub(super) async fn ready(&self, service: &Service, at: Timestamp) {
        let (workspace, run) = (service.workspace, service.run);
        let noted = self.with(move |_, store| Ok(store.service_is_ready(workspace, run, at)?));
        if let Err(error) = noted.await {
            tracing::warn!(%error, name = %service.name, "that a service is ready is not recorded");
        }
    }

    /// Write down how a service ended.
    pub(super) async fn end(&self, service: &Service, end: ServiceEnd, at: Timestamp) {
        let (workspace, run) = (service.workspace, service.run);
        let noted = self.with(move |_, store| Ok(store.end_service(workspace, run, end, at)?));
        if let Err(error) = noted.await {
            tracing::warn!(%error, name = %service.name, "the end of a service is not recorded");
        }
    }
}

fn not_recorded(error: impl std::error::Error) -> ServiceRefusal {
    ServiceRefusal::NotRecorded(error.to_string())
}
