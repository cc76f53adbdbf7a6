//! `pyro supervise`: own one virtual machine, for the process that started this one.

use super::runtime::{block_on, pyro};
use crate::exit;
use pyro_core::inherited_control;
use std::os::unix::net::UnixStream;

pub(super) fn run() -> i32 {
    let control = match inherited_control() {
        Ok(control) => control,
        Err(error) => {
            crate::printer::talk(&format!(
                "error: pyro supervise is started by pyro itself ({error})"
            ));
            return exit::USAGE;
        }
    };
    match block_on(supervise(control)) {
        Ok(()) => exit::OK,
        Err(message) => {
            tracing::error!("{message}");
            exit::FAILED
        }
    }
}

async fn supervise(control: UnixStream) -> Result<(), String> {
    control.set_nonblocking(true).map_err(|error| error.to_string())?;
    let control = tokio::net::UnixStream::from_std(control).map_err(|error| error.to_string())?;
    pyro()
        .map_err(|error| error.to_string())?
        .supervise(control)
        .await
        .map_err(|error| error.to_string())
}
