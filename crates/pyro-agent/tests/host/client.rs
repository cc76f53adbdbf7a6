//! A host's side of the channel, small and plain: greet, open streams, speak frames.

use pyro_protocol::frame::{HEADER_LEN, encode_message, header};
use pyro_protocol::hello::{Greeting, Hello, Ready, Welcome};
use pyro_protocol::limits::{DATA_CHUNK_LEN, PROTOCOL_VERSION};
use pyro_protocol::message::{Command, Exec, ExitStatus, Failure, Reply, Request, Shell};
use pyro_protocol::{Frame, FrameDecoder, FrameKind, GuestPath};
use std::future::poll_fn;
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};

/// Greetings, before the session.
pub struct Meeting {
    pub socket: UnixStream,
    bytes: Vec<u8>,
}

impl Meeting {
    pub fn new(socket: UnixStream) -> Self {
        Self { socket, bytes: Vec::new() }
    }

    /// The next greeting; what an earlier session still had to say is passed over.
    pub async fn greeting(&mut self) -> Greeting {
        loop {
            for at in 0..self.bytes.len() {
                let mut decoder = FrameDecoder::default();
                decoder.push(&self.bytes[at..]);
                if let Ok(Some(frame)) = decoder.next_frame()
                    && let Ok(greeting) = frame.message()
                {
                    self.bytes.drain(..at + HEADER_LEN + frame.payload.len());
                    return greeting;
                }
            }
            let len = self.socket.read_buf(&mut self.bytes).await.unwrap();
            assert_ne!(len, 0, "the agent has closed the channel");
        }
    }

    pub async fn ready(&mut self) -> Ready {
        match self.greeting().await {
            Greeting::Ready(ready) => ready,
            other => panic!("expected ready, met {other:?}"),
        }
    }

    pub async fn hello(&mut self, hello: &Hello) -> Welcome {
        self.socket.write_all(&encode_message(hello).unwrap()).await.unwrap();
        loop {
            match self.greeting().await {
                Greeting::Welcome(welcome) if welcome.nonce == hello.nonce => return welcome,
                Greeting::Refused(refused) => panic!("refused: {}", refused.message),
                // Of an earlier meeting.
                _ => {}
            }
        }
    }

    pub fn session(self) -> Session {
        Session::start(self.socket)
    }
}

/// A hello with this nonce.
pub fn hello(nonce: u8) -> Hello {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Hello {
        protocol: PROTOCOL_VERSION,
        nonce: vec![nonce; 16],
        entropy: (0..64).map(|byte: u8| byte ^ nonce).collect(),
        wall_clock_ns: u64::try_from(now.as_nanos()).unwrap(),
        hostname: format!("pyro-{nonce:02x}"),
        machine_id: format!("{nonce:032x}"),
        boot_id: format!("00000000-0000-4000-8000-0000000000{nonce:02x}"),
    }
}

type Opened = oneshot::Sender<yamux::Stream>;

/// The multiplexed session.
pub struct Session {
    open: mpsc::Sender<Opened>,
    pub driver: JoinHandle<()>,
}

impl Session {
    pub fn start(socket: UnixStream) -> Self {
        let (open, mut wanted) = mpsc::channel::<Opened>(16);
        let mut config = yamux::Config::default();
        config.set_split_send_size(DATA_CHUNK_LEN);
        let mut connection = yamux::Connection::new(socket.compat(), config, yamux::Mode::Client);
        let driver = tokio::spawn(poll_fn(move |cx| {
            loop {
                if let Poll::Ready(Some(answer)) = wanted.poll_recv(cx) {
                    if let Poll::Ready(Ok(stream)) = connection.poll_new_outbound(cx) {
                        let _ = answer.send(stream);
                    }
                    continue;
                }
                return match connection.poll_next_inbound(cx) {
                    Poll::Ready(_) => Poll::Ready(()),
                    Poll::Pending => Poll::Pending,
                };
            }
        }));
        Self { open, driver }
    }

    pub async fn stream(&self) -> Operation {
        let (answer, opened) = oneshot::channel();
        self.open.send(answer).await.unwrap();
        let (from, to) = tokio::io::split(opened.await.unwrap().compat());
        Operation { to: Input(to), from: Output { from, decoder: FrameDecoder::default() } }
    }

    pub async fn ask(&self, request: Request) -> Operation {
        let mut operation = self.stream().await;
        operation.to.raw(&encode_message(&request).unwrap()).await;
        operation
    }

    /// A request that is answered by one reply.
    pub async fn reply(&self, request: Request) -> Reply {
        self.ask(request).await.finish().await.reply
    }

    /// Run to the end.
    pub async fn run(&self, request: Exec) -> Outcome {
        self.ask(Request::Exec(request)).await.finish().await
    }
}

/// One stream.
pub struct Operation {
    pub to: Input,
    pub from: Output,
}

/// The receiving side of a stream.
pub struct Output {
    from: ReadHalf<Compat<yamux::Stream>>,
    decoder: FrameDecoder,
}

/// The sending side of a stream.
pub struct Input(WriteHalf<Compat<yamux::Stream>>);

impl Input {
    pub async fn raw(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    pub async fn input(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(DATA_CHUNK_LEN) {
            self.raw(&[header(FrameKind::Input, chunk.len()).as_slice(), chunk].concat()).await;
        }
    }

    pub async fn input_end(&mut self) {
        self.raw(&header(FrameKind::InputEnd, 0)).await;
    }
}

/// What came of an operation.
#[derive(Debug)]
pub struct Outcome {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub reply: Reply,
    pub started: Option<u32>,
}

impl Operation {
    /// Both sides, to be used at once.
    pub fn split(self) -> (Input, Output) {
        (self.to, self.from)
    }

    pub async fn started(&mut self) -> u32 {
        match self.from.next().await.expect("a reply").message().unwrap() {
            Reply::Started(started) => started.pid,
            other => panic!("expected started, met {other:?}"),
        }
    }

    /// Everything that follows; both sides stay open until the end.
    pub async fn finish(mut self) -> Outcome {
        self.from.finish().await
    }

    /// Read a line of stdout, and no further frame.
    pub async fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let frame = self.from.next().await.expect("a line");
            if frame.kind == FrameKind::Stdout {
                line.extend(frame.payload);
            }
        }
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }
}

impl Output {
    /// The next frame, `None` when the agent has closed the stream.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut chunk = vec![0; 256 * 1024];
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some(frame);
            }
            match self.from.read(&mut chunk).await {
                Ok(0) | Err(_) => return None,
                Ok(len) => self.decoder.push(&chunk[..len]),
            }
        }
    }

    pub async fn finish(&mut self) -> Outcome {
        let mut outcome =
            Outcome { stdout: vec![], stderr: vec![], reply: Reply::Done, started: None };
        loop {
            let frame = self.next().await.expect("the stream ended without a last reply");
            match frame.kind {
                FrameKind::Stdout => outcome.stdout.extend(frame.payload),
                FrameKind::Stderr => outcome.stderr.extend(frame.payload),
                _ => match frame.message().unwrap() {
                    Reply::Started(started) => outcome.started = Some(started.pid),
                    reply => {
                        outcome.reply = reply;
                        assert_eq!(self.next().await, None, "nothing follows the last reply");
                        return outcome;
                    }
                },
            }
        }
    }
}

impl Outcome {
    pub fn status(&self) -> ExitStatus {
        match &self.reply {
            Reply::Exited(exited) => exited.status,
            other => panic!("expected exited, met {other:?}"),
        }
    }

    pub fn failure(&self) -> &Failure {
        match &self.reply {
            Reply::Failed(failure) => failure,
            other => panic!("expected failed, met {other:?}"),
        }
    }
}

/// An exec of a shell line.
pub fn shell(id: u64, line: &str) -> Exec {
    exec(id, Command::Shell(line.to_owned()))
}

/// An exec of a program.
pub fn program(id: u64, arguments: &[&str]) -> Exec {
    exec(id, Command::Program(arguments.iter().map(|argument| (*argument).to_owned()).collect()))
}

fn exec(id: u64, command: Command) -> Exec {
    Exec {
        id,
        command,
        cwd: GuestPath::root(),
        env: vec![],
        stdin: false,
        sync: false,
        user: None,
        shell: Shell::Login,
        sequence: 0,
        terminal: None,
        until_tree_ends: false,
    }
}
