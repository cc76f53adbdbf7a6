//! What others ask the supervisor of a workspace's vm about its services, and what it answers. What
//! became of a service is in the records.

use super::readiness::Readiness;
use crate::service_name::ServiceName;
use pyro_protocol::User;
use pyro_protocol::message::Failure;
use pyro_protocol::variable::Variable;
use serde::{Deserialize, Serialize};

/// What is wanted of a vm's services.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ServiceRequest {
    /// Start one; [`ServiceReply::Done`] as soon as it is ready, or has ended. It goes on when the
    /// connection closes before.
    Start {
        /// What it is called.
        name: ServiceName,
        /// What it is.
        definition: Box<ServiceDefinition>,
    },
    /// End one with all that it has started; [`ServiceReply::Done`] also where it does not run.
    Stop {
        /// Which.
        name: ServiceName,
    },
    /// Tell what one prints. After [`ServiceReply::Done`] data frames are its output; the last is
    /// [`ServiceReply::Done`] once more, when it has ended.
    Follow {
        /// Which.
        name: ServiceName,
        /// Where to begin in its stdout and its stderr.
        from: [u64; 2],
    },
}

/// What a service is. Records hold it as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceDefinition {
    /// A line for the login shell.
    pub command: String,
    /// Where it begins, as the guest knows it.
    pub cwd: String,
    /// Variables over the guest's defaults.
    pub env: Vec<Variable>,
    /// Whom it runs as; root where none is given.
    pub user: Option<User>,
    /// How it is seen that it is ready; at once where nothing is given.
    pub readiness: Option<Readiness>,
    /// How long it may take until then.
    pub ready_timeout_seconds: u32,
    /// How long to wait between two looks.
    pub ready_interval_ms: u32,
    /// Whether it is started again with its workspace.
    pub restart: bool,
    /// Secrets of the workspace by name, and the variables that they are given as.
    #[serde(default)]
    pub secret_env: Vec<(String, String)>,
}

impl ServiceDefinition {
    /// The same with what is told of it in other words.
    #[must_use]
    pub fn reworded(self, words: impl Fn(&str) -> String) -> Self {
        let (command, cwd) = (words(&self.command), words(&self.cwd));
        let readiness = self.readiness.map(|readiness| readiness.reworded(&words));
        Self { command, cwd, readiness, ..self }
    }
}

/// An answer about services.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ServiceReply {
    /// It is done.
    Done,
    /// It was not done.
    Refused(ServiceRefusal),
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceRefusal {
    /// It does not run.
    NotRunning,
    /// It runs already.
    Running,
    /// As many run as may.
    TooMany,
    /// The guest could not do it.
    Guest(Failure),
    /// The host could not write it down.
    NotRecorded(String),
    /// The guest is gone, or about to end.
    Gone,
    /// The secrets of the workspace are not to be had.
    Secrets,
}
