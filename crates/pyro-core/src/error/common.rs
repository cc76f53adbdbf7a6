//! Hints that several modules share.

use super::call::Call;
use super::hint::Hint;
use super::operation::OperationId;
use super::parameter::Parameter;

/// What to do about a full disk of the host.
pub(super) fn room() -> Vec<Hint> {
    vec![
        Hint::call("free some space", Call::to(OperationId::EnvironmentPrune)),
        Hint::call("delete what you need no more", Call::to(OperationId::WorkspaceList)).or(),
    ]
}

/// What to do about a guest that does not boot.
pub(super) fn other_engine() -> Vec<Hint> {
    vec![
        doctor("see what this host has"),
        Hint::say("try PYRO_ACCEL=tcg or kvm, or name another QEMU with PYRO_QEMU"),
    ]
}

/// Examine the host.
pub(super) fn doctor(why: &'static str) -> Hint {
    Hint::call(why, Call::to(OperationId::Doctor))
}

/// To try again, and to examine the host.
pub(super) fn again(what: &'static str) -> Vec<Hint> {
    vec![Hint::say(what), doctor("where that does not help")]
}

/// Run what needs no guest on the host.
pub(super) fn on_host() -> Hint {
    Hint::parameter("run without a guest with", Parameter::AllowHostCompat, "")
}

/// Examine the host before there is room for the machine's files.
pub(super) fn see_room() -> Vec<Hint> {
    vec![Hint::host("see that there is room", "df -h"), doctor("")]
}
