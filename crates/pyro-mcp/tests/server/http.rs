//! Who is let in over HTTP.

use crate::client::server;
use pyro_mcp::http::{Access, ListenError, Token, listen, serve};
use pyro_mcp::{Ending, Grants, Profile};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SECRET: &str = "a-secret-of-tests";

struct Served {
    _home: tempfile::TempDir,
    ending: Ending,
    address: std::net::SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

async fn served(token: bool) -> Served {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("token");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let token = token.then(|| Token::read(&file).unwrap());
    let access = Access { token, hosts: vec!["sandbox.example".to_owned()] };
    let listener = listen("127.0.0.1:0".parse().unwrap(), &access).await.unwrap();
    let address = listener.local_addr().unwrap();
    let ending = Ending::default();
    let server = server(home.path(), Profile::VmRun, Grants::default(), &ending);
    let ends = ending.clone();
    let task = tokio::spawn(async move { serve(server, listener, access, &ends).await.unwrap() });
    Served { _home: home, ending, address, task }
}

impl Served {
    /// The status that an `initialize` with these headers gets, and the whole response.
    async fn post(&self, host: &str, headers: &[&str]) -> (u16, String) {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
        self.send("/mcp", host, headers, body).await
    }

    async fn send(&self, path: &str, host: &str, headers: &[&str], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        for header in headers {
            request += &format!("{header}\r\n");
        }
        let request = format!("{request}\r\n{body}");
        // A server that refuses a long body does not read it to its end.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut response = Vec::new();
        let read =
            tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut response)).await;
        let _ = read.expect("the response ends in time");
        let response = String::from_utf8_lossy(&response).into_owned();
        (response.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), response)
    }
}

#[tokio::test]
async fn the_token_is_wanted_once_and_right() {
    let served = served(true).await;
    let right = format!("Authorization: Bearer {SECRET}");
    for headers in [
        &[][..],
        &["Authorization: Bearer a-secret-of-testz"],
        &["Authorization: Basic a-secret-of-tests"],
        &["Authorization: a-secret-of-tests"],
        &[&right, &right],
        &[&right, "Authorization: Bearer wrong"],
    ] {
        let (status, response) = served.post("localhost", headers).await;
        assert_eq!(status, 401, "{headers:?}");
        assert!(response.to_lowercase().contains("www-authenticate: bearer"), "{response}");
        assert!(!response.contains("serverInfo"));
    }
    let (status, response) = served.post("localhost", &[&right]).await;
    assert_eq!(status, 200, "{response}");
    assert!(response.contains("\"name\":\"pyro\""), "{response}");
    let (status, _) = served.send("/other", "localhost", &[], "").await;
    assert_eq!(status, 401, "nothing is told without the token");
}

#[tokio::test]
async fn other_origins_and_rebound_names_are_refused() {
    let served = served(false).await;
    for host in ["localhost", "127.0.0.1:8765", "sandbox.example", "[::1]:1"] {
        assert_eq!(served.post(host, &[]).await.0, 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"] {
        assert_eq!(served.post(host, &[]).await.0, 403, "{host}");
    }
    for origin in ["https://evil.example", "http://localhost", "null", "http://127.0.0.1:1"] {
        let header = format!("Origin: {origin}");
        assert_eq!(served.post("localhost", &[&header]).await.0, 403, "{origin}");
    }
    let own = format!("Origin: http://{}", served.address);
    assert_eq!(served.post("localhost", &[&own]).await.0, 200);
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let served = served(false).await;
    let body = format!("{{\"jsonrpc\":\"2.0\",\"x\":\"{}\"}}", "x".repeat(17 * 1024 * 1024));
    let (status, _) = served.send("/mcp", "localhost", &[], &body).await;
    assert!(status == 413 || status == 0, "{status}");
    assert_eq!(served.post("localhost", &[]).await.0, 200);
    let (status, response) = served.send("/mcp", "localhost", &[], "{").await;
    assert!(status == 400 && response.contains("-32700"), "{response}");
}

/// The header that the session of a client has.
async fn session(served: &Served) -> String {
    let (_, response) = served.post("localhost", &[]).await;
    let line = response.lines().find(|line| line.to_lowercase().starts_with("mcp-session-id:"));
    let session = line.expect("a session").to_owned();
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(served.send("/mcp", "localhost", &[&session], initialized).await.0, 202);
    session
}

#[tokio::test]
async fn what_cannot_be_routed_is_answered_here_too() {
    let served = served(false).await;
    let session = session(&served).await;
    let call = |arguments: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"vm_run","arguments":{arguments}}}}}"#
        )
    };
    for (arguments, told) in [
        ("[]", "-32602"),
        (r#""{}""#, "-32602"),
        (r#"{"environment":"debian:12","command":"echo \ud83d"}"#, "qemu"),
    ] {
        let (status, response) =
            served.send("/mcp", "localhost", &[&session], &call(arguments)).await;
        assert!(
            status == 200 && response.contains(told) && response.contains("\"id\":7"),
            "{response}"
        );
    }
}

#[tokio::test]
async fn batches_are_for_the_revision_that_has_them() {
    let served = served(false).await;
    let session = session(&served).await;
    let batch = r#"[{"jsonrpc":"2.0","id":8,"method":"ping"},{"jsonrpc":"2.0","id":9,"method":"tools/list"}]"#;
    let revision = |revision: &str| format!("MCP-Protocol-Version: {revision}");
    let (status, response) =
        served.send("/mcp", "localhost", &[&session, &revision("2025-03-26")], batch).await;
    let body = response.split("\r\n\r\n").nth(1).unwrap_or_default();
    let answers: serde_json::Value =
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{response}"));
    assert_eq!((status, &answers[0]["id"], &answers[1]["id"]), (200, &8.into(), &9.into()));
    assert_eq!(answers[1]["result"]["tools"][0]["name"], "vm_run");
    let (status, response) =
        served.send("/mcp", "localhost", &[&session, &revision("2025-11-25")], batch).await;
    assert!(status == 400 && response.contains("-32600"), "{response}");
}

#[tokio::test]
async fn only_with_a_token_others_are_served() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let refused = listen(address.parse().unwrap(), &Access::default()).await;
        assert!(matches!(refused, Err(ListenError::Open(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn it_ends_while_clients_hold_connections() {
    let served = served(false).await;
    let _held = TcpStream::connect(served.address).await.unwrap();
    served.ending.begin();
    tokio::time::timeout(Duration::from_secs(5), served.task).await.expect("it ends").unwrap();
}

#[test]
fn a_token_that_others_can_read_is_none() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("token");
    std::fs::write(&file, SECRET).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(Token::read(&file).is_err());
    assert!(Token::read(&home.path().join("none")).is_err());
}
