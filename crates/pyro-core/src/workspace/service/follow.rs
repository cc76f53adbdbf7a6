//! Following what a service prints.

use super::info::ServiceInfo;
use super::{logs, status};
use crate::config::Config;
use crate::id::Id;
use crate::service_name::ServiceName;
use crate::store::Store;
use crate::store::service::ServiceState;
use crate::vm::VmError;
use crate::vm::control::services::{ServiceRefusal, ServiceReply, ServiceRequest};
use crate::vm::output::OutputStream;
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::Running;
use tokio_util::sync::CancellationToken;

/// Takes output as it comes.
pub type ServiceOutputTo = Box<dyn FnMut(OutputStream, &[u8]) + Send>;

/// Hand over the last lines of a service's output, then what it prints until it has ended, or its
/// workspace stops; the service as it is then.
///
/// # Errors
/// [`WorkspaceError`]; [`VmError::Cancelled`].
pub async fn follow(
    config: &Config,
    id: Id,
    name: &ServiceName,
    tail_lines: Option<u32>,
    mut output: ServiceOutputTo,
    cancel: &CancellationToken,
) -> Result<ServiceInfo, WorkspaceError> {
    let store = Store::open(&config.data_dir)?;
    status::recorded(config, &store, id, name)?;
    let tails = logs::tails(config, id, name, tail_lines)?;
    let streams = [OutputStream::Stdout, OutputStream::Stderr];
    for (tail, stream) in tails.iter().zip(streams) {
        output(stream, &logs::joined(tail));
    }
    let from = tails.map(|tail| tail.end);
    if status::recorded(config, &store, id, name)?.state == ServiceState::Running {
        let going = go_on(config, id, name, from, &mut output);
        tokio::select! {
            gone_on = going => gone_on?,
            () = cancel.cancelled() => return Err(VmError::Cancelled.into()),
        }
    }
    status::recorded(config, &store, id, name)
}

async fn go_on(
    config: &Config,
    id: Id,
    name: &ServiceName,
    from: [u64; 2],
    output: &mut ServiceOutputTo,
) -> Result<(), WorkspaceError> {
    let running = match Running::open(config, id).await {
        // So has the service.
        Err(WorkspaceError::NotStarted { .. }) => return Ok(()),
        running => running?,
    };
    let request = ServiceRequest::Follow { name: name.clone(), from };
    let (reply, mut printed) = running.client().service(request).await?;
    if matches!(reply, ServiceReply::Refused(ServiceRefusal::NotRunning)) {
        return Ok(());
    }
    running.service_done(name, reply)?;
    running.was_used();
    while let Some((is_stderr, bytes)) = printed.next().await? {
        let stream = if is_stderr { OutputStream::Stderr } else { OutputStream::Stdout };
        output(stream, &bytes);
    }
    Ok(())
}
