//! Records of vms: written before a process starts, changed whole, removed after everything of the vm is gone.

use super::broken::told_apart;
use super::claim::{self, Claimable};
use super::{Store, StoreError};
use crate::backing::Backing;
use crate::execution_mode::ExecutionMode;
use crate::host::process::{self, ProcessId};
use crate::id::Id;
use crate::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

/// What a vm is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VmKind {
    /// One command; it ends with the process that asked for it.
    OneShot,
    /// It waits, started, for the one command of the process that keeps it, and ends with that process.
    Standby,
    /// It stays until it is deleted, was used by a command, or its lifetime is over.
    Vm,
    /// The machine of a workspace: when its lifetime is over it is stopped, and keeps its disk.
    Workspace,
}

impl VmKind {
    /// Whether it outlives the process that started it.
    #[must_use]
    pub fn stays(self) -> bool {
        !matches!(self, Self::OneShot | Self::Standby)
    }
}

/// Where a vm is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VmState {
    /// Recorded; it never ran.
    Created,
    /// Its supervisor is being started or boots the machine.
    Starting,
    /// The guest answers.
    Started,
    /// The guest writes its disk back and ends, or what a dead supervisor left is put away.
    Stopping,
    /// Nothing of it runs; its disk is kept.
    Stopped,
    /// Everything of it is being removed.
    Deleting,
}

impl VmState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Created, Self::Starting, Self::Started, Self::Stopping, Self::Stopped, Self::Deleting];

    /// The name that records and results use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Starting => "starting",
            Self::Started => "started",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Deleting => "deleting",
        }
    }
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
    /// What its disk stands on.
    pub backing: Backing,
    /// Virtual CPUs.
    pub vcpu_count: u8,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// Lifetime from creation, in seconds.
    pub ttl_seconds: u32,
    /// Whether it may run on the host where no guest can.
    pub allow_host_compat: bool,
    /// Seconds since 1970.
    pub created_at: Timestamp,
    /// Seconds since 1970; from then on it is ended. None: never.
    pub expires_at: Option<Timestamp>,
    /// Where it is in its life.
    pub state: VmState,
    /// `pending`, `guest_kvm`, `guest_tcg` or `host_compat`.
    pub execution_mode: ExecutionMode,
    /// Why it stopped by itself, or did not start; safe to print.
    pub last_error: Option<String>,
    /// The host's boot in which the processes below ran.
    pub boot_id: String,
    /// The process that changes its state, or last did.
    pub owner: ProcessId,
    /// The process that owns the machine.
    pub supervisor: Option<ProcessId>,
    /// The machine's process.
    pub engine: Option<ProcessId>,
    /// Counts the changes: a change is made to the revision that was read, or not at all.
    pub revision: i64,
}

impl VmRecord {
    /// Whether some process still stands for this vm while it changes or runs.
    #[must_use]
    pub fn is_attended(&self) -> bool {
        claim::is_attended(Some(self.supervisor.unwrap_or(self.owner)), &self.boot_id)
    }

    /// Whether its processes are of this boot of the host.
    #[must_use]
    pub fn is_of_this_boot(&self) -> bool {
        self.boot_id == process::boot_id()
    }

    /// Whether its lifetime is over at `now`, in seconds since 1970.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// This record, claimed by this process for the way to `state`. Processes of an earlier boot are forgotten.
    #[must_use]
    pub fn claimed(&self, state: VmState) -> Self {
        let mut claimed = Self { state, owner: ProcessId::current(), boot_id: process::boot_id(), ..self.clone() };
        if !self.is_of_this_boot() {
            (claimed.supervisor, claimed.engine) = (None, None);
        }
        claimed
    }
}

impl Claimable for VmRecord {
    const NOUN: &'static str = "vm";

    fn id(&self) -> Id {
        self.id
    }

    fn find(store: &Store, id: Id) -> Result<Option<Self>, StoreError> {
        store.vm(id)
    }

    fn write(self, store: &Store) -> Result<Option<Self>, StoreError> {
        Ok(match store.change_vm(&self, None)? {
            Change::Made(revision) => Some(Self { revision, ..self }),
            Change::Lost | Change::Full => None,
        })
    }

    fn has_claim_of(&self, judged: &Self) -> bool {
        (self.state, self.owner) == (judged.state, judged.owner)
    }

    fn given_up(self) -> Self {
        Self { owner: ProcessId::NOBODY, ..self }
    }
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was made; the record's new revision.
    Made(i64),
    /// Somebody else changed the record before, or removed it.
    Lost,
    /// As many vms as are allowed are active.
    Full,
}

/// States in which a vm takes memory of the host.
const ACTIVE: &str = "('starting', 'started', 'stopping')";

impl Store {
    /// Record a new vm; [`Change::Full`] where it is active and `max_active` are.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn insert_vm(&self, vm: &VmRecord, max_active: Option<u32>) -> Result<Change, StoreError> {
        let mut connection = self.connection();
        // A record that is lost in a power cut takes the disk along that it stands for.
        connection.pragma_update(None, "synchronous", if vm.kind.stays() { "full" } else { "normal" })?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if is_full(&transaction, vm.state, max_active)? {
            return Ok(Change::Full);
        }
        transaction.execute(
            "INSERT INTO vm (id, kind, environment, environment_version, image_digest, vcpu_count, mem_mib, ttl_seconds,
                             allow_host_compat, created_at, expires_at, state, execution_mode, last_error, boot_id,
                             owner, supervisor, engine, revision)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
            params![
                vm.id.to_string(),
                kind_name(vm.kind),
                vm.environment,
                vm.environment_version,
                vm.backing,
                vm.vcpu_count,
                vm.mem_mib,
                vm.ttl_seconds,
                vm.allow_host_compat,
                vm.created_at,
                vm.expires_at,
                vm.state.name(),
                vm.execution_mode,
                vm.last_error,
                vm.boot_id,
                process_text(vm.owner),
                vm.supervisor.map(process_text),
                vm.engine.map(process_text),
                vm.revision,
            ],
        )?;
        transaction.commit()?;
        Ok(Change::Made(vm.revision))
    }

    /// Change a vm's record (all but its lifetime) to `vm`, whose revision is the one that was read. Where it becomes active and `max_active`
    /// are already, it is left as it was.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn change_vm(&self, vm: &VmRecord, max_active: Option<u32>) -> Result<Change, StoreError> {
        let mut connection = self.connection();
        // Its disk goes next: a power cut must not bring back the record of one that had it.
        let is_going = vm.state == VmState::Deleting && vm.kind.stays();
        connection.pragma_update(None, "synchronous", if is_going { "full" } else { "normal" })?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if is_full(&transaction, vm.state, max_active)? {
            return Ok(Change::Full);
        }
        let changed = transaction.execute(
            "UPDATE vm SET environment_version = ?3, image_digest = ?4, state = ?5, execution_mode = ?6,
                           last_error = ?7, boot_id = ?8, owner = ?9, supervisor = ?10, engine = ?11,
                           revision = revision + 1
             WHERE id = ?1 AND revision = ?2",
            params![
                vm.id.to_string(),
                vm.revision,
                vm.environment_version,
                vm.backing,
                vm.state.name(),
                vm.execution_mode,
                vm.last_error,
                vm.boot_id,
                process_text(vm.owner),
                vm.supervisor.map(process_text),
                vm.engine.map(process_text),
            ],
        )?;
        transaction.commit()?;
        Ok(if changed == 1 { Change::Made(vm.revision + 1) } else { Change::Lost })
    }

    /// The supervisor takes a vm over at the revision that its start was claimed with; none when the record is gone or
    /// was changed, because whoever asked for the start died or somebody deletes the vm: then nothing may be started.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn adopt_vm(&self, id: Id, revision: i64, supervisor: ProcessId) -> Result<Option<VmRecord>, StoreError> {
        let Some(mut vm) = self.vm(id)?.filter(|vm| vm.revision == revision && vm.supervisor.is_none()) else {
            return Ok(None);
        };
        vm.supervisor = Some(supervisor);
        match self.change_vm(&vm, None)? {
            Change::Made(revision) => Ok(Some(VmRecord { revision, ..vm })),
            Change::Lost | Change::Full => Ok(None),
        }
    }

    /// Forget a vm.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn delete_vm(&self, id: Id) -> Result<(), StoreError> {
        self.delete_broken_vm(&id.to_string())
    }

    /// One vm.
    ///
    /// # Errors
    /// [`StoreError::Sql`]; [`StoreError::Broken`] for a record that cannot be understood.
    pub fn vm(&self, id: Id) -> Result<Option<VmRecord>, StoreError> {
        let connection = self.connection();
        let row = connection.query_row("SELECT * FROM vm WHERE id = ?1", [id.to_string()], vm_of_row);
        row.optional().map_err(told_apart("vm", id))
    }

    /// Every vm, oldest first; a record that cannot be understood is given as its error, beside the good ones.
    ///
    /// # Errors
    /// [`StoreError::Sql`] when the records cannot be read at all.
    pub fn vms(&self) -> Result<Vec<Result<VmRecord, BrokenRecord>>, StoreError> {
        let connection = self.connection();
        let mut query = connection.prepare_cached("SELECT * FROM vm ORDER BY created_at, id")?;
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
        self.connection().execute("DELETE FROM vm WHERE id = ?1", [id])?;
        Ok(())
    }
}

/// Whether one more active vm would be too many.
fn is_full(connection: &Connection, state: VmState, max_active: Option<u32>) -> rusqlite::Result<bool> {
    let Some(max_active) = max_active.filter(|_| state == VmState::Starting) else { return Ok(false) };
    let query = format!("SELECT count(*) FROM vm WHERE state IN {ACTIVE}");
    let active: i64 = connection.query_row(&query, (), |row| row.get(0))?;
    Ok(active >= i64::from(max_active))
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
        backing: row.get("image_digest")?,
        vcpu_count: row.get("vcpu_count")?,
        mem_mib: row.get("mem_mib")?,
        ttl_seconds: row.get("ttl_seconds")?,
        allow_host_compat: row.get("allow_host_compat")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        state: parsed(row, "state", parse_state)?,
        execution_mode: row.get("execution_mode")?,
        last_error: row.get("last_error")?,
        boot_id: row.get("boot_id")?,
        owner: parsed(row, "owner", parse_process)?,
        supervisor: parsed_option(row, "supervisor", parse_process)?,
        engine: parsed_option(row, "engine", parse_process)?,
        revision: row.get("revision")?,
    })
}

pub(super) fn parsed<T, E>(row: &Row<'_>, column: &str, parse: impl Fn(&str) -> Result<T, E>) -> rusqlite::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    parse(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}

pub(super) fn parsed_option<T, E>(
    row: &Row<'_>,
    column: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> rusqlite::Result<Option<T>>
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
pub(super) struct Unexpected;

fn kind_name(kind: VmKind) -> &'static str {
    match kind {
        VmKind::OneShot => "one_shot",
        VmKind::Standby => "standby",
        VmKind::Vm => "vm",
        VmKind::Workspace => "workspace",
    }
}

fn parse_kind(text: &str) -> Result<VmKind, Unexpected> {
    let mut kinds = [VmKind::OneShot, VmKind::Standby, VmKind::Vm, VmKind::Workspace].into_iter();
    kinds.find(|kind| kind_name(*kind) == text).ok_or(Unexpected)
}

fn parse_state(text: &str) -> Result<VmState, Unexpected> {
    VmState::ALL.into_iter().find(|state| state.name() == text).ok_or(Unexpected)
}

/// A process as `PID:START_TICKS`.
pub(super) fn process_text(process: ProcessId) -> String {
    format!("{}:{}", process.pid, process.start_ticks)
}

pub(super) fn parse_process(text: &str) -> Result<ProcessId, Unexpected> {
    let (pid, start_ticks) = text.split_once(':').ok_or(Unexpected)?;
    Ok(ProcessId {
        pid: pid.parse().map_err(|_| Unexpected)?,
        start_ticks: start_ticks.parse().map_err(|_| Unexpected)?,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::store) fn record(id: &str) -> VmRecord {
        VmRecord {
            id: Id::parse(id).unwrap(),
            kind: VmKind::OneShot,
            environment: "debian:12".into(),
            environment_version: Some("1.0.0".into()),
            backing: Backing::Image("00ff".to_owned().into()),
            vcpu_count: 1,
            mem_mib: 1024,
            ttl_seconds: 600,
            allow_host_compat: true,
            created_at: Timestamp::from_seconds(1.5),
            expires_at: Some(Timestamp::from_seconds(601.5)),
            state: VmState::Starting,
            execution_mode: ExecutionMode::Pending,
            last_error: None,
            boot_id: process::boot_id(),
            owner: ProcessId::current(),
            supervisor: None,
            engine: None,
            revision: 0,
        }
    }

    #[test]
    fn a_record_is_adopted_once_and_never_after_it_was_changed_or_cleared() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let vm = record("0123456789ab");
        store.insert_vm(&vm, None).unwrap();
        assert_eq!(store.vm(vm.id).unwrap().unwrap(), vm);
        assert!(vm.is_attended());
        let supervisor = ProcessId { pid: 1, start_ticks: u64::MAX };
        assert!(store.adopt_vm(vm.id, 7, supervisor).unwrap().is_none(), "another revision");
        let adopted = store.adopt_vm(vm.id, 0, supervisor).unwrap().unwrap();
        assert_eq!((adopted.supervisor, adopted.revision), (Some(supervisor), 1));
        assert!(store.adopt_vm(vm.id, 1, supervisor).unwrap().is_none());
        assert!(!store.vm(vm.id).unwrap().unwrap().is_attended());
        store.delete_vm(vm.id).unwrap();
        assert!(store.adopt_vm(vm.id, 1, supervisor).unwrap().is_none());
    }

    #[test]
    fn of_two_changes_to_one_revision_one_is_made() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let vm = VmRecord { state: VmState::Stopped, kind: VmKind::Vm, ..record("0123456789ab") };
        store.insert_vm(&vm, Some(0)).unwrap();
        let starting = vm.claimed(VmState::Starting);
        assert_eq!(store.change_vm(&starting, Some(0)).unwrap(), Change::Full);
        assert_eq!(store.change_vm(&starting, Some(1)).unwrap(), Change::Made(1));
        assert_eq!(store.change_vm(&vm.claimed(VmState::Deleting), None).unwrap(), Change::Lost);
        assert_eq!(store.vm(vm.id).unwrap().unwrap().state, VmState::Starting);
        let one_more = record("0123456789ac");
        assert_eq!(store.insert_vm(&one_more, Some(1)).unwrap(), Change::Full);
        assert_eq!(store.vms().unwrap().len(), 1);
    }

    #[test]
    fn a_broken_record_stands_beside_the_good_ones() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        for id in ["0123456789ab", "0123456789ac"] {
            store.insert_vm(&record(id), None).unwrap();
        }
        store.connection().execute("UPDATE vm SET id = '../../x' WHERE id = '0123456789ab'", ()).unwrap();
        let vms = store.vms().unwrap();
        assert_eq!(vms.iter().filter(|vm| vm.is_ok()).count(), 1);
        let broken = vms.into_iter().find_map(Result::err).unwrap();
        assert_eq!(broken.id, "../../x");
        store.delete_broken_vm(&broken.id).unwrap();
        assert_eq!(store.vms().unwrap().len(), 1);
    }
}
