//! The machines that a model's commands run in.

use super::super::super::interrupted::Interrupted;
use crate::progress::ProgressLine;
use pyro_core::{Caller, OutputTo, Pyro, PyroError, RunRequest, VmExec};
use std::io::Cursor;

/// Where commands are run.
pub(super) struct Machines<'a> {
    pub(super) pyro: Pyro,
    pub(super) interrupted: &'a Interrupted,
}

impl Machines<'_> {
    pub(super) async fn run(
        &self,
        request: RunRequest,
        stdin: Option<String>,
    ) -> Result<VmExec, PyroError> {
        let (mut line, environment) = (ProgressLine::new(), request.environment.clone());
        let caller = Caller::with_cancel(&self.interrupted.token)
            .told(move |progress| line.show(&environment, progress));
        let stdin = stdin.map(|text| Box::new(Cursor::new(text)) as _);
        self.pyro.run(request, stdin, OutputTo::Result, caller).await
    }
}
