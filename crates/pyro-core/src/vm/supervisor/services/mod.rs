//! Services of a workspace's vm: commands that go on without whoever started them.
//!
//! Each is one command whose whole tree of processes counts, a task that takes what it prints into
//! bounded logs on the host, and a record. What happens to it is told by the guest as it happens;
//! only whether it is ready is looked for, by its interval. A service is in the table as long as it
//! runs; all else is in the records.

mod begin;
mod follow;
mod home;
mod life;
mod printed;
mod ready;
mod record;
mod secrets;
mod service;

use super::relay::Client;
use crate::guest::client::{ClientError, send_message};
use crate::guest::transport::Channel;
use crate::id::Id;
use crate::service_name::ServiceName;
use crate::store::service::{MAX_SERVICES, StopReason};
use crate::vm::control::services::{
    ServiceDefinition, ServiceRefusal, ServiceReply, ServiceRequest,
};
use futures::future::join_all;
pub(super) use home::Home;
use record::Records;
use secrets::ServiceSecrets;
use service::{Phase, Service};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

/// The services of one vm; clones share them.
#[derive(Clone)]
pub(super) struct Services {
    channel: Channel,
    home: Arc<Home>,
    /// Those of the workspace, which never change; read for the first service.
    secrets: Arc<OnceCell<Arc<ServiceSecrets>>>,
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    running: Vec<Arc<Service>>,
    /// Names of those that are being started.
    starting: BTreeSet<ServiceName>,
    /// Whether the guest is about to end.
    is_over: bool,
}

impl Services {
    /// None yet, in the guest at the other end of `channel`.
    pub(super) fn new(channel: Channel, home: Home) -> Self {
        Self { channel, home: Arc::new(home), secrets: Arc::default(), table: Arc::default() }
    }

    /// Do what a client asks for, and tell it.
    pub(super) async fn serve(
        &self,
        request: ServiceRequest,
        mut client: Client,
    ) -> Result<(), ClientError> {
        let result = match request {
            ServiceRequest::Start { name, definition } => match self.start(name, *definition).await
            {
                Ok(service) => {
                    service.until(|phase| phase != Phase::Starting).await;
                    Ok(())
                }
                Err(refusal) => Err(refusal),
            },
            ServiceRequest::Stop { name } => match self.running(&name) {
                Some(service) => life::stop(&self.channel, &service, StopReason::Sigterm).await,
                None => Ok(()),
            },
            ServiceRequest::Follow { name, from } => match self.running(&name) {
                Some(service) => return follow::serve(&service, from, client).await,
                None => Err(ServiceRefusal::NotRunning),
            },
        };
        let reply = result.map_or_else(ServiceReply::Refused, |()| ServiceReply::Done);
        send_message(&mut client.writer, &reply).await
    }

    /// Start those that ran when the workspace was stopped and are to be started with it.
    pub(super) async fn restart(&self) {
        let records = Records::of(&self.home);
        let Some((workspace, services)) = records.to_restart().await else { return };
        let started = services.into_iter().map(async |service| {
            let Ok(definition) = serde_json::from_str::<ServiceDefinition>(&service.definition)
            else {
                return tracing::warn!(name = %service.name, "a service of another pyro stays stopped");
            };
            let place = Place::take(self, &service.name);
            let begun = match place {
                Ok(place) => self.begin(place, workspace, &definition, false).await.map(drop),
                Err(refusal) => Err(refusal),
            };
            if let Err(refusal) = begun {
                let refusal = self.without_secrets(format!("{refusal:?}"));
                tracing::warn!(name = %service.name, refusal, "a service stays stopped");
            }
        });
        join_all(started).await;
    }

    /// End all: the guest ends too. None is started any more.
    pub(super) async fn end(&self) {
        let running = {
            let mut table = self.table();
            table.is_over = true;
            table.running.clone()
        };
        let stopped = running.iter().map(async |service| {
            if let Err(refusal) =
                life::stop(&self.channel, service, StopReason::WorkspaceStopped).await
            {
                tracing::warn!(name = %service.name, ?refusal, "a service ends with its guest");
            }
        });
        join_all(stopped).await;
    }

    /// What a log may be told.
    fn without_secrets(&self, text: String) -> String {
        match self.secrets.get().and_then(|secrets| secrets.redactor()) {
            Some(redactor) => redactor.text(&text),
            None => text,
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self, name: &ServiceName) -> Option<Arc<Service>> {
        self.table().running.iter().find(|service| service.name == *name).cloned()
    }

    async fn start(
        &self,
        name: ServiceName,
        definition: ServiceDefinition,
    ) -> Result<Arc<Service>, ServiceRefusal> {
        let place = Place::take(self, &name)?;
        let workspace = Records::of(&self.home).workspace().await?;
        self.begin(place, workspace, &definition, true).await
    }

    /// Start one; its logs begin anew where they are to be fresh.
    async fn begin(
        &self,
        place: Place<'_>,
        workspace: Id,
        definition: &ServiceDefinition,
        fresh: bool,
    ) -> Result<Arc<Service>, ServiceRefusal> {
        let records = Records::of(&self.home);
        let read = async || records.secrets(workspace).await.map(Arc::new);
        let secrets = self.secrets.get_or_try_init(read).await?;
        let given = secrets.given_to(definition).map_err(|_| ServiceRefusal::Secrets)?;
        let begun = begin::begin(&self.channel, &self.home, &given).await?;
        let recorded = secrets.recorded(definition);
        let logs = records.begin(workspace, &place.name, &recorded, &begun, fresh).await?;
        let (name, secrets) = (place.name.clone(), Arc::clone(secrets));
        let service = Arc::new(Service::new(name, workspace, begun.run, logs, secrets));
        self.table().running.push(Arc::clone(&service));
        let (services, running) = (self.clone(), Arc::clone(&service));
        tokio::spawn(async move {
            life::live(&services.channel, &services.home, &running, given, begun.stream).await;
            services.table().running.retain(|one| !Arc::ptr_eq(one, &running));
            running.enter(Phase::Over);
        });
        Ok(service)
    }
}

/// A name that nobody else starts a service by.
struct Place<'a> {
    of: &'a Services,
    name: ServiceName,
}

impl<'a> Place<'a> {
    fn take(of: &'a Services, name: &ServiceName) -> Result<Self, ServiceRefusal> {
        let mut table = of.table();
        if table.is_over {
            return Err(ServiceRefusal::Gone);
        }
        let is_running = table.running.iter().any(|service| service.name == *name);
        if is_running || table.starting.contains(name) {
            return Err(ServiceRefusal::Running);
        }
        if table.running.len() + table.starting.len() >= MAX_SERVICES {
            return Err(ServiceRefusal::TooMany);
        }
        table.starting.insert(name.clone());
        Ok(Self { of, name: name.clone() })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.of.table().starting.remove(&self.name);
    }
}
