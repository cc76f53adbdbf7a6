//! An endpoint that plays Ollama by a script: each request gets the next answer of it, and is kept.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What the endpoint does with a request.
pub enum Reply {
    /// A status, and a body.
    Body(u16, String),
    /// Nothing: the connection stays open until the client closes it.
    Silence,
    /// The head of an answer, and a body that never ends.
    Endless,
    /// Bytes that are no HTTP.
    Noise,
}

/// The endpoint; it ends when it is dropped.
pub struct Endpoint {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Value>>>,
    heads: Arc<Mutex<Vec<String>>>,
    server: Option<JoinHandle<()>>,
}

impl Endpoint {
    pub fn with(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, heads) =
            (Arc::<Mutex<Vec<Value>>>::default(), Arc::<Mutex<Vec<String>>>::default());
        let (kept, kept_heads) = (Arc::clone(&requests), Arc::clone(&heads));
        let mut script = VecDeque::from(script);
        let server = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // Who comes without a request wants the end.
                let Some((head, body)) = request(&stream) else { return };
                kept_heads.lock().unwrap().push(head);
                kept.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                let reply = script.pop_front();
                answer(
                    &mut stream,
                    reply.unwrap_or_else(|| Reply::Body(500, "the script is over".to_owned())),
                );
            }
        });
        Self { address, requests, heads, server: Some(server) }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The bodies of the requests so far.
    pub fn requests(&self) -> Vec<Value> {
        self.requests.lock().unwrap().clone()
    }

    /// The heads of the requests so far, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(TcpStream::connect(self.address));
        if self.server.take().is_some_and(|server| server.join().is_err())
            && !std::thread::panicking()
        {
            panic!("the endpoint failed");
        }
    }
}

/// The head and the body of the request that comes; none where none does.
fn request(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).unwrap_or(0) == 0 {
            return None;
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap()
        .parse()
        .unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    Some((head, body))
}

fn answer(stream: &mut TcpStream, reply: Reply) {
    match reply {
        Reply::Body(status, body) => {
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: "
            );
            // A client may have enough before the end.
            let _ = write!(stream, "{head}{}\r\nconnection: close\r\n\r\n{body}", body.len());
        }
        Reply::Silence => {
            let _ = stream.read(&mut [0]);
        }
        Reply::Endless => {
            let mut written =
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n");
            while written.is_ok() {
                written = stream.write_all(&[b' '; 65_536]);
            }
        }
        Reply::Noise => write!(stream, "SSH-2.0-OpenSSH_9.2\r\n").unwrap(),
    }
}

fn completion(message: &Value) -> Reply {
    let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
    Reply::Body(
        200,
        json!({ "id": "chatcmpl-1", "object": "chat.completion", "choices": [choice] }).to_string(),
    )
}

/// The model says this.
pub fn words(text: &str) -> Reply {
    completion(&json!({ "role": "assistant", "content": text }))
}

/// The model calls this tool, with arguments as it wrote them.
pub fn call(id: &str, name: &str, arguments: &str) -> Reply {
    calls(&[id], name, arguments)
}

/// The model makes as many such calls at once.
pub fn calls(ids: &[&str], name: &str, arguments: &str) -> Reply {
    let function = json!({ "name": name, "arguments": arguments });
    let one = |id: &&str| json!({ "id": id, "index": 0, "type": "function", "function": function });
    let calls: Vec<Value> = ids.iter().map(one).collect();
    completion(&json!({ "role": "assistant", "content": "", "tool_calls": calls }))
}
