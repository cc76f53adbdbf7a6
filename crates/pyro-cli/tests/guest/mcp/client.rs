//! A client on stdio that says and reads lines.

use crate::home::Home;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// How long any answer may take, a hundred queued commands included.
const LIMIT: Duration = Duration::from_secs(240);

/// A command that says when it runs, and goes on until it is ended.
pub const WAITS: &str = "echo up; sleep 300";

pub struct Client {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    last: u64,
}

impl Client {
    /// A server of this home, after the handshake.
    pub fn connected(home: &Home, flags: &[&str]) -> Self {
        Self::of(home.pyro(&[&["mcp", "serve"], flags].concat()).stderr(Stdio::inherit()))
    }

    /// As [`Client::connected`], of this command.
    pub fn of(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        // What nobody asks for waits in the pipe: a slow client is one that does not read.
        let (sender, lines) = sync_channel(0);
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let stdin = child.stdin.take();
        let mut client = Self { child, stdin, lines, last: 0 };
        let about = json!({ "name": "test", "version": "1" });
        client.ask(
            "initialize",
            json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": about }),
        );
        client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    pub fn say(&mut self, message: &Value) {
        writeln!(self.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    /// Send a request; its id.
    pub fn request(&mut self, method: &str, params: Value) -> u64 {
        self.last += 1;
        self.say(&json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params }));
        self.last
    }

    /// The next message of the server; none at its end.
    pub fn read(&mut self) -> Option<Value> {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => Some(serde_json::from_str(&line).expect("stdout is JSON and nothing else")),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("the server says nothing"),
        }
    }

    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params);
        self.until(|message| message["id"] == id)
    }

    /// The first message that is so; what comes before is dropped.
    pub fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.read().expect("the server is there");
            if is_it(&message) {
                return message;
            }
        }
    }

    /// Begin a call with progress; its id, which is the token of its progress too.
    pub fn begin(&mut self, tool: &str, arguments: Value) -> u64 {
        let token = self.last + 1;
        self.request(
            "tools/call",
            json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": token } }),
        )
    }

    /// Begin a command that runs until it is ended, and wait until it runs.
    pub fn begin_waiting(&mut self) -> u64 {
        let id = self.begin(
            "vm_run",
            json!({ "environment": "debian:12", "command": WAITS, "timeout_seconds": 290 }),
        );
        // The heartbeat of an earlier call says the same.
        self.until(|message| {
            message["params"]["message"] == "running: up"
                && message["params"]["progressToken"] == id
        });
        id
    }

    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments }))["result"].take()
    }

    /// A call that succeeds: its structured content, of which the text says what matters.
    pub fn done(&mut self, tool: &str, arguments: Value) -> Value {
        let mut result = self.call(tool, arguments);
        assert_eq!(result["isError"], false, "{tool}: {result}");
        let text: Value =
            serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        for (name, value) in text.as_object().unwrap() {
            let whole = &result["structuredContent"][name];
            // Lists and objects are told in fewer words.
            assert!(
                whole == value || whole.is_array() || whole.is_object(),
                "{tool}: {name} of {text}"
            );
        }
        result["structuredContent"].take()
    }

    /// A call that fails: kind, message and hint.
    pub fn refused(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool}: {result}");
        serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
    }

    /// Say no more, and wait for the end.
    pub fn leave(mut self) -> ExitStatus {
        self.stdin.take();
        self.ended()
    }

    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + crate::home::LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
