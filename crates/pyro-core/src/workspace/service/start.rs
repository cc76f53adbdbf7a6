//! Starting a service.

use super::info::ServiceInfo;
use super::{limits, logs, status};
use crate::config::Config;
use crate::id::Id;
use crate::service_name::ServiceName;
use crate::store::service::ServiceState;
use crate::vm::VmError;
use crate::vm::control::readiness::Readiness;
use crate::vm::control::services::{ServiceDefinition, ServiceRequest};
use crate::vm::exec::line::{ExecOptions, LineRequest, MAX_ARGUMENT_LEN};
use crate::workspace::error::WorkspaceError;
use crate::workspace::paths::ROOT;
use crate::workspace::running::Running;
use crate::workspace::secrets::Secrets;
use crate::workspace::service_error::ServiceError;
use tokio_util::sync::CancellationToken;

/// Lines of each log that tell why a service failed to start.
const LAST_LINES: u32 = 20;

/// Most bytes of each of them that are told.
const MAX_LAST_LEN: usize = 4096;

/// A service to start.
#[derive(Clone, Debug)]
pub struct StartServiceRequest {
    /// A line for the login shell.
    pub command: String,
    /// Where it begins (`/workspace` where nothing is chosen), its variables, its secrets, which it
    /// gets again when it is started again, and its user; see
    /// [`crate::workspace::exec::options`].
    pub options: ExecOptions,
    /// How it is seen that it is ready; at once where nothing is given.
    pub readiness: Option<Readiness>,
    /// How long it may take until then; see [`limits::ready_timeout_seconds`].
    pub ready_timeout_seconds: u32,
    /// How long to wait between two looks; see [`limits::ready_interval_ms`].
    pub ready_interval_ms: u32,
    /// Whether it is started again with its workspace when it ran when that was stopped.
    pub restart: bool,
}

impl StartServiceRequest {
    /// A service that is ready at once, with nothing chosen.
    #[must_use]
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            options: ExecOptions::default(),
            readiness: None,
            ready_timeout_seconds: limits::DEFAULT_READY_TIMEOUT_SECONDS,
            ready_interval_ms: limits::DEFAULT_READY_INTERVAL_MS,
            restart: false,
        }
    }

    fn definition(&self) -> Result<ServiceDefinition, WorkspaceError> {
        LineRequest::new(self.command.clone()).check()?;
        if self.command.len() > MAX_ARGUMENT_LEN {
            let (len, max) = (self.command.len(), MAX_ARGUMENT_LEN);
            return Err(VmError::LongCommand { len, max }.into());
        }
        let ExecOptions { cwd, env, user, secret_env, .. } = self.options.clone();
        let cwd = cwd.map_or(ROOT.into(), |cwd| String::from_utf8_lossy(cwd.as_bytes()).into());
        Ok(ServiceDefinition {
            command: self.command.clone(),
            cwd,
            env,
            user,
            readiness: self.readiness.clone(),
            ready_timeout_seconds: self.ready_timeout_seconds,
            ready_interval_ms: self.ready_interval_ms,
            restart: self.restart,
            secret_env,
        })
    }
}

/// How it is seen that a service is ready, of what was given of the four; a path that is not
/// absolute lies below `/workspace`.
///
/// # Errors
/// `ServiceError`.
pub fn readiness(
    file: Option<String>,
    tcp: Option<String>,
    http: Option<String>,
    command: Option<String>,
) -> Result<Option<Readiness>, ServiceError> {
    let file = file.map(|path| match path.starts_with('/') || path.is_empty() {
        true => path,
        false => format!("{ROOT}/{path}"),
    });
    let given = [
        file.map(|path| Readiness::File { path }),
        tcp.map(|address| Readiness::Tcp { address }),
        http.map(|url| Readiness::Http { url }),
        command.map(|command| Readiness::Command { command }),
    ];
    let mut given = given.into_iter().flatten();
    let Some(one) = given.next() else { return Ok(None) };
    match given.next() {
        Some(_) => Err(ServiceError::SeveralReadiness),
        None => Ok(Some(one.checked()?)),
    }
}

/// Start a service and wait until it is ready, or has failed: that is a result. What it printed
/// before under this name is dropped.
///
/// # Errors
/// [`WorkspaceError`]; nothing has been started then, but for [`VmError::Cancelled`], after which
/// the service goes on.
pub async fn start(
    config: &Config,
    id: Id,
    name: &ServiceName,
    request: &StartServiceRequest,
    cancel: &CancellationToken,
) -> Result<ServiceInfo, WorkspaceError> {
    let definition = Box::new(request.definition()?);
    let running = Running::open_until(config, id, cancel).await?;
    Secrets::of(config, id)?.variables(&request.options)?;
    let client = running.client();
    let start = client.service(ServiceRequest::Start { name: name.clone(), definition });
    let (reply, _) = tokio::select! {
        replied = start => replied?,
        () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
    };
    running.service_done(name, reply)?;
    running.was_used();
    let info = status::recorded(config, &running.store, id, name)?;
    if info.state != ServiceState::Failed {
        return Ok(info);
    }
    let [stdout, stderr] = logs::texts(config, id, name, Some(LAST_LINES))?.0.map(end);
    Ok(ServiceInfo { stdout_tail: Some(stdout), stderr_tail: Some(stderr), ..info })
}

fn end(text: String) -> String {
    let begin = text.len().saturating_sub(MAX_LAST_LEN);
    let begin = (begin..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(begin);
    text[begin..].to_owned()
}
