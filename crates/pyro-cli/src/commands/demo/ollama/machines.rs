//! The machines that a model's commands run in.

use super::super::super::interrupted::Interrupted;
use crate::progress::ProgressLine;
use pyro_core::vm::{CapturedRun, RunRequest};
use pyro_core::{Pyro, PyroError};
use tokio::io::AsyncRead;

/// Where commands are run.
pub(super) struct Machines<'a> {
    pub(super) pyro: Pyro,
    pub(super) interrupted: &'a Interrupted,
}

impl Machines<'_> {
    pub(super) async fn run(&self, request: &RunRequest, stdin: Option<&str>) -> Result<CapturedRun, PyroError> {
        let mut stdin = stdin.map(str::as_bytes);
        let stdin = stdin.as_mut().map(|stdin| stdin as &mut (dyn AsyncRead + Unpin + Send));
        let mut line = ProgressLine::new();
        let mut progress = |progress| line.show(&request.environment, progress);
        let (mut nobody, cancel) = (|_, _: &[u8]| {}, &self.interrupted.token);
        self.pyro.run_captured(request, stdin, &mut nobody, &mut progress, cancel).await
    }
}
