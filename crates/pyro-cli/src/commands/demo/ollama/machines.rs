//! The machines that a model's commands run in.

use super::super::super::interrupted::Interrupted;
use crate::progress::ProgressLine;
use pyro_core::{Caller, OutputTo, Pyro, PyroError, RunRequest, VmExec};

/// Where commands are run.
pub(super) struct Machines<'a> {
    pub(super) pyro: Pyro,
    pub(super) interrupted: &'a Interrupted,
}

impl Machines<'_> {
    pub(super) async fn run(
        &self,
        request: &RunRequest,
        stdin: Option<&str>,
    ) -> Result<VmExec, PyroError> {
        let mut stdin = stdin.map(str::as_bytes);
        let stdin = stdin.as_mut().map(|stdin| stdin as _);
        let mut line = ProgressLine::new();
        let caller = Caller::with_cancel(&self.interrupted.token)
            .told(|progress| line.show(&request.environment, progress));
        self.pyro.run(request, stdin, OutputTo::Result, caller).await
    }
}
