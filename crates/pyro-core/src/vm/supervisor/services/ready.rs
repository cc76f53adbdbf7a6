//! Seeing that a service is ready, from within the guest.

use super::begin::{exec, open};
use super::home::Home;
use crate::guest::client::{ClientError, FrameReader, send_message};
use crate::guest::transport::Channel;
use crate::guest::tree;
use crate::vm::control::readiness::{Endpoint, HttpTarget, Readiness, endpoint, http_target};
use crate::vm::control::services::ServiceDefinition;
use pyro_protocol::message::{Dial, ExitStatus, Reply, Request};
use pyro_protocol::{FrameKind, GuestPath};
use std::time::Duration;

/// How long a connection may take.
const TCP_LIMIT: Duration = Duration::from_secs(1);

/// How long a web server may take to say its status.
const HTTP_LIMIT: Duration = Duration::from_secs(2);

/// How long a command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);

/// How long a file may take to be looked at.
const FILE_LIMIT: Duration = Duration::from_secs(10);

/// Bytes at the beginning of an answer that tell its status: `HTTP/1.1 200`.
const STATUS_LEN: usize = 12;

/// Look whether a service is ready until it is: whether it was, in time.
pub(super) async fn until_ready(channel: &Channel, home: &Home, of: &ServiceDefinition) -> bool {
    let Some(readiness) = &of.readiness else { return true };
    let interval = Duration::from_millis(of.ready_interval_ms.into());
    let looks = async {
        loop {
            match look(channel, home, of, readiness).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::trace!(?error, "a service is not ready"),
            }
            tokio::time::sleep(interval).await;
        }
    };
    let limit = Duration::from_secs(of.ready_timeout_seconds.into());
    tokio::time::timeout(limit, looks).await.is_ok()
}

async fn look(
    channel: &Channel,
    home: &Home,
    of: &ServiceDefinition,
    readiness: &Readiness,
) -> Result<bool, ClientError> {
    match readiness {
        Readiness::File { path } => within(FILE_LIMIT, file(channel, path)).await,
        Readiness::Tcp { address } => {
            let Ok(endpoint) = endpoint(address) else { return Ok(false) };
            dial(channel, endpoint, Vec::new(), 0, TCP_LIMIT).await.map(|_| true)
        }
        Readiness::Http { url } => {
            let Ok(target) = http_target(url) else { return Ok(false) };
            http(channel, target).await
        }
        Readiness::Command { command } => {
            within(COMMAND_LIMIT, command_succeeds(channel, home, of, command)).await
        }
    }
}

/// No where it takes longer.
async fn within(
    limit: Duration,
    look: impl Future<Output = Result<bool, ClientError>>,
) -> Result<bool, ClientError> {
    tokio::time::timeout(limit, look).await.unwrap_or(Ok(false))
}

async fn file(channel: &Channel, path: &str) -> Result<bool, ClientError> {
    let Ok(path) = GuestPath::parse(path.as_bytes()) else { return Ok(false) };
    tree::stat(open(channel).await?, path, true).await.map(|_| true)
}

async fn http(channel: &Channel, target: HttpTarget) -> Result<bool, ClientError> {
    let HttpTarget { endpoint, authority, path } = target;
    let ask = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: pyro\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    let said = dial(channel, endpoint, ask.into_bytes(), STATUS_LEN, HTTP_LIMIT).await?;
    Ok(status(&said).is_some_and(|status| (200..400).contains(&status)))
}

/// The status of an answer by its first bytes.
fn status(said: &[u8]) -> Option<u16> {
    let said = std::str::from_utf8(said.get(..STATUS_LEN)?).ok()?;
    let (version, status) = said.split_once(' ')?;
    let is_number = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && matches!(version, "HTTP/1.0" | "HTTP/1.1")).then(|| status.parse().ok())?
}

async fn dial(
    channel: &Channel,
    endpoint: Endpoint,
    say: Vec<u8>,
    take: usize,
    limit: Duration,
) -> Result<Vec<u8>, ClientError> {
    let Endpoint { addresses, port } = endpoint;
    let limit_ms = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
    let take = u32::try_from(take).unwrap_or(0);
    let mut stream = open(channel).await?;
    let dial = Dial { addresses, port, say, take, limit_ms };
    send_message(&mut stream, &Request::Dial(dial)).await?;
    match FrameReader::new(stream).message().await? {
        Reply::Dialled(dialled) => Ok(dialled.said),
        Reply::Failed(failure) => Err(ClientError::Failed(failure)),
        _ => Err(ClientError::OutOfPlace(FrameKind::Message)),
    }
}

/// Run a command where the service runs; it is killed when this is dropped.
async fn command_succeeds(
    channel: &Channel,
    home: &Home,
    of: &ServiceDefinition,
    line: &str,
) -> Result<bool, ClientError> {
    let Ok(mut exec) = exec(home, of, line) else { return Ok(false) };
    exec.until_tree_ends = false;
    let mut stream = open(channel).await?;
    send_message(&mut stream, &Request::Exec(exec)).await?;
    let mut frames = FrameReader::new(stream);
    while let Some(frame) = frames.next().await? {
        if frame.kind != FrameKind::Message {
            continue;
        }
        match frame.message()? {
            Reply::Started(_) => {}
            Reply::Exited(exited) => return Ok(exited.status == ExitStatus::Code(0)),
            Reply::Failed(failure) => return Err(ClientError::Failed(failure)),
            _ => return Err(ClientError::OutOfPlace(FrameKind::Message)),
        }
    }
    Err(ClientError::Ended)
}

#[cfg(test)]
mod tests {
    use super::status;

    #[test]
    fn a_status_is_read_of_an_answer_and_of_nothing_else() {
        for (said, expected) in [
            (&b"HTTP/1.1 200 OK\r\n"[..], Some(200)),
            (b"HTTP/1.0 302 Found", Some(302)),
            (b"HTTP/1.1 500", Some(500)),
            (b"HTTP/1.1 50", None),
            (b"HTTP/1.1 +20", None),
            (b"HTTP/2.1 200", None),
            (b"SSH-2.0-OpenSSH_9.2", None),
            (b"", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ] {
            assert_eq!(status(said), expected, "{said:?}");
        }
    }
}
