//! A service's life in the guest: its start, what it prints, its end.

use super::begin::{Stream, open, refusal};
use super::home::Home;
use super::printed::Printed;
use super::ready;
use super::record::Records;
use super::service::{Phase, Service};
use crate::guest::client;
use crate::guest::transport::Channel;
use crate::host::clock;
use crate::store::service::{ServiceEnd, ServiceState, StopReason};
use crate::vm::control::services::{ServiceDefinition, ServiceRefusal};
use pyro_protocol::FrameKind;
use pyro_protocol::message::{ExitStatus, Failure, FailureKind, Reply, Request, Signal};
use std::sync::Arc;
use std::time::Duration;

/// How long a service may take to end once it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// How long a killed one may take.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Take what it prints, see when it is ready, and write down what becomes of it, until it has
/// ended.
pub(super) async fn live(
    channel: &Channel,
    home: &Home,
    service: &Arc<Service>,
    definition: ServiceDefinition,
    stream: Stream,
) {
    let records = Records::of(home);
    let listening = listen(service, stream);
    tokio::pin!(listening);
    let is_ready = tokio::select! {
        biased;
        status = &mut listening => Err(status),
        is_ready = ready::until_ready(channel, home, &definition) => Ok(is_ready),
    };
    let (was_ready, status) = match is_ready {
        // Without readiness it is ready as it begins.
        Err(status) => (definition.readiness.is_none(), status),
        Ok(true) => {
            // It may print meanwhile.
            let noted = async {
                if definition.readiness.is_some() {
                    records.ready(service, clock::now()).await;
                }
                service.enter(Phase::Ready);
                std::future::pending().await
            };
            tokio::select! {
                status = &mut listening => (true, status),
                never = noted => never,
            }
        }
        Ok(false) => {
            let ended = async {
                let _ = stop(channel, service, StopReason::ReadinessTimeout).await;
                std::future::pending().await
            };
            tokio::select! {
                status = &mut listening => (false, status),
                never = ended => never,
            }
        }
    };
    records.end(service, judge(service.ending(), was_ready, status), clock::now()).await;
}

/// What a service has come to; no status where the guest is gone.
fn judge(ending: Option<StopReason>, was_ready: bool, status: Option<ExitStatus>) -> ServiceEnd {
    let (state, stop_reason) = match (ending, status) {
        (Some(why @ StopReason::ReadinessTimeout), _) => (ServiceState::Failed, Some(why)),
        (Some(why), _) => (ServiceState::Stopped, Some(why)),
        (None, None) => (ServiceState::Stopped, Some(StopReason::WorkspaceStopped)),
        (None, Some(_)) if was_ready => (ServiceState::Exited, None),
        (None, Some(_)) => (ServiceState::Failed, Some(StopReason::ProcessExitedBeforeReady)),
    };
    let code = status.map(|status| match status {
        ExitStatus::Code(code) => code,
        ExitStatus::Signal(signal) => -signal,
    });
    ServiceEnd { state, stop_reason, exit_code: code.filter(|_| ending.is_none()) }
}

async fn listen(service: &Service, mut stream: Stream) -> Option<ExitStatus> {
    let mut printed = Printed::of(service);
    loop {
        let frame = match printed.until(stream.frames.next()).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return None,
            Err(error) => {
                tracing::debug!(%error, name = %service.name, "the stream of a service broke");
                return None;
            }
        };
        match frame.kind {
            FrameKind::Stdout | FrameKind::Stderr => {
                printed.push(frame.kind == FrameKind::Stderr, &frame.payload);
                // One that prints for ever must not keep the others from their work.
                tokio::task::yield_now().await;
            }
            FrameKind::Message => match frame.message() {
                Ok(Reply::Exited(exited)) => return Some(exited.status),
                other => {
                    tracing::warn!(?other, name = %service.name, "the guest lost a service");
                    return None;
                }
            },
            _ => return None,
        }
    }
}

/// End a service with all that it has started: it is asked to, and killed after 5 s.
pub(super) async fn stop(
    channel: &Channel,
    service: &Service,
    why: StopReason,
) -> Result<(), ServiceRefusal> {
    service.note_ending(why);
    signal(channel, service, libc::SIGTERM).await?;
    let over = service.until(|phase| phase == Phase::Over);
    if tokio::time::timeout(STOP_LIMIT, over).await.is_ok() {
        return Ok(());
    }
    service.note_ending(StopReason::Sigkill);
    signal(channel, service, libc::SIGKILL).await?;
    let over = service.until(|phase| phase == Phase::Over);
    tokio::time::timeout(KILL_LIMIT, over).await.map_err(|_| {
        let message = format!("it was killed but did not end within {} s", KILL_LIMIT.as_secs());
        ServiceRefusal::Guest(Failure { kind: FailureKind::Io, message })
    })
}

async fn signal(channel: &Channel, service: &Service, signal: i32) -> Result<(), ServiceRefusal> {
    let exec = u64::try_from(service.run).unwrap_or(0);
    let request = Request::Signal(Signal { exec, signal, tree: true, foreground: false });
    let signalled = async { client::call(open(channel).await?, &request).await };
    match signalled.await.map_err(refusal) {
        // It has ended, or does so now.
        Err(ServiceRefusal::Guest(Failure { kind: FailureKind::NotFound, .. })) => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_judged_by_who_wanted_it() {
        use ServiceState::{Exited, Failed, Stopped};
        use StopReason::{
            ProcessExitedBeforeReady, ReadinessTimeout, Sigkill, Sigterm, WorkspaceStopped,
        };
        let (zero, kill) = (Some(ExitStatus::Code(0)), Some(ExitStatus::Signal(9)));
        for (ending, was_ready, status, state, stop_reason, exit_code) in [
            (None, true, zero, Exited, None, Some(0)),
            (None, true, kill, Exited, None, Some(-9)),
            (None, false, zero, Failed, Some(ProcessExitedBeforeReady), Some(0)),
            (None, true, None, Stopped, Some(WorkspaceStopped), None),
            (None, false, None, Stopped, Some(WorkspaceStopped), None),
            (Some(Sigterm), true, zero, Stopped, Some(Sigterm), None),
            (Some(Sigterm), false, zero, Stopped, Some(Sigterm), None),
            (Some(Sigkill), true, kill, Stopped, Some(Sigkill), None),
            (Some(ReadinessTimeout), false, kill, Failed, Some(ReadinessTimeout), None),
        ] {
            let end = ServiceEnd { state, exit_code, stop_reason };
            assert_eq!(judge(ending, was_ready, status), end);
        }
    }
}
