//! What several tools' parameters have in common: defaults of the contract, ids, the environments
//! by name.

use crate::bounds;
use crate::refusal::Refusal;
use pyro_core::{
    DiffPoint, DiskPath, Environment, ErrorKind, Id, InlineOutput, Pyro, SHELLS, ShellSignal,
    Snapshot, WorkspacePath, catalog, limits,
};
use schemars::{Schema, SchemaGenerator, json_schema};

/// The names that there are, and what each holds.
pub(super) fn environment(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<String> = catalog().into_iter().map(|environment| environment.name).collect();
    json_schema!({ "type": "string", "enum": names, "description": environments() })
}

/// What the environments hold, for whoever chooses one.
fn environments() -> String {
    let catalog = catalog();
    let has = |environment: &Environment, package: &str| {
        packages(environment).any(|held| held == package)
    };
    let is_common = |package: &&str| catalog.iter().all(|environment| has(environment, package));
    // Nobody calls for these.
    let is_dull = |package: &&str| *package == "ca-certificates" || package.ends_with("-dev");
    let holds = |environment: &Environment| {
        let is_own = |package: &&str| !is_common(package) && !is_dull(package);
        let own: Vec<&str> = packages(environment).filter(is_own).collect();
        let own = if own.is_empty() { "no more".to_owned() } else { own.join(", ") };
        format!("{}: {own}.", environment.name)
    };
    let common: Vec<&str> = catalog.iter().take(1).flat_map(packages).filter(is_common).collect();
    let each: Vec<String> = catalog.iter().map(holds).collect();
    format!(
        "All have {}. {} No network: nothing can be installed. First use takes minutes",
        common.join(", "),
        each.join(" ")
    )
}

fn packages(environment: &Environment) -> impl Iterator<Item = &str> {
    environment.packages().iter().map(String::as_str)
}

/// The shells; `login`, the user's own, is what a call gets that names none.
pub(super) fn shell(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": SHELLS })
}

/// Labels, as core takes them.
pub(super) fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" },
        "additionalProperties": { "type": "string", "minLength": 1, "maxLength": 120 },
    })
}

/// Secrets: what is given there must not be shown.
pub(super) fn secrets(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "writeOnly": true, "items": { "type": "object" } })
}

/// The policies of a workspace's network that can be had.
pub(super) fn network_policies(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": [network_policy()] })
}

pub(super) fn network_policy() -> String {
    "off".to_owned()
}

/// The name of a snapshot, as core takes it.
pub(super) fn snapshot_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" })
}

pub(super) fn baseline() -> String {
    Snapshot::default().name().to_owned()
}

pub(super) fn now() -> String {
    DiffPoint::Now.name().to_owned()
}

pub(super) fn ready_timeout_seconds() -> u32 {
    limits::DEFAULT_READY_TIMEOUT_SECONDS
}

pub(super) fn ready_interval_ms() -> u32 {
    limits::DEFAULT_READY_INTERVAL_MS
}

pub(super) fn tail_lines() -> u32 {
    limits::DEFAULT_TAIL_LINES
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

/// Bytes of a result.
pub(super) fn output(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": bounds::LEAST, "maximum": bounds::MOST })
}

pub(super) fn output_bytes() -> u32 {
    u32::try_from(bounds::DEFAULT).unwrap_or(u32::MAX)
}

/// Most bytes of a command's result: a history keeps no more of it.
const COMMAND_MOST: usize = 128 * 1024;

/// Bytes of a command's result.
pub(super) fn command_output(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": bounds::LEAST, "maximum": COMMAND_MOST })
}

/// What a result may hold of a command's output, beside its other fields.
pub(super) fn inline(max_output_bytes: u32) -> InlineOutput {
    let bytes = usize::try_from(max_output_bytes).unwrap_or(COMMAND_MOST).min(COMMAND_MOST);
    InlineOutput::Json(bytes - bounds::FIELDS)
}

pub(super) fn cols() -> u16 {
    limits::DEFAULT_COLS
}

pub(super) fn rows() -> u16 {
    limits::DEFAULT_ROWS
}

pub(super) fn max_chars() -> u32 {
    limits::DEFAULT_MAX_CHARS
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn signal() -> String {
    ShellSignal::DEFAULT_NAME.to_owned()
}

/// The signals of a shell.
pub(super) fn signals(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ShellSignal::NAMES })
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
    pyro_core::WORKSPACE_ROOT.to_owned()
}

/// A path at or below `/workspace`, parsed at the door.
pub(super) fn place(text: &str) -> Result<WorkspacePath, Refusal> {
    Ok(Pyro::workspace_path(text.as_bytes())?)
}

/// A path on the disk of a workspace, parsed at the door.
pub(super) fn disk_place(text: &str) -> Result<DiskPath, Refusal> {
    Ok(Pyro::disk_path(text.as_bytes())?)
}

/// A snapshot whose disk is read, parsed at the door; none for the present disk.
pub(super) fn snapshot(text: Option<&str>) -> Result<Option<Snapshot>, Refusal> {
    Ok(text.map(Pyro::snapshot).transpose()?)
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
        Refusal::new(ErrorKind::InvalidInput, format!("task_{error}"))
            .hint("take the task_id that task_create gave")
    })
}

/// A vm's id, parsed at the door.
pub(super) fn vm_id(text: &str) -> Result<Id, Refusal> {
    Id::parse(text).map_err(|error| {
        Refusal::new(ErrorKind::InvalidInput, format!("vm_{error}"))
            .hint("take the vm_id that vm_create gave")
    })
}
