//! What a service has printed.

use super::info::ServiceLogs;
use super::status;
use crate::config::Config;
use crate::host::bounded_log::{self, Tail};
use crate::id::Id;
use crate::service_name::ServiceName;
use crate::store::Store;
use crate::vm::paths;
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::was_used;
use crate::workspace::service_error::ServiceError;

/// The last lines of a service's output, or all that is kept of it: the first 4 MiB and the last
/// 12 of each stream. It need not run, nor its workspace.
///
/// # Errors
/// [`ServiceError::NoSuchService`].
pub fn logs(
    config: &Config,
    id: Id,
    name: &ServiceName,
    tail_lines: Option<u32>,
) -> Result<ServiceLogs, WorkspaceError> {
    let service = status::status(config, id, name)?;
    let ([stdout, stderr], truncated) = texts(config, id, name, tail_lines)?;
    was_used(&Store::open(&config.data_dir)?, id);
    Ok(ServiceLogs { service, stdout, stderr, tail_lines, truncated })
}

/// The last lines of both streams as text, and whether either is cut.
pub(super) fn texts(
    config: &Config,
    id: Id,
    name: &ServiceName,
    tail_lines: Option<u32>,
) -> Result<([String; 2], bool), WorkspaceError> {
    let [stdout, stderr] = tails(config, id, name, tail_lines)?;
    Ok(([text(&stdout), text(&stderr)], stdout.is_cut() || stderr.is_cut()))
}

/// The last lines of both streams.
pub(super) fn tails(
    config: &Config,
    id: Id,
    name: &ServiceName,
    tail_lines: Option<u32>,
) -> Result<[Tail; 2], WorkspaceError> {
    let directory = paths::service_dir(config, id, name);
    let lines = tail_lines.map(u64::from);
    let read = |log: &str| bounded_log::tail(&directory.join(log), lines);
    let [stdout, stderr] = paths::SERVICE_LOGS.map(read);
    let unreadable = |source| ServiceError::Logs { name: name.clone(), source };
    Ok([stdout.map_err(unreadable)?, stderr.map_err(unreadable)?])
}

fn text(tail: &Tail) -> String {
    String::from_utf8_lossy(&joined(tail)).into_owned()
}

/// The pieces of a tail, with a mark where bytes are missing between them.
pub(super) fn joined(tail: &Tail) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut at = None;
    for piece in &tail.pieces {
        if let Some(at) = at {
            let missing = piece.begin.saturating_sub(at);
            bytes.extend(format!("\n[... {missing} bytes omitted ...]\n").into_bytes());
        }
        bytes.extend(&piece.bytes);
        at = Some(piece.end());
    }
    bytes
}
