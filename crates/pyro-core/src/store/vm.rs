//! Records of vms: written before a process starts, removed after everything of the vm is gone.

use super::{Store, StoreError};
use crate::host::process::{self, ProcessId};
use crate::id::Id;
use rusqlite::{OptionalExtension, Row, params};

/// What a vm is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmKind {
    /// One command; it ends with the process that asked for it.
    OneShot,
}

/// Where a vm is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmState {
    /// Recorded; its supervisor is being started or boots the machine.
    Starting,
    /// The guest answers.
    Started,
}

/// One vm, as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct VmRecord {
    /// Its id.
    pub id: Id,
    /// What it is kept for.
    pub kind: VmKind,
    /// Name of the environment it boots.
    pub environment: String,
    /// Version of that environment as installed.
    pub environment_version: Option<String>,
    /// Virtual CPUs.
    pub vcpu_count: u8,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// Lifetime from creation, in seconds.
    pub ttl_seconds: u32,
    /// Seconds since 1970.
    pub created_at: f64,
    /// Seconds since 1970; from then on its supervisor ends it.
    pub expires_at: f64,
    /// Where it is in its life.
    pub state: VmState,
    /// `pending`, `guest_kvm`, `guest_tcg` or `host_compat`.
    pub execution_mode: String,
    /// The host's boot in which the processes below ran.
    pub boot_id: String,
    /// The process that asked for it.
    pub owner: ProcessId,
    /// The process that owns the machine.
    pub supervisor: Option<ProcessId>,
    /// The machine's process.
    pub engine: Option<ProcessId>,
}

impl VmRecord {
    /// Whether some process still stands for this vm; when not, what is left of it must be cleared away.
    #[must_use]
    pub fn is_attended(&self) -> bool {
        self.boot_id == process::boot_id()
            && match self.supervisor {
                Some(supervisor) => supervisor.is_alive(),
                None => self.owner.is_alive(),
            }
    }
}

impl Store {
    /// Record the intent to start a vm.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn insert_vm(&self, vm: &VmRecord) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO vm (id, kind, environment, environment_version, vcpu_count, mem_mib, ttl_seconds, created_at,
                             expires_at, state, execution_mode, boot_id, owner, supervisor, engine)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            params![
                vm.id.to_string(),
                kind_name(vm.kind),
                vm.environment,
                vm.environment_version,
                vm.vcpu_count,
                vm.mem_mib,
                vm.ttl_seconds,
                vm.created_at,
                vm.expires_at,
                state_name(vm.state),
                vm.execution_mode,
                vm.boot_id,
                process_text(vm.owner),
                vm.supervisor.map(process_text),
                vm.engine.map(process_text),
            ],
        )?;
        Ok(())
    }

    /// The supervisor takes a vm over; false when its record is gone, because whoever asked for it died and it was
    /// cleared away: then nothing may be started.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn adopt_vm(&self, id: Id, supervisor: ProcessId) -> Result<bool, StoreError> {
        let changed = self.connection.execute(
            "UPDATE vm SET supervisor = ?2 WHERE id = ?1 AND supervisor IS NULL",
            (id.to_string(), process_text(supervisor)),
        )?;
        Ok(changed == 1)
    }

    /// Record the machine's process.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn set_vm_engine(&self, id: Id, engine: ProcessId) -> Result<(), StoreError> {
        self.connection.execute("UPDATE vm SET engine = ?2 WHERE id = ?1", (id.to_string(), process_text(engine)))?;
        Ok(())
    }

    /// Record that the guest answers, and in which mode it runs.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn set_vm_started(&self, id: Id, execution_mode: &str) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE vm SET state = ?2, execution_mode = ?3 WHERE id = ?1",
            (id.to_string(), state_name(VmState::Started), execution_mode),
        )?;
        Ok(())
    }

    /// Forget a vm.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn delete_vm(&self, id: Id) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM vm WHERE id = ?1", [id.to_string()])?;
        Ok(())
    }

    /// One vm.
    ///
    /// # Errors
    /// [`StoreError::Sql`], also for a record that cannot be understood.
    pub fn vm(&self, id: Id) -> Result<Option<VmRecord>, StoreError> {
        Ok(self.connection.query_row("SELECT * FROM vm WHERE id = ?1", [id.to_string()], vm_of_row).optional()?)
    }

    /// Every vm, oldest first; a record that cannot be understood is given as its error, beside the good ones.
    ///
    /// # Errors
    /// [`StoreError::Sql`] when the records cannot be read at all.
    pub fn vms(&self) -> Result<Vec<Result<VmRecord, BrokenRecord>>, StoreError> {
        let mut query = self.connection.prepare_cached("SELECT * FROM vm ORDER BY created_at, id")?;
        let rows = query.query_map((), |row| {
            Ok(vm_of_row(row).map_err(|error| BrokenRecord { id: row.get("id").unwrap_or_default(), error }))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Remove a record that cannot be understood.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn delete_broken_vm(&self, id: &str) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM vm WHERE id = ?1", [id])?;
        Ok(())
    }
}

/// A record that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("the record {id:?} is broken")]
pub struct BrokenRecord {
    /// Its key, whatever that holds.
    pub id: String,
    /// Why.
    #[source]
    pub error: rusqlite::Error,
}

fn vm_of_row(row: &Row<'_>) -> rusqlite::Result<VmRecord> {
    Ok(VmRecord {
        id: parsed(row, "id", Id::parse)?,
        kind: parsed(row, "kind", parse_kind)?,
        environment: row.get("environment")?,
        environment_version: row.get("environment_version")?,
        vcpu_count: row.get("vcpu_count")?,
        mem_mib: row.get("mem_mib")?,
        ttl_seconds: row.get("ttl_seconds")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        state: parsed(row, "state", parse_state)?,
        execution_mode: row.get("execution_mode")?,
        boot_id: row.get("boot_id")?,
        owner: parsed(row, "owner", parse_process)?,
        supervisor: parsed_option(row, "supervisor", parse_process)?,
        engine: parsed_option(row, "engine", parse_process)?,
    })
}

fn parsed<T, E>(row: &Row<'_>, column: &str, parse: impl Fn(&str) -> Result<T, E>) -> rusqlite::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    parse(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}

fn parsed_option<T, E>(row: &Row<'_>, column: &str, parse: impl Fn(&str) -> Result<T, E>) -> rusqlite::Result<Option<T>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    if row.get_ref(column)? == rusqlite::types::ValueRef::Null {
        Ok(None)
    } else {
        parsed(row, column, parse).map(Some)
    }
}

/// Text that is not what its column holds.
#[derive(Debug, thiserror::Error)]
#[error("unexpected value")]
struct Unexpected;

fn kind_name(kind: VmKind) -> &'static str {
    match kind {
        VmKind::OneShot => "one_shot",
    }
}

fn parse_kind(text: &str) -> Result<VmKind, Unexpected> {
    match text {
        "one_shot" => Ok(VmKind::OneShot),
        _ => Err(Unexpected),
    }
}

fn state_name(state: VmState) -> &'static str {
    match state {
        VmState::Starting => "starting",
        VmState::Started => "started",
    }
}

fn parse_state(text: &str) -> Result<VmState, Unexpected> {
    match text {
        "starting" => Ok(VmState::Starting),
        "started" => Ok(VmState::Started),
        _ => Err(Unexpected),
    }
}

/// A process as `PID:START_TICKS`.
fn process_text(process: ProcessId) -> String {
    format!("{}:{}", process.pid, process.start_ticks)
}

fn parse_process(text: &str) -> Result<ProcessId, Unexpected> {
    let (pid, start_ticks) = text.split_once(':').ok_or(Unexpected)?;
    Ok(ProcessId {
        pid: pid.parse().map_err(|_| Unexpected)?,
        start_ticks: start_ticks.parse().map_err(|_| Unexpected)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str) -> VmRecord {
        VmRecord {
            id: Id::parse(id).unwrap(),
            kind: VmKind::OneShot,
            environment: "debian:12".into(),
            environment_version: Some("1.0.0".into()),
            vcpu_count: 1,
            mem_mib: 1024,
            ttl_seconds: 600,
            created_at: 1.5,
            expires_at: 601.5,
            state: VmState::Starting,
            execution_mode: "pending".into(),
            boot_id: process::boot_id(),
            owner: ProcessId::current(),
            supervisor: None,
            engine: None,
        }
    }

    #[test]
    fn a_record_is_adopted_once_and_never_after_it_was_cleared() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let vm = record("0123456789ab");
        store.insert_vm(&vm).unwrap();
        assert_eq!(store.vm(vm.id).unwrap().unwrap(), vm);
        assert!(vm.is_attended());
        let supervisor = ProcessId { pid: 1, start_ticks: u64::MAX };
        assert!(store.adopt_vm(vm.id, supervisor).unwrap());
        assert!(!store.adopt_vm(vm.id, supervisor).unwrap());
        assert!(!store.vm(vm.id).unwrap().unwrap().is_attended());
        store.delete_vm(vm.id).unwrap();
        assert!(!store.adopt_vm(vm.id, supervisor).unwrap());
    }

    #[test]
    fn a_broken_record_stands_beside_the_good_ones() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        for id in ["0123456789ab", "0123456789ac"] {
            store.insert_vm(&record(id)).unwrap();
        }
        store.connection.execute("UPDATE vm SET id = '../../x' WHERE id = '0123456789ab'", ()).unwrap();
        let vms = store.vms().unwrap();
        assert_eq!(vms.iter().filter(|vm| vm.is_ok()).count(), 1);
        let broken = vms.into_iter().find_map(Result::err).unwrap();
        assert_eq!(broken.id, "../../x");
        store.delete_broken_vm(&broken.id).unwrap();
        assert_eq!(store.vms().unwrap().len(), 1);
    }
}
