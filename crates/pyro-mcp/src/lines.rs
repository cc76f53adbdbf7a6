//! Messages on lines: what a client writes is repaired or refused before rmcp has it, and batches
//! are taken apart.
//!
//! rmcp's own transport answers neither a line that is no JSON nor one that holds half a surrogate
//! pair, and takes wrong parameters for an unknown method.

use crate::batch::Batches;
use crate::message::{self, Message, Refused, WITH_BATCHES};
use rmcp::RoleServer;
use rmcp::model::JsonRpcMessage;
use rmcp::service::TxJsonRpcMessage;
use rmcp::transport::Transport;
use serde_json::Value;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

/// Longest message, in bytes.
const MESSAGE_LIMIT: usize = 64 * 1024 * 1024;

/// Where messages to the client go, one at a time; none once it is closed.
type Writer<W> = Arc<tokio::sync::Mutex<Option<W>>>;

/// The transport of one client.
pub(crate) struct Lines<R, W> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// A line that is too long is read to its end and dropped.
    discarding: bool,
    /// Messages of a batch that are still to be handed on.
    pending: VecDeque<Message>,
    /// What this transport itself says, until it is said: rmcp may drop [`Transport::receive`] at
    /// any moment.
    reply: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send>>>,
    writer: Writer<W>,
    batches: Arc<Mutex<Batches>>,
    /// Whether the client speaks the revision that has batches.
    with_batches: bool,
}

/// What a read came to.
enum LineRead {
    Whole,
    TooLong,
    Ended,
}

impl<R, W> Lines<R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    pub(crate) fn new(reader: R, writer: W) -> Self {
        Self {
            reader: BufReader::new(reader),
            line: Vec::new(),
            discarding: false,
            pending: VecDeque::new(),
            reply: None,
            writer: Arc::new(tokio::sync::Mutex::new(Some(writer))),
            batches: Arc::default(),
            with_batches: false,
        }
    }

    /// Read a line into `line`. Dropped at any moment, it goes on where it was.
    async fn read_line(&mut self) -> io::Result<LineRead> {
        loop {
            let available = self.reader.fill_buf().await?;
            if available.is_empty() {
                // A last line needs no end.
                return Ok(if self.line.is_empty() { LineRead::Ended } else { LineRead::Whole });
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(available.len(), |end| end + 1);
            let too_long = !self.discarding && self.line.len() + taken > MESSAGE_LIMIT;
            if too_long {
                self.line.clear();
                self.discarding = true;
            } else if !self.discarding {
                self.line.extend_from_slice(&available[..taken]);
            }
            self.reader.consume(taken);
            match (end.is_some(), self.discarding) {
                (true, true) => {
                    self.discarding = false;
                    return Ok(LineRead::TooLong);
                }
                (true, false) => return Ok(LineRead::Whole),
                (false, _) => {}
            }
        }
    }

    /// Take the line that was read: messages to hand on, and what is to be said to it.
    fn take_line(&mut self) {
        const BOM: &[u8] = b"\xef\xbb\xbf";
        let line = std::mem::take(&mut self.line);
        let line = line.strip_prefix(BOM).unwrap_or(&line).trim_ascii();
        if line.is_empty() {
            return;
        }
        match message::parsed(line) {
            Ok(Value::Array(batch)) => match message::batch(batch, self.with_batches) {
                Ok(batch) => self.take_batch(batch),
                Err(refused) => self.say(&refused.to_json()),
            },
            Ok(value) => {
                let revision = value.get("params").and_then(|params| params.get("protocolVersion"));
                if value["method"] == "initialize" {
                    self.with_batches = revision.is_some_and(|revision| revision == WITH_BATCHES);
                }
                if let Some(id) = cancelled(&value) {
                    self.forget(id);
                }
                match message::typed(value) {
                    Ok(message) => self.pending.push_back(message),
                    Err(refused) => self.say(&refused.to_json()),
                }
            }
            Err(refused) => self.say(&refused.to_json()),
        }
    }

    fn take_batch(&mut self, batch: Vec<Value>) {
        let (mut ids, mut answers) = (Vec::new(), Vec::new());
        let cancelled: Vec<Value> =
            batch.iter().filter_map(|value| cancelled(value).cloned()).collect();
        for value in batch {
            let id = value.get("id").filter(|_| value.get("method").is_some()).cloned();
            let typed = match &value["method"] {
                Value::String(method) if method == "initialize" => {
                    Err(Refused::invalid("initialize may not be part of a batch"))
                }
                _ => message::typed(value),
            };
            match typed {
                Ok(message) => {
                    ids.extend(id);
                    self.pending.push_back(message);
                }
                Err(refused) => answers.push(refused.to_json()),
            }
        }
        let all = self.batches().open(ids, answers);
        if let Some(all) = all {
            self.say(&all);
        }
        // A batch may cancel requests of its own, too.
        cancelled.iter().for_each(|id| self.forget(id));
    }

    /// A request that the client cancels may get no answer, for which its batch must not wait.
    fn forget(&mut self, id: &Value) {
        let rest = self.batches().close(id, None);
        if let Some(rest) = rest {
            self.say(&rest);
        }
    }

    fn say(&mut self, message: &Value) {
        let (before, written) =
            (self.reply.take(), written(Arc::clone(&self.writer), line_of(message)));
        self.reply = Some(Box::pin(async move {
            if let Some(before) = before {
                before.await?;
            }
            written.await
        }));
    }

    fn batches(&self) -> std::sync::MutexGuard<'_, Batches> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request that a message cancels.
fn cancelled(value: &Value) -> Option<&Value> {
    let id = value.get("params").and_then(|params| params.get("requestId"));
    id.filter(|_| value["method"] == "notifications/cancelled")
}

fn line_of(message: &impl serde::Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

async fn written<W: AsyncWrite + Unpin>(
    writer: Writer<W>,
    line: serde_json::Result<Vec<u8>>,
) -> io::Result<()> {
    let line = line?;
    let mut writer = writer.lock().await;
    let writer = writer.as_mut().ok_or(io::ErrorKind::NotConnected)?;
    writer.write_all(&line).await?;
    writer.flush().await
}

impl<R, W> Transport<RoleServer> for Lines<R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let id = match &item {
            JsonRpcMessage::Response(response) => serde_json::to_value(&response.id).ok(),
            JsonRpcMessage::Error(error) => {
                error.id.as_ref().and_then(|id| serde_json::to_value(id).ok())
            }
            _ => None,
        };
        let line = match id.filter(|id| self.batches().holds(id)) {
            Some(id) => {
                let all = serde_json::to_value(&item)
                    .map(|answer| self.batches().close(&id, Some(answer)));
                all.and_then(|all| all.map(|all| line_of(&all)).transpose())
            }
            None => line_of(&item).map(Some),
        };
        let writer = Arc::clone(&self.writer);
        async move {
            match line.transpose() {
                Some(line) => written(writer, line).await,
                None => Ok(()),
            }
        }
    }

    async fn receive(&mut self) -> Option<Message> {
        loop {
            if let Some(reply) = &mut self.reply {
                let said = reply.await;
                self.reply = None;
                said.ok()?;
            }
            if let Some(message) = self.pending.pop_front() {
                return Some(message);
            }
            match self.read_line().await {
                Ok(LineRead::Whole) => self.take_line(),
                Ok(LineRead::TooLong) => {
                    let refused =
                        Refused::invalid(format!("a message may have {MESSAGE_LIMIT} bytes"));
                    self.say(&refused.to_json());
                }
                Ok(LineRead::Ended) => return None,
                Err(error) => {
                    tracing::error!(%error, "the client cannot be read");
                    return None;
                }
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        drop(self.writer.lock().await.take());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ping(id: u32) -> Value {
        json!({ "jsonrpc": "2.0", "id": id, "method": "ping" })
    }

    fn cancel(id: u32) -> Value {
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } })
    }

    #[tokio::test]
    async fn a_request_that_any_batch_cancels_holds_no_batch_open() {
        for batches in [
            // Another batch, the same one, and a line of its own.
            vec![json!([ping(1), ping(2)]), json!([cancel(1)])],
            vec![json!([ping(1), ping(2), cancel(1)])],
            vec![json!([ping(1), ping(2)]), cancel(1)],
        ] {
            let text: String = batches.iter().map(|batch| format!("{batch}\n")).collect();
            let (ours, theirs) = tokio::io::duplex(4096);
            let mut lines = Lines::new(io::Cursor::new(text.into_bytes()), ours);
            lines.with_batches = true;
            let mut requests = 0;
            while let Some(message) = lines.receive().await {
                requests += usize::from(matches!(message, JsonRpcMessage::Request(_)));
            }
            assert_eq!(requests, 2);
            let answer = json!({ "jsonrpc": "2.0", "id": 2, "result": {} });
            lines.send(serde_json::from_value(answer.clone()).unwrap()).await.unwrap();
            let mut said = String::new();
            BufReader::new(theirs).read_line(&mut said).await.unwrap();
            assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), json!([answer]));
        }
    }
}
