//! Records of vms: written before a process starts, changed whole, removed after everything of the
//! vm is gone.

use super::record::{VmKind, VmRecord, VmState};
use crate::host::process::ProcessId;
use crate::id::Id;
use crate::store::Store;
use crate::store::broken::BrokenRecord;
use crate::store::claim::Claimable;
use crate::store::column::{Unexpected, parse_process, parsed, parsed_option, process_text};
use crate::store::error::{StoreError, told_apart};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

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
        connection.pragma_update(
            None,
            "synchronous",
            if vm.kind.stays() { "full" } else { "normal" },
        )?;
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

    /// Change a vm's record (all but its lifetime) to `vm`, whose revision is the one that was
    /// read. Where it becomes active and `max_active` are already, it is left as it was.
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

    /// The supervisor takes a vm over at the revision that its start was claimed with; none when
    /// the record is gone or was changed, because whoever asked for the start died or somebody
    /// deletes the vm: then nothing may be started.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn adopt_vm(
        &self,
        id: Id,
        revision: i64,
        supervisor: ProcessId,
    ) -> Result<Option<VmRecord>, StoreError> {
        let Some(mut vm) =
            self.vm(id)?.filter(|vm| vm.revision == revision && vm.supervisor.is_none())
        else {
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
        let row =
            connection.query_row("SELECT * FROM vm WHERE id = ?1", [id.to_string()], vm_of_row);
        row.optional().map_err(told_apart("vm", id))
    }

    /// Every vm, oldest first; a record that cannot be understood is given as its error, beside the
    /// good ones.
    ///
    /// # Errors
    /// [`StoreError::Sql`] when the records cannot be read at all.
    pub fn vms(&self) -> Result<Vec<Result<VmRecord, BrokenRecord>>, StoreError> {
        let connection = self.connection();
        let mut query = connection.prepare_cached("SELECT * FROM vm ORDER BY created_at, id")?;
        let rows = query.query_map((), |row| {
            Ok(vm_of_row(row)
                .map_err(|error| BrokenRecord { id: row.get("id").unwrap_or_default(), error }))
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
fn is_full(
    connection: &Connection,
    state: VmState,
    max_active: Option<u32>,
) -> rusqlite::Result<bool> {
    let Some(max_active) = max_active.filter(|_| state == VmState::Starting) else {
        return Ok(false);
    };
    let query = format!("SELECT count(*) FROM vm WHERE state IN {ACTIVE}");
    let active: i64 = connection.query_row(&query, (), |row| row.get(0))?;
    Ok(active >= i64::from(max_active))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::vm::record::tests::record;

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
        store
            .connection()
            .execute("UPDATE vm SET id = '../../x' WHERE id = '0123456789ab'", ())
            .unwrap();
        let vms = store.vms().unwrap();
        assert_eq!(vms.iter().filter(|vm| vm.is_ok()).count(), 1);
        let broken = vms.into_iter().find_map(Result::err).unwrap();
        assert_eq!(broken.id, "../../x");
        store.delete_broken_vm(&broken.id).unwrap();
        assert_eq!(store.vms().unwrap().len(), 1);
    }
}
