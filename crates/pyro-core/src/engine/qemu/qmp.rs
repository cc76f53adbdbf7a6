//! A small typed client of QEMU's monitor protocol (QMP, one JSON object a line).

use crate::host::descriptor;
use crate::host::terminal::printable;
use serde_json::{Value, json};
use std::os::fd::BorrowedFd;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Longest line that is taken from QEMU, in bytes. QEMU is confined but may have been taken over by its guest.
const MAX_LINE: usize = 1024 * 1024;

/// Longest wait for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A failure of the monitor.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// The connection broke: QEMU ended.
    #[error("QEMU closed its monitor")]
    Closed,
    /// Reading or writing failed.
    #[error("QEMU's monitor cannot be reached")]
    Io(#[from] std::io::Error),
    /// What came is not QMP, or more than anything QEMU says.
    #[error("QEMU's monitor answered nonsense")]
    Malformed,
    /// No answer in time.
    #[error("QEMU's monitor did not answer {command} within {} s", ANSWER_LIMIT.as_secs())]
    Timeout {
        /// The command.
        command: String,
    },
    /// QEMU refused a command.
    #[error("QEMU refused {command}: {description}")]
    Refused {
        /// The command.
        command: String,
        /// QEMU's words.
        description: String,
    },
}

/// A monitor connection past its handshake.
#[derive(Debug)]
pub struct Qmp {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    events: Vec<(String, Value)>,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    /// Number of the last command: an answer that comes after its time is no answer to the next one.
    sent: u64,
}

impl Qmp {
    /// Take the greeting and enter command mode.
    ///
    /// # Errors
    /// Each variant of [`QmpError`].
    pub async fn handshake(stream: UnixStream) -> Result<Self, QmpError> {
        let (reader, writer) = stream.into_split();
        let mut qmp = Self { reader: BufReader::new(reader), writer, events: Vec::new(), line: Vec::new(), sent: 0 };
        qmp.execute("qmp_capabilities", json!({})).await?;
        Ok(qmp)
    }

    /// Run one command and wait for its answer; events that come before it are kept.
    ///
    /// # Errors
    /// Each variant of [`QmpError`].
    pub async fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        self.sent += 1;
        let number = self.sent;
        let mut line = json!({"execute": command, "arguments": arguments, "id": number}).to_string().into_bytes();
        line.push(b'\n');
        let exchange = async {
            self.writer.write_all(&line).await?;
            loop {
                let answer = self.read_line().await?;
                if answer.get("event").is_some() {
                    self.remember(&answer);
                } else if answer.get("id").and_then(Value::as_u64).is_some_and(|id| id != number) {
                    tracing::debug!("an answer came after its time");
                } else if let Some(result) = answer.get("return") {
                    return Ok(result.clone());
                } else if let Some(error) = answer.get("error") {
                    let description = error.get("desc").and_then(Value::as_str).unwrap_or("no reason given");
                    let description = printable(description.as_bytes());
                    return Err(QmpError::Refused { command: command.to_owned(), description });
                } else if answer.get("QMP").is_none() {
                    return Err(QmpError::Malformed);
                }
            }
        };
        match tokio::time::timeout(ANSWER_LIMIT, exchange).await {
            Ok(result) => result,
            Err(_) => Err(QmpError::Timeout { command: command.to_owned() }),
        }
    }

    /// Hand a descriptor to QEMU, which knows it as `name` from then on.
    ///
    /// # Errors
    /// Each variant of [`QmpError`].
    pub async fn give_fd(&mut self, name: &str, fd: BorrowedFd<'_>) -> Result<(), QmpError> {
        self.send_fd(fd).await?;
        self.execute("getfd", json!({ "fdname": name })).await.map(drop)
    }

    /// Hand QEMU a file that it opens as `/dev/fdset/SET` from then on, with the access that the descriptor has.
    ///
    /// # Errors
    /// Each variant of [`QmpError`].
    pub async fn add_fd(&mut self, set: u32, fd: BorrowedFd<'_>) -> Result<(), QmpError> {
        self.send_fd(fd).await?;
        self.execute("add-fd", json!({ "fdset-id": set })).await.map(drop)
    }

    /// Take what QEMU says unasked, until it has held the guest because a write found no room on the host: true. False when
    /// it closes its monitor. Cancel-safe.
    pub async fn until_no_room(&mut self) -> bool {
        let is_it = |event: &str, data: &Value| {
            event == "BLOCK_IO_ERROR" && data.get("action").and_then(Value::as_str) == Some("stop")
        };
        if std::mem::take(&mut self.events).iter().any(|(event, data)| is_it(event, data)) {
            return true;
        }
        while let Ok(line) = self.read_line().await {
            let event = line.get("event").and_then(Value::as_str).unwrap_or_default();
            if is_it(event, line.get("data").unwrap_or(&Value::Null)) {
                return true;
            }
        }
        false
    }

    /// QEMU takes a descriptor that came with any byte before a command's end: a blank carries it.
    async fn send_fd(&mut self, fd: BorrowedFd<'_>) -> Result<(), QmpError> {
        let stream = self.writer.as_ref();
        stream.writable().await?;
        Ok(stream.try_io(tokio::io::Interest::WRITABLE, || descriptor::send(stream, fd))?)
    }

    /// Wait until QEMU has sent the event `name`, and give its data; one that came earlier counts once.
    ///
    /// # Errors
    /// Each variant of [`QmpError`]; [`QmpError::Timeout`] names the event.
    pub async fn event(&mut self, name: &str) -> Result<Value, QmpError> {
        let wait = async {
            loop {
                if let Some(met) = self.events.iter().position(|(event, _)| event == name) {
                    return Ok(self.events.remove(met).1);
                }
                let line = self.read_line().await?;
                self.remember(&line);
            }
        };
        match tokio::time::timeout(ANSWER_LIMIT, wait).await {
            Ok(result) => result,
            Err(_) => Err(QmpError::Timeout { command: name.to_owned() }),
        }
    }

    fn remember(&mut self, line: &Value) {
        let Some(event) = line.get("event").and_then(Value::as_str) else { return };
        // Bounded: nobody waits for more than the last few.
        if self.events.len() >= 64 {
            self.events.remove(0);
        }
        self.events.push((event.to_owned(), line.get("data").cloned().unwrap_or_default()));
    }

    /// The next line. Cancel-safe: what came of it is kept.
    async fn read_line(&mut self) -> Result<Value, QmpError> {
        loop {
            let chunk = match self.reader.fill_buf().await {
                // A killed QEMU leaves what it had not read.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Err(QmpError::Closed),
                chunk => chunk?,
            };
            if chunk.is_empty() {
                return Err(QmpError::Closed);
            }
            let (taken, whole) = match chunk.iter().position(|&byte| byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (chunk.len(), false),
            };
            self.line.extend_from_slice(&chunk[..taken]);
            self.reader.consume(taken);
            if self.line.len() > MAX_LINE {
                return Err(QmpError::Malformed);
            }
            if whole {
                let line = std::mem::take(&mut self.line);
                return serde_json::from_slice(&line).map_err(|_| QmpError::Malformed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    async fn answered_with(script: &'static [u8]) -> Result<Qmp, QmpError> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (result, ()) = tokio::join!(Qmp::handshake(ours), async move {
            let (mut reader, mut writer) = theirs.into_split();
            let mut command = [0; 4];
            let _ = reader.read_exact(&mut command).await;
            let _ = writer.write_all(script).await;
            let _ = writer.shutdown().await;
        });
        result
    }

    #[tokio::test]
    async fn events_before_an_answer_are_kept() {
        let mut qmp = answered_with(b"{\"QMP\":{}}\n{\"event\":\"STOP\"}\n{\"return\":{}}\n").await.unwrap();
        qmp.event("STOP").await.unwrap();
        assert!(matches!(qmp.event("STOP").await, Err(QmpError::Closed)));
    }

    #[tokio::test]
    async fn an_answer_to_an_earlier_command_is_none_to_this_one() {
        let script = b"{\"QMP\":{}}\n{\"return\":\"late\",\"id\":0}\n{\"error\":{\"desc\":\"mine\"},\"id\":1}\n";
        let refused = answered_with(script).await;
        assert!(matches!(refused, Err(QmpError::Refused { description, .. }) if description == "mine"));
    }

    #[tokio::test]
    async fn nonsense_is_a_typed_error() {
        assert!(matches!(answered_with(b"hello\n").await, Err(QmpError::Malformed)));
        assert!(matches!(answered_with(b"{\"QMP\":{}}\n").await, Err(QmpError::Closed)));
        let refused = answered_with(b"{\"error\":{\"class\":\"x\",\"desc\":\"no\"}}\n").await;
        assert!(matches!(refused, Err(QmpError::Refused { description, .. }) if description == "no"));
    }
}
