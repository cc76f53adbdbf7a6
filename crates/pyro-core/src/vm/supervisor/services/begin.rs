//! The beginning of a service in the guest.

use super::home::Home;
use crate::guest::client::{ClientError, FrameReader, send_message};
use crate::guest::transport::{Channel, GuestStream};
use crate::host::clock;
use crate::timestamp::Timestamp;
use crate::vm::control::services::{ServiceDefinition, ServiceRefusal};
use crate::vm::host_tree;
use pyro_protocol::message::{Command, Exec, Failure, FailureKind, Reply, Request};
use pyro_protocol::{FrameKind, GuestPath};
use std::io;
use tokio::io::{ReadHalf, WriteHalf};

/// A service that has just begun.
pub(super) struct Begun {
    pub(super) run: i64,
    pub(super) pid: u32,
    pub(super) at: Timestamp,
    pub(super) stream: Stream,
}

/// A service's side of a stream.
pub(super) struct Stream {
    pub(super) frames: FrameReader<ReadHalf<GuestStream>>,
    /// The service ends when this is dropped.
    _writer: WriteHalf<GuestStream>,
}

/// A command in the place of a service, under an id that no other has.
pub(super) fn exec(
    home: &Home,
    of: &ServiceDefinition,
    line: &str,
) -> Result<Exec, ServiceRefusal> {
    let mut id = [0; 8];
    getrandom::fill(&mut id).map_err(|_| ServiceRefusal::Gone)?;
    let invalid = |error: pyro_protocol::path::GuestPathError| {
        let message = error.to_string();
        ServiceRefusal::Guest(Failure { kind: FailureKind::Directory, message })
    };
    let mut cwd = GuestPath::parse(of.cwd.as_bytes()).map_err(invalid)?;
    let mut env = of.env.clone();
    if let Some(tree) = &home.tree {
        host_tree::move_in(tree, &mut cwd, &mut env).map_err(invalid)?;
    }
    Ok(Exec {
        // Records have it as a signed number.
        id: u64::from_le_bytes(id) >> 1,
        command: Command::Shell(line.to_owned()),
        cwd,
        env,
        stdin: false,
        sync: false,
        user: of.user.clone(),
        shell: Default::default(),
        sequence: 0,
        terminal: None,
        until_tree_ends: true,
    })
}

/// Start a service.
pub(super) async fn begin(
    channel: &Channel,
    home: &Home,
    definition: &ServiceDefinition,
) -> Result<Begun, ServiceRefusal> {
    let exec = exec(home, definition, &definition.command)?;
    let run = i64::try_from(exec.id).unwrap_or(0);
    let (reader, mut writer) = tokio::io::split(open(channel).await.map_err(refusal)?);
    send_message(&mut writer, &Request::Exec(exec)).await.map_err(refusal)?;
    let mut frames = FrameReader::new(reader);
    match frames.message().await.map_err(refusal)? {
        Reply::Started(started) => Ok(Begun {
            run,
            pid: started.pid,
            at: clock::now(),
            stream: Stream { frames, _writer: writer },
        }),
        Reply::Failed(failure) => Err(ServiceRefusal::Guest(failure)),
        _ => Err(refusal(ClientError::OutOfPlace(FrameKind::Message))),
    }
}

pub(super) async fn open(channel: &Channel) -> Result<GuestStream, ClientError> {
    channel.open().await.map_err(|error| ClientError::Io(io::Error::other(error)))
}

pub(super) fn refusal(error: ClientError) -> ServiceRefusal {
    match error {
        ClientError::Failed(failure) => ServiceRefusal::Guest(failure),
        error => {
            tracing::debug!(%error, "the guest does not answer about a service");
            ServiceRefusal::Gone
        }
    }
}
