//! What several tools' parameters have in common: defaults of the contract, ids, the environments by name.

use crate::refusal::Refusal;
use pyro_core::environment::CATALOG;
use pyro_core::id::Id;
use pyro_core::vm::shape::limits;
use pyro_core::workspace::files::WorkspacePath;
use pyro_core::{ErrorKind, Pyro};
use schemars::{Schema, SchemaGenerator, json_schema};

/// The names that there are.
pub(super) fn environment(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = CATALOG.iter().map(|environment| environment.name).collect();
    json_schema!({ "type": "string", "enum": names })
}

/// The shells; without one it is the login shell of the user, which is bash for root in every environment.
pub(super) fn shell(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["bash", "sh"] })
}

/// Labels, as core takes them.
pub(super) fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" },
        "additionalProperties": { "type": "string", "minLength": 1, "maxLength": 120 },
    })
}

pub(super) fn vcpu_count() -> u32 {
    limits::DEFAULT_VCPU_COUNT
}

pub(super) fn mem_mib() -> u32 {
    limits::DEFAULT_MEM_MIB
}

pub(super) fn ttl_seconds() -> u32 {
    limits::DEFAULT_TTL_SECONDS
}

pub(super) fn timeout_seconds() -> u32 {
    limits::DEFAULT_TIMEOUT_SECONDS
}

pub(super) fn page_length() -> u32 {
    limits::DEFAULT_PAGE_LENGTH
}

pub(super) fn log_limit() -> u32 {
    20
}

pub(super) fn list_limit() -> u32 {
    200
}

pub(super) fn file_length() -> u32 {
    65_536
}

pub(super) fn root() -> String {
    pyro_core::workspace::ROOT.to_owned()
}

/// A path at or below `/workspace`, parsed at the door.
pub(super) fn place(text: &str) -> Result<WorkspacePath, Refusal> {
    Ok(Pyro::workspace_path(text.as_bytes())?)
}

/// A workspace's id, parsed at the door.
pub(super) fn workspace_id(text: &str) -> Result<Id, Refusal> {
    Id::parse(text).map_err(|error| {
        Refusal::new(ErrorKind::InvalidInput, format!("workspace_{error}"))
            .hint("take a workspace_id that workspace_create or workspace_list gave")
    })
}

/// A task's id, parsed at the door.
pub(super) fn task_id(text: &str) -> Result<Id, Refusal> {
    Id::parse(text).map_err(|error| {
        Refusal::new(ErrorKind::InvalidInput, format!("task_{error}")).hint("take the task_id that task_create gave")
    })
}

/// A vm's id, parsed at the door.
pub(super) fn vm_id(text: &str) -> Result<Id, Refusal> {
    Id::parse(text).map_err(|error| {
        Refusal::new(ErrorKind::InvalidInput, format!("vm_{error}")).hint("take the vm_id that vm_create gave")
    })
}
