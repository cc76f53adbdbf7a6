//! QEMU's monitor (QMP, one JSON object a line): a task owns the connection, everybody else has a
//! handle to it.
//!
//! The task runs one command at a time and reads whatever QEMU says in between, so no event is lost
//! while nobody waits for one. What QEMU says unasked is kept as the state that it means, not as a
//! list: a QEMU that was taken over by its guest can send as much as it likes.

use super::error::ANSWER_LIMIT;
pub use super::error::MonitorError;
pub use super::wire::MigrationEnd;
use super::wire::{self, Event, Line};
use crate::host::descriptor;
use serde_json::Value;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use tokio::io::{AsyncWriteExt, BufReader, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot, watch};

/// The command that enters command mode.
const NEGOTIATE: &str = "qmp_capabilities";

/// Commands that wait for their turn.
const QUEUE_LEN: usize = 16;

/// What QEMU's events have told so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    /// It takes commands.
    ready: bool,
    /// It stopped the guest because a write found no room on the host.
    no_room: bool,
    /// Counts the events of migrations.
    migration_events: u64,
    /// Counts the migrations that are over.
    migrations_over: u64,
    /// How the last of them ended.
    migration_end: Option<MigrationEnd>,
}

impl Told {
    fn take(&mut self, event: Event) {
        match event {
            Event::NoRoom => self.no_room = true,
            Event::Migration(end) => {
                self.migration_events += 1;
                if end.is_some() {
                    self.migrations_over += 1;
                    self.migration_end = end;
                }
            }
        }
    }
}

/// A handle to the monitor of one QEMU; the connection closes with the last one.
#[derive(Clone, Debug)]
pub struct Monitor {
    requests: mpsc::Sender<Request>,
    told: watch::Receiver<Told>,
    /// Why the connection ended, once it has.
    broken: Arc<OnceLock<MonitorError>>,
}

/// A command on its way to QEMU.
#[derive(Debug)]
struct Request {
    command: &'static str,
    arguments: Value,
    /// Travels with the command.
    fd: Option<OwnedFd>,
    answer: oneshot::Sender<Result<Value, MonitorError>>,
}

impl Monitor {
    /// Own the monitor at the other end of `stream`. QEMU takes commands once it has come up.
    #[must_use]
    pub fn start(stream: UnixStream) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE_LEN);
        let (tell, told) = watch::channel(Told::default());
        let broken = Arc::new(OnceLock::new());
        let (reader, writer) = stream.into_split();
        let reader = wire::Reader::new(BufReader::new(reader));
        let connection = Connection { reader, writer, tell, sent: 0, waiting: None };
        tokio::spawn(connection.run(queue, broken.clone()));
        Self { requests, told, broken }
    }

    /// Run one command and wait for its answer.
    pub(in crate::engine) async fn execute(
        &self,
        command: &'static str,
        arguments: Value,
    ) -> Result<Value, MonitorError> {
        self.ask(command, arguments, None).await
    }

    /// Run a command that takes the descriptor which comes with it.
    pub(in crate::engine) async fn execute_with_fd(
        &self,
        command: &'static str,
        arguments: Value,
        fd: OwnedFd,
    ) -> Result<Value, MonitorError> {
        self.ask(command, arguments, Some(fd)).await
    }

    async fn ask(
        &self,
        command: &'static str,
        arguments: Value,
        fd: Option<OwnedFd>,
    ) -> Result<Value, MonitorError> {
        let (answer, answered) = oneshot::channel();
        let exchange = async {
            let request = Request { command, arguments, fd, answer };
            self.requests.send(request).await.map_err(|_| self.reason())?;
            answered.await.map_err(|_| self.reason())?
        };
        // Whoever gives up drops `answered`, and the next command has its turn.
        let answer = tokio::time::timeout(ANSWER_LIMIT, exchange).await;
        answer.unwrap_or(Err(MonitorError::Timeout { command }))
    }

    /// Wait until QEMU takes commands.
    ///
    /// # Errors
    /// Each variant of [`MonitorError`].
    pub async fn ready(&self) -> Result<(), MonitorError> {
        let mut told = self.told.clone();
        match tokio::time::timeout(ANSWER_LIMIT, told.wait_for(|told| told.ready)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(self.reason()),
            Err(_) => Err(MonitorError::Timeout { command: NEGOTIATE }),
        }
    }

    /// Wait until QEMU has stopped the guest because a write found no room on the host; for ever
    /// where it does not, or has ended. Cancel-safe.
    pub async fn no_room(&self) {
        let mut told = self.told.clone();
        if told.wait_for(|told| told.no_room).await.is_err() {
            std::future::pending().await
        }
    }

    /// The migrations from now on.
    pub(in crate::engine) fn migrations(&self) -> Migrations {
        let over = self.told.borrow().migrations_over;
        Migrations { monitor: self.clone(), over }
    }

    fn reason(&self) -> MonitorError {
        self.broken.get().cloned().unwrap_or(MonitorError::Closed)
    }
}

/// The migrations after one moment.
pub(in crate::engine) struct Migrations {
    monitor: Monitor,
    over: u64,
}

impl Migrations {
    /// Wait until one is over, for as long as QEMU says that it gets on.
    pub(in crate::engine) async fn end(mut self) -> Result<MigrationEnd, MonitorError> {
        loop {
            let told = self.monitor.told.borrow_and_update().clone();
            if let Some(end) = told.migration_end.filter(|_| told.migrations_over > self.over) {
                return Ok(end);
            }
            let got_on = async {
                let later = |now: &Told| now.migration_events > told.migration_events;
                self.monitor.told.wait_for(later).await.is_ok()
            };
            match tokio::time::timeout(ANSWER_LIMIT, got_on).await {
                Ok(true) => {}
                Ok(false) => return Err(self.monitor.reason()),
                Err(_) => return Err(MonitorError::Timeout { command: "MIGRATION" }),
            }
        }
    }
}

/// The connection, as its task owns it.
struct Connection {
    reader: wire::Reader<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    tell: watch::Sender<Told>,
    /// Number of the last command: an answer that comes after its time is none to the next one.
    sent: u64,
    waiting: Option<Waiting>,
}

/// Who waits for the answer to the last command.
struct Waiting {
    command: &'static str,
    answer: oneshot::Sender<Result<Value, MonitorError>>,
}

impl Connection {
    /// Serve until QEMU, or everybody who has a handle, is gone.
    async fn run(
        mut self,
        mut queue: mpsc::Receiver<Request>,
        broken: Arc<OnceLock<MonitorError>>,
    ) {
        let Err(error) = self.serve(&mut queue).await else { return };
        tracing::debug!(%error, "QEMU's monitor ended");
        // Known before the queue is dropped, by which others see that this task is gone.
        let _ = broken.set(error.clone());
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.answer.send(Err(error));
        }
    }

    async fn serve(&mut self, queue: &mut mpsc::Receiver<Request>) -> Result<(), MonitorError> {
        self.negotiate().await?;
        self.tell.send_modify(|told| told.ready = true);
        loop {
            tokio::select! {
                line = self.reader.line() => self.take(line?)?,
                () = given_up(&mut self.waiting) => self.waiting = None,
                request = queue.recv(), if self.waiting.is_none() => match request {
                    Some(request) => self.send(request).await?,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Enter command mode. A starting QEMU takes its time for that: only whoever waits is in a
    /// hurry.
    async fn negotiate(&mut self) -> Result<(), MonitorError> {
        let (answer, mut answered) = oneshot::channel();
        let arguments = Value::Object(serde_json::Map::new());
        self.send(Request { command: NEGOTIATE, arguments, fd: None, answer }).await?;
        loop {
            let line = self.reader.line().await?;
            self.take(line)?;
            if self.waiting.is_none() {
                return answered.try_recv().unwrap_or(Err(MonitorError::Malformed)).map(drop);
            }
        }
    }

    async fn send(&mut self, request: Request) -> Result<(), MonitorError> {
        let Request { command, arguments, fd, answer } = request;
        self.sent += 1;
        self.waiting = Some(Waiting { command, answer });
        let line = wire::command(command, &arguments, self.sent);
        let written = async {
            if let Some(fd) = fd {
                // QEMU takes a descriptor that came with any byte before a command's end: a blank
                // carries it.
                let stream = self.writer.as_ref();
                stream.writable().await?;
                stream.try_io(Interest::WRITABLE, || descriptor::send(stream, fd.as_fd()))?;
            }
            self.writer.write_all(&line).await
        };
        // Half a command would spoil the next one.
        match tokio::time::timeout(ANSWER_LIMIT, written).await {
            Ok(written) => Ok(written?),
            Err(_) => Err(MonitorError::Timeout { command }),
        }
    }

    fn take(&mut self, line: Line) -> Result<(), MonitorError> {
        match line {
            Line::Greeting => {}
            Line::Event(Some(event)) => self.tell.send_modify(|told| told.take(event)),
            Line::Event(None) => {}
            Line::Answer { id, .. } if id.is_some_and(|id| id != self.sent) => {
                tracing::debug!("an answer came after its time");
            }
            Line::Answer { result, .. } => {
                if let Some(Waiting { command, answer }) = self.waiting.take() {
                    let refused = |description| MonitorError::Refused { command, description };
                    // Whoever asked may have given up in this moment.
                    let _ = answer.send(result.map_err(refused));
                }
            }
        }
        Ok(())
    }
}

/// Wait until nobody waits for the answer any more; for ever where there is none to come.
async fn given_up(waiting: &mut Option<Waiting>) {
    match waiting {
        Some(waiting) => waiting.answer.closed().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::io::{AsyncBufReadExt, Lines};

    /// QEMU's side of a monitor.
    struct Qemu {
        commands: Lines<BufReader<OwnedReadHalf>>,
        writer: OwnedWriteHalf,
    }

    impl Qemu {
        /// One whose monitor is past its greeting.
        async fn start() -> (Monitor, Self) {
            let (monitor, mut qemu) = Self::silent();
            qemu.say(json!({ "QMP": {} })).await;
            assert_eq!(qemu.command().await["execute"], "qmp_capabilities");
            qemu.say(json!({ "return": {}, "id": 1 })).await;
            monitor.ready().await.unwrap();
            (monitor, qemu)
        }

        fn silent() -> (Monitor, Self) {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let (reader, writer) = theirs.into_split();
            (Monitor::start(ours), Self { commands: BufReader::new(reader).lines(), writer })
        }

        async fn command(&mut self) -> Value {
            serde_json::from_str(&self.commands.next_line().await.unwrap().unwrap()).unwrap()
        }

        async fn say(&mut self, line: Value) {
            self.writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
    }

    fn no_room() -> Value {
        json!({ "event": "BLOCK_IO_ERROR", "data": { "action": "stop" } })
    }

    fn migration(status: &str) -> Value {
        json!({ "event": "MIGRATION", "data": { "status": status } })
    }

    #[tokio::test]
    async fn an_event_is_seen_whenever_it_comes() {
        let (monitor, mut qemu) = Qemu::start().await;
        // Nobody waits for any yet, and a command is under way.
        let asked = tokio::spawn({
            let monitor = monitor.clone();
            async move { monitor.execute("cont", json!({})).await }
        });
        let id = qemu.command().await["id"].clone();
        qemu.say(no_room()).await;
        qemu.say(json!({ "event": "STOP" })).await;
        qemu.say(json!({ "return": "done", "id": id })).await;
        assert_eq!(asked.await.unwrap().unwrap(), "done");
        monitor.no_room().await;
        monitor.clone().no_room().await;
    }

    #[tokio::test]
    async fn an_earlier_migration_is_not_the_next_one() {
        let (monitor, mut qemu) = Qemu::start().await;
        let first = monitor.migrations();
        qemu.say(migration("active")).await;
        qemu.say(migration("completed")).await;
        assert_eq!(first.end().await.unwrap(), MigrationEnd::Completed);
        let second = monitor.migrations();
        qemu.say(migration("setup")).await;
        qemu.say(no_room()).await;
        qemu.say(migration("failed")).await;
        assert_eq!(second.end().await.unwrap(), MigrationEnd::Failed);
    }

    #[tokio::test]
    async fn an_answer_to_an_earlier_command_is_none_to_this_one() {
        let (monitor, mut qemu) = Qemu::start().await;
        let first = monitor.execute("first", json!({}));
        let late = tokio::select! {
            _ = first => unreachable!("nobody answers it"),
            command = qemu.command() => command["id"].clone(),
        };
        let (second, ()) = tokio::join!(monitor.execute("second", json!({})), async {
            let id = qemu.command().await["id"].clone();
            qemu.say(json!({ "return": "late", "id": late })).await;
            qemu.say(json!({ "error": { "desc": "mine" }, "id": id })).await;
        });
        let refused = second.unwrap_err();
        assert!(
            matches!(&refused, MonitorError::Refused { command: "second", description } if description == "mine")
        );
    }

    #[tokio::test]
    async fn a_monitor_that_ends_says_why_to_everybody() {
        let (monitor, qemu) = Qemu::start().await;
        let migration = monitor.migrations();
        drop(qemu);
        assert!(matches!(monitor.execute("cont", json!({})).await, Err(MonitorError::Closed)));
        assert!(matches!(migration.end().await, Err(MonitorError::Closed)));

        let (monitor, mut qemu) = Qemu::silent();
        qemu.writer.write_all(b"hello\n").await.unwrap();
        assert!(matches!(monitor.ready().await, Err(MonitorError::Malformed)));
        for _ in 0..2 {
            assert!(matches!(
                monitor.execute("cont", json!({})).await,
                Err(MonitorError::Malformed)
            ));
        }
    }

    #[tokio::test]
    async fn a_refused_greeting_is_the_answer_to_every_command() {
        let (monitor, mut qemu) = Qemu::silent();
        qemu.say(json!({ "error": { "class": "x", "desc": "no" } })).await;
        let refused = monitor.execute("cont", json!({})).await;
        assert!(
            matches!(refused, Err(MonitorError::Refused { description, .. }) if description == "no")
        );
    }
}
