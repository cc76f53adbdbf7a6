//! A client that writes and reads lines.

use pyro_core::{Config, Pyro};
use pyro_mcp::{Ending, Grants, Profile, Server, Settings, stdio};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};

/// How long an answer may take that needs no guest.
const LIMIT: Duration = Duration::from_secs(20);

/// Bytes that fit between client and server, as in a pipe.
const PIPE: usize = 64 * 1024;

pub struct Client {
    /// The home of the server's records.
    pub home: tempfile::TempDir,
    pub ending: Ending,
    pub served: tokio::task::JoinHandle<()>,
    pub input: Option<DuplexStream>,
    output: Lines<BufReader<DuplexStream>>,
    last: u64,
}

/// A runtime that finds nothing: no environment, no QEMU.
pub fn bare(home: &std::path::Path) -> Pyro {
    let variable = |name: &str| match name {
        "HOME" => Some(home.as_os_str().to_owned()),
        "PATH" => Some("/nonexistent".into()),
        "PYRO_MIRROR" => Some("http://127.0.0.1:9/".into()),
        _ => None,
    };
    Pyro::new(Config::from_variables("/nonexistent/pyro", variable).unwrap())
}

pub fn server(home: &std::path::Path, profile: Profile, grants: Grants, ending: &Ending) -> Server {
    Server::new(
        bare(home),
        Settings { profile, grants, at_once: 2, warm: 0, home: Some(home.into()) },
        ending.clone(),
    )
}

impl Client {
    /// A client that has not said anything yet.
    pub fn silent(profile: Profile, grants: Grants) -> Self {
        let home = tempfile::tempdir().unwrap();
        let ending = Ending::default();
        let server = server(home.path(), profile, grants, &ending);
        let (input, reader) = tokio::io::duplex(PIPE);
        let (writer, output) = tokio::io::duplex(PIPE);
        let ends = ending.clone();
        let served =
            tokio::spawn(
                async move { stdio::serve_on(server, reader, writer, &ends).await.unwrap() },
            );
        let output = BufReader::new(output).lines();
        Self { home, ending, served, input: Some(input), output, last: 0 }
    }

    /// A client that has shaken hands as revisions before 2026-07-28 do.
    pub async fn connected(profile: Profile, grants: Grants, version: &str) -> Self {
        Self::capable(profile, grants, version, json!({})).await
    }

    /// As [`Client::connected`], with these capabilities.
    pub async fn capable(
        profile: Profile,
        grants: Grants,
        version: &str,
        capabilities: Value,
    ) -> Self {
        let mut client = Self::silent(profile, grants);
        let about = json!({ "name": "test", "version": "1" });
        let params = json!({ "protocolVersion": version, "capabilities": capabilities, "clientInfo": about });
        let answer = client.ask("initialize", params).await;
        assert_eq!(answer["result"]["protocolVersion"], version, "{answer}");
        client.write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n").await;
        client
    }

    pub async fn write(&mut self, line: &str) {
        self.input.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    /// The next line; none at the end.
    pub async fn read(&mut self) -> Option<Value> {
        let line = tokio::time::timeout(LIMIT, self.output.next_line())
            .await
            .expect("a line in time")
            .unwrap()?;
        Some(serde_json::from_str(&line).expect("a line is JSON"))
    }

    /// Send a request; its id.
    pub async fn request(&mut self, method: &str, params: Value) -> u64 {
        self.last += 1;
        let request =
            json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params });
        self.write(&format!("{request}\n")).await;
        self.last
    }

    /// A request and its answer.
    pub async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params).await;
        loop {
            let answer = self.read().await.expect("an answer");
            if answer["id"] == id {
                return answer;
            }
        }
    }

    /// A call's result.
    pub async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments })).await["result"]
            .take()
    }

    /// A failed call's kind, message and hint.
    pub async fn refused(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
    }
}
