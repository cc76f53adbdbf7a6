//! One command in a running vm: streamed, bounded in time, exactly once.

mod began;
mod command;
pub mod line;
mod long_line;
#[cfg(test)]
mod met;
mod request;

pub use super::io::ExecIo;
pub use began::Began;
pub use command::ExecOutcome;
pub use request::ExecRequest;

use super::control::client::SupervisorClient;
use super::error::VmError;
use crate::guest::client::{FrameReader, send_message};
use command::{begun, random_exec_id};
use long_line::LongLine;
use pyro_protocol::message::{FailureKind, Reply, Request, Shell};
use tokio::time::Instant;

/// Run a command and wait for its end; dropping the future closes its connection, on which the
/// agent kills its tree.
///
/// # Errors
/// [`VmError::Guest`] when the connection breaks, [`VmError::Output`] when the output's reader is
/// gone.
pub async fn exec(
    vm: SupervisorClient<'_>,
    request: ExecRequest,
    io: ExecIo<'_>,
) -> Result<ExecOutcome, VmError> {
    exec_noting(vm, request, io, &Began::default()).await
}

/// As [`exec`]; `began_to_run` says whether the command may have begun to run.
///
/// # Errors
/// As [`exec`].
pub async fn exec_noting(
    vm: SupervisorClient<'_>,
    mut request: ExecRequest,
    io: ExecIo<'_>,
    began_to_run: &Began,
) -> Result<ExecOutcome, VmError> {
    let (id, began) = (random_exec_id()?, Instant::now());
    let long = LongLine::of(vm, id, &mut request)?;
    let ready = async {
        if request.shell == Shell::Bash {
            check_shells(vm).await?;
        }
        match &long {
            Some(long) => long.deliver().await,
            None => Ok(()),
        }
    };
    let executed = match tokio::time::timeout_at(began + request.timeout, ready).await {
        Ok(Ok(())) => begun(vm, id, began, request, io, began_to_run).await,
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(ExecOutcome::never_began(began.elapsed())),
    };
    if let Some(long) = long {
        long.forget().await;
    }
    executed
}

/// Whether the agent can choose the shell of a line. One that cannot would take `/bin/sh` without a
/// word; it does not know [`Request::Background`] either, as both came in the same version.
async fn check_shells(vm: SupervisorClient<'_>) -> Result<(), VmError> {
    let mut stream = vm.connect().await?;
    send_message(&mut stream, &Request::Background).await.map_err(VmError::Guest)?;
    match FrameReader::new(stream).message().await.map_err(VmError::Guest)? {
        Reply::Failed(failure) if failure.kind == FailureKind::InvalidInput => {
            Err(VmError::NoChoiceOfShell)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::met::{Met, failed};
    use super::*;
    use pyro_protocol::message::{Command, Exec, ExitStatus, Exited};
    use std::time::Duration;

    #[tokio::test]
    async fn a_command_that_ended_in_time_did_not_time_out_because_the_disk_was_slow() {
        let met = Met::new();
        // What an agent says whose command has ended, and whose disk takes its time.
        let agent = async {
            let (mut exec, request) = met.accept().await;
            assert!(matches!(request, Request::Exec(Exec { sync: true, .. })));
            let (mut signal, request) = met.accept().await;
            assert!(matches!(request, Request::Signal(_)));
            send_message(&mut signal, &failed(FailureKind::NotFound)).await.unwrap();
            let exited =
                Exited { status: ExitStatus::Code(7), duration_us: 1, out_of_memory: None };
            send_message(&mut exec, &Reply::Exited(exited)).await.unwrap();
        };
        let request = ExecRequest {
            sync: true,
            in_guest: true,
            ..ExecRequest::new(Command::Shell("exit 7".to_owned()), Duration::from_millis(1))
        };
        let (outcome, ()) = tokio::join!(met.exec(request), agent);
        let outcome = outcome.unwrap();
        assert_eq!((outcome.exit_code, outcome.timed_out), (7, false));
    }

    #[tokio::test]
    async fn an_agent_that_cannot_choose_the_shell_is_not_asked_for_bash() {
        let met = Met::new();
        let request = || ExecRequest {
            shell: Shell::Bash,
            ..ExecRequest::new(Command::Shell("echo $BASH".to_owned()), Duration::from_secs(60))
        };
        let older = async {
            let (mut stream, request) = met.accept().await;
            assert_eq!(request, Request::Background);
            send_message(&mut stream, &failed(FailureKind::InvalidInput)).await.unwrap();
        };
        let (executed, ()) = tokio::join!(met.exec(request()), older);
        assert!(matches!(executed, Err(VmError::NoChoiceOfShell)), "{executed:?}");
        let newer = async {
            let (mut stream, _) = met.accept().await;
            send_message(&mut stream, &Reply::Done).await.unwrap();
            let (mut stream, request) = met.accept().await;
            assert!(matches!(request, Request::Exec(Exec { shell: Shell::Bash, .. })));
            let exited =
                Exited { status: ExitStatus::Code(0), duration_us: 1, out_of_memory: None };
            send_message(&mut stream, &Reply::Exited(exited)).await.unwrap();
        };
        let (executed, ()) = tokio::join!(met.exec(request()), newer);
        assert_eq!(executed.unwrap().exit_code, 0);
    }
}
