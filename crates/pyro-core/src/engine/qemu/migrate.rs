//! A machine's state on its way out of QEMU and into another one.
//!
//! Only the devices travel: the memory is a file that both sides have.

use super::argv::fd;
use crate::engine::qmp::monitor::{MigrationEnd, Monitor, MonitorError};
use serde_json::json;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::time::Instant;

/// How long QEMU may take to be done with a migration that has ended; it takes less than a
/// millisecond.
const GO_ON_LIMIT: Duration = Duration::from_secs(10);

/// Name that QEMU knows the pipe by to which it saves.
const PIPE: &str = "state";

/// Stop the machine and write the state of its devices to `pipe`; it stays stopped.
///
/// # Errors
/// Each variant of [`MonitorError`].
pub async fn save(monitor: &Monitor, pipe: OwnedFd) -> Result<MigrationEnd, MonitorError> {
    monitor.execute_with_fd("getfd", json!({ "fdname": PIPE }), pipe).await?;
    devices_only(monitor).await?;
    let migrations = monitor.migrations();
    monitor.execute("migrate", json!({ "uri": format!("fd:{PIPE}") })).await?;
    migrations.end().await
}

/// Take the devices' state from the pipe that a machine has inherited; the guest then runs.
///
/// # Errors
/// [`MonitorError`]; a state that does not fit ends QEMU.
pub async fn load(monitor: &Monitor) -> Result<(), MonitorError> {
    let command = "migrate-incoming";
    devices_only(monitor).await?;
    let migrations = monitor.migrations();
    monitor.execute(command, json!({ "uri": format!("fd:{}", fd::STATE) })).await?;
    match migrations.end().await? {
        MigrationEnd::Completed => Ok(()),
        end => Err(MonitorError::Refused { command, description: end.to_string() }),
    }
}

/// Let the machine run. QEMU tells how a migration ended a moment before it is done with it, and
/// refuses until then without telling when: it is asked again, and each question lets it get on.
///
/// # Errors
/// Each variant of [`MonitorError`].
pub async fn go_on(monitor: &Monitor) -> Result<(), MonitorError> {
    let deadline = Instant::now() + GO_ON_LIMIT;
    loop {
        match monitor.execute("cont", json!({})).await {
            Err(MonitorError::Refused { .. }) if Instant::now() < deadline => {}
            answer => return answer.map(drop),
        }
    }
}

async fn devices_only(monitor: &Monitor) -> Result<(), MonitorError> {
    let capability = |name: &str| json!({ "capability": name, "state": true });
    let capabilities =
        json!({ "capabilities": [capability("x-ignore-shared"), capability("events")] });
    monitor.execute("migrate-set-capabilities", capabilities).await.map(drop)
}
