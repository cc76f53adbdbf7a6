//! Services as their users are told of them. The names are those of the contract; `user`,
//! `restart`, `stdout_tail` and `stderr_tail` are ours.

use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use crate::redaction::Redactor;
use crate::service_name::ServiceName;
use crate::store::service::{ServiceRecord, ServiceState, StopReason};
use crate::timestamp::Timestamp;
use crate::vm::control::readiness::Readiness;
use crate::vm::control::services::ServiceDefinition;
use serde::Serialize;

/// A service as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceInfo {
    /// The workspace.
    pub workspace_id: Id,
    /// Its name.
    pub service_name: ServiceName,
    /// How far it has come.
    pub state: ServiceState,
    /// As it was given.
    pub command: String,
    /// Directory that it began in.
    pub cwd: String,
    /// Whom it runs as, where that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// How it ended by itself: its exit code, or the number of a signal as a negative one.
    pub exit_code: Option<i32>,
    /// Its process id in the guest.
    pub pid: Option<u32>,
    /// What executes it.
    pub execution_mode: ExecutionMode,
    /// How it is seen that it is ready.
    pub readiness: Option<Readiness>,
    /// When it was ready, if it has been.
    pub ready_at: Option<Timestamp>,
    /// Why it ended otherwise.
    pub stop_reason: Option<StopReason>,
    /// Always empty: ports are not published yet.
    pub published_ports: Vec<u16>,
    /// Whether it is started again with its workspace.
    pub restart: bool,
    /// The end of its stdout, where it failed to start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_tail: Option<String>,
    /// The end of its stderr, where it failed to start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_tail: Option<String>,
}

impl ServiceInfo {
    /// As recorded, without what `redactor` keeps out.
    pub(super) fn of(
        workspace_id: Id,
        service: ServiceRecord,
        redactor: Option<&Redactor>,
    ) -> Self {
        // A record of another pyro tells less.
        let definition = serde_json::from_str::<ServiceDefinition>(&service.definition).ok();
        let definition = match redactor {
            Some(redactor) => definition.map(|one| one.reworded(|text| redactor.text(text))),
            None => definition,
        };
        let (command, cwd, user, readiness) = match definition {
            Some(ServiceDefinition { command, cwd, user, readiness, .. }) => {
                (command, cwd, user.map(|user| user.to_string()), readiness)
            }
            None => Default::default(),
        };
        Self {
            workspace_id,
            service_name: service.name,
            state: service.state,
            command,
            cwd,
            user,
            started_at: service.started_at,
            ended_at: service.ended_at,
            exit_code: service.exit_code,
            pid: service.pid.filter(|_| service.state == ServiceState::Running),
            execution_mode: service.execution_mode,
            readiness,
            ready_at: service.ready_at,
            stop_reason: service.stop_reason,
            published_ports: Vec::new(),
            restart: service.restart,
            stdout_tail: None,
            stderr_tail: None,
        }
    }
}

/// The services of a workspace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceList {
    /// The workspace.
    pub workspace_id: Id,
    /// How many there are.
    pub count: usize,
    /// How many of them run.
    pub running_count: usize,
    /// Them, by their names.
    pub services: Vec<ServiceInfo>,
}

/// What a service has printed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceLogs {
    /// The service.
    #[serde(flatten)]
    pub service: ServiceInfo,
    /// Its stdout; a mark stands where bytes were left out.
    pub stdout: String,
    /// Its stderr.
    pub stderr: String,
    /// How many lines of each were asked for; none for all.
    pub tail_lines: Option<u32>,
    /// Whether either is less than all that was printed.
    pub truncated: bool,
}
