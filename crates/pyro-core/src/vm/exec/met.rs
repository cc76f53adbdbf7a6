//! `Met`: the socket of a vm at which a test says what an agent says.

use super::{ExecIo, ExecOutcome, ExecRequest, exec};
use crate::config::Config;
use crate::guest::client::FrameReader;
use crate::host::{fs, socket};
use crate::id::Id;
use crate::vm::control::client::SupervisorClient;
use crate::vm::control::protocol::ControlRequest;
use crate::vm::error::VmError;
use crate::vm::paths;
use pyro_protocol::message::{Failure, FailureKind, Reply, Request};
use std::ffi::OsString;
use tokio::net::{UnixListener, UnixStream};

/// The place of a supervisor, at which a test says what an agent says.
pub(super) struct Met {
    _home: tempfile::TempDir,
    pub(super) config: Config,
    pub(super) id: Id,
    listener: UnixListener,
}

impl Met {
    pub(super) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let read = |name: &str| (name == "HOME").then(|| OsString::from(home.path()));
        let config = Config::from_variables("/nonexistent", read).unwrap();
        let id = Id::random().unwrap();
        fs::private_dir(&config.runtime_dir).unwrap();
        let listener = socket::listen(&config.runtime_dir, &paths::socket_name(id)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = UnixListener::from_std(listener).unwrap();
        Self { _home: home, config, id, listener }
    }

    /// The next request, and the stream that it came on.
    pub(super) async fn accept(&self) -> (UnixStream, Request) {
        let (stream, _, request) = self.accept_more().await;
        (stream, request)
    }

    /// The same with the bytes that came behind the request.
    pub(super) async fn accept_more(&self) -> (UnixStream, Vec<u8>, Request) {
        let mut frames = FrameReader::new(self.listener.accept().await.unwrap().0);
        assert!(matches!(frames.message().await.unwrap(), ControlRequest::Guest));
        let request: Request = frames.message().await.unwrap();
        let (stream, rest) = frames.into_inner();
        (stream, rest, request)
    }

    /// Run a command here.
    pub(super) async fn exec(&self, request: ExecRequest) -> Result<ExecOutcome, VmError> {
        let (mut stdout, mut stderr) = (tokio::io::sink(), tokio::io::sink());
        let io = ExecIo { stdin: None, stdout: &mut stdout, stderr: &mut stderr, sizes: None };
        exec(SupervisorClient::new(&self.config, self.id), request, io).await
    }
}

pub(super) fn failed(kind: FailureKind) -> Reply {
    Reply::Failed(Failure { kind, message: "so it is".to_owned() })
}
