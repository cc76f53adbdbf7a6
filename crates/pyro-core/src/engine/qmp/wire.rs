//! Lines of QEMU's monitor protocol: commands as bytes, and what QEMU says as values.

use crate::host::terminal::printable;
use serde_json::{Value, json};
use std::fmt;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Longest line that is taken from QEMU, in bytes. QEMU is confined but may have been taken over by
/// its guest.
const MAX_LINE: usize = 1024 * 1024;

/// Why no line came.
#[derive(Debug)]
pub(super) enum WireError {
    /// QEMU ended.
    Closed,
    /// Reading failed.
    Io(io::Error),
    /// What came is not QMP, or more than anything QEMU says.
    Malformed,
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A killed QEMU leaves what it had not read.
            io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// One line of QEMU's.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// The first one.
    Greeting,
    /// Something that happened; none where nobody here asks for it.
    Event(Option<Event>),
    /// To the command with this number; a command that could not be read has none.
    Answer { id: Option<u64>, result: Result<Value, String> },
}

/// What QEMU says unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A write found no room on the host, and the guest is stopped for that.
    NoRoom,
    /// A migration has got on, or is over.
    Migration(Option<MigrationEnd>),
}

/// How a migration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationEnd {
    /// All of the state is there.
    Completed,
    /// QEMU could not do it.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

impl fmt::Display for MigrationEnd {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        })
    }
}

/// A command as it goes to QEMU.
pub(super) fn command(name: &str, arguments: &Value, id: u64) -> Vec<u8> {
    let mut line =
        json!({ "execute": name, "arguments": arguments, "id": id }).to_string().into_bytes();
    line.push(b'\n');
    line
}

fn parse(line: &[u8]) -> Result<Line, WireError> {
    let line: Value = serde_json::from_slice(line).map_err(|_| WireError::Malformed)?;
    let id = line.get("id").and_then(Value::as_u64);
    if let Some(event) = line.get("event") {
        return Ok(Line::Event(event.as_str().and_then(|event| event_of(event, line.get("data")))));
    }
    if let Some(result) = line.get("return") {
        return Ok(Line::Answer { id, result: Ok(result.clone()) });
    }
    if let Some(error) = line.get("error") {
        let description = error.get("desc").and_then(Value::as_str).unwrap_or("no reason given");
        return Ok(Line::Answer { id, result: Err(printable(description.as_bytes())) });
    }
    if line.get("QMP").is_some() { Ok(Line::Greeting) } else { Err(WireError::Malformed) }
}

fn event_of(name: &str, data: Option<&Value>) -> Option<Event> {
    let text = |key| data?.get(key)?.as_str();
    match name {
        "BLOCK_IO_ERROR" if text("action") == Some("stop") => Some(Event::NoRoom),
        "MIGRATION" => Some(Event::Migration(match text("status") {
            Some("completed") => Some(MigrationEnd::Completed),
            Some("failed") => Some(MigrationEnd::Failed),
            Some("cancelled") => Some(MigrationEnd::Cancelled),
            _ => None,
        })),
        _ => None,
    }
}

/// Takes whole lines from a stream.
#[derive(Debug)]
pub(super) struct Reader<R> {
    stream: R,
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Reader<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, begun: Vec::new() }
    }

    /// The next line. Cancel-safe: what came of it is kept.
    pub(super) async fn line(&mut self) -> Result<Line, WireError> {
        loop {
            let chunk = self.stream.fill_buf().await?;
            if chunk.is_empty() {
                return Err(WireError::Closed);
            }
            let (taken, whole) = match chunk.iter().position(|&byte| byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (chunk.len(), false),
            };
            self.begun.extend_from_slice(&chunk[..taken]);
            self.stream.consume(taken);
            if self.begun.len() > MAX_LINE {
                return Err(WireError::Malformed);
            }
            if whole {
                return parse(&std::mem::take(&mut self.begun));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_is_told_apart() {
        let answer = |id, result| Some(Line::Answer { id, result });
        let event = |event| Some(Line::Event(event));
        let table: [(&[u8], Option<Line>); 10] = [
            (b"{\"QMP\":{}}", Some(Line::Greeting)),
            (b"{\"return\":{},\"id\":7}", answer(Some(7), Ok(json!({})))),
            (
                b"{\"error\":{\"class\":\"x\",\"desc\":\"n\\u001bo\"}}",
                answer(None, Err("no".to_owned())),
            ),
            (b"{\"error\":{},\"id\":1}", answer(Some(1), Err("no reason given".to_owned()))),
            (b"{\"event\":\"STOP\"}", event(None)),
            (b"{\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"action\":\"report\"}}", event(None)),
            (
                b"{\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"action\":\"stop\"}}",
                event(Some(Event::NoRoom)),
            ),
            (b"{\"event\":\"MIGRATION\",\"data\":{}}", event(Some(Event::Migration(None)))),
            (b"{}", None),
            (b"hello", None),
        ];
        for (line, expected) in table {
            assert_eq!(parse(line).ok(), expected, "{}", line.escape_ascii());
        }
    }

    #[tokio::test]
    async fn a_line_is_bounded_and_may_come_in_pieces() {
        let pieces = tokio::io::BufReader::with_capacity(
            3,
            b"{\"QMP\":{}}\n{\"event\":\"STOP\"}\n{".as_slice(),
        );
        let mut reader = Reader::new(pieces);
        assert_eq!(reader.line().await.unwrap(), Line::Greeting);
        assert_eq!(reader.line().await.unwrap(), Line::Event(None));
        assert!(matches!(reader.line().await, Err(WireError::Closed)));
        let endless = tokio::io::BufReader::new(tokio::io::repeat(b' '));
        assert!(matches!(Reader::new(endless).line().await, Err(WireError::Malformed)));
    }
}
