//! The hints that lead to a workspace.

use crate::error::call::Call;
use crate::error::{Hint, OperationId, Parameter};

/// An operation on the workspace that failed.
pub(super) fn on(operation: OperationId) -> Call {
    Call::to_workspace(operation)
}

/// To start a workspace that is stopped.
pub(super) fn start(why: &'static str) -> Hint {
    // Whoever cannot start one calls what starts it by itself.
    let call_again = Hint::say("make the call again, which starts it");
    Hint::call(why, on(OperationId::WorkspaceStart)).otherwise(call_again)
}

/// To start a running one again.
pub(super) fn start_again() -> [Hint; 2] {
    [Hint::call("stop it", on(OperationId::WorkspaceStop)), start("start it again")]
}

/// To look at the state of a workspace.
pub(in crate::error) fn status(why: &'static str) -> Hint {
    Hint::call(why, on(OperationId::WorkspaceStatus))
}

/// To look at its files.
pub(in crate::error) fn list_files(why: &'static str) -> Hint {
    let with_a_command = on(OperationId::WorkspaceExec).with(Parameter::Command, "ls -la");
    Hint::call(why, on(OperationId::WorkspaceFileList)).otherwise(Hint::call(why, with_a_command))
}

pub(super) fn delete(why: &'static str) -> Hint {
    Hint::call(why, on(OperationId::WorkspaceDelete))
}

pub(super) fn create(why: &'static str) -> Hint {
    Hint::call(why, Call::to(OperationId::WorkspaceCreate))
}

/// What became of a workspace that could not be made.
pub(super) fn nothing_left() -> Vec<Hint> {
    vec![Hint::say("nothing of it is left"), create("create it again")]
}

/// What became of a command or a change whose vm broke off.
pub(super) fn look() -> Vec<Hint> {
    vec![Hint::say("it may have been done"), status("look")]
}

/// To take a workspace's files to a new one.
pub(super) fn export() -> [Hint; 2] {
    let export = on(OperationId::WorkspaceExport)
        .with(Parameter::Path, "/workspace")
        .with_open(Parameter::OutputPath, "DIRECTORY");
    let create = Call::to(OperationId::WorkspaceCreate)
        .with_open(Parameter::Environment, "ENVIRONMENT")
        .with_open(Parameter::SeedPath, "DIRECTORY");
    [Hint::call("export it", export), Hint::call("then create another one of it", create)]
}
