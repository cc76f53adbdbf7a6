//! Records of workspaces.

use super::Store;
use super::broken::BrokenRecord;
use super::claim::{self, Claimable};
use super::column::{id_text, parse_process, parsed, parsed_option, process_text};
use super::error::{StoreError, told_apart};
use super::layer::{NewLayer, insert_layer};
use crate::host::process::{self, ProcessId};
use crate::id::Id;
use crate::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a workspace was first filled with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedRecord {
    /// `empty`, `directory` or `tar_archive`.
    pub mode: String,
    /// Where it came from.
    pub seed_path: Option<String>,
    /// Where it went.
    pub destination: String,
    /// Files, directories and links.
    pub entry_count: u64,
    /// Bytes of files.
    pub bytes_written: u64,
    /// The first few nodes that did not come with it, or not whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// How many there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out_count: u64,
    /// Whether what git ignores was left out; a push does as the seed did unless it is told
    /// otherwise.
    #[serde(default)]
    pub respect_ignore: bool,
    /// Why git does not work in all of it, where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_note: Option<String>,
}

/// A node that did not come with what was carried, or not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Where it is: of a seed or a push in what was carried, of an export absolute in the
    /// workspace.
    pub path: String,
    /// What is missing, and why.
    pub why: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A change that one process is making to a workspace; whatever else would change it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceChange {
    /// It comes to be.
    Creating,
    /// Its vm is being started.
    Starting,
    /// Its vm is being stopped.
    Stopping,
    /// It goes back to a layer.
    Resetting,
    /// Others are made from it.
    Forking,
    /// A snapshot of it is taken or deleted.
    Snapshotting,
    /// Everything of it is being removed.
    Deleting,
}

impl WorkspaceChange {
    const ALL: [Self; 7] = [
        Self::Creating,
        Self::Starting,
        Self::Stopping,
        Self::Resetting,
        Self::Forking,
        Self::Snapshotting,
        Self::Deleting,
    ];

    /// The name that records and messages use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Resetting => "resetting",
            Self::Forking => "forking",
            Self::Snapshotting => "snapshotting",
            Self::Deleting => "deleting",
        }
    }
}

/// One workspace, as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceRecord {
    /// Its id.
    pub id: Id,
    /// What its user calls it.
    pub name: Option<String>,
    /// What it is found by.
    pub labels: BTreeMap<String, String>,
    /// Name of its environment.
    pub environment: String,
    /// Version of that environment as installed.
    pub environment_version: Option<String>,
    /// Virtual CPUs.
    pub vcpu_count: u8,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// Lifetime from the last activity, in seconds; zero: none.
    pub ttl_seconds: u32,
    /// As it was asked for.
    pub allow_host_compat: bool,
    /// Seconds since 1970.
    pub created_at: Timestamp,
    /// Seconds since 1970.
    pub last_activity_at: Timestamp,
    /// Seconds since 1970; from then on its vm is stopped. None: never.
    pub expires_at: Option<Timestamp>,
    /// What it was first filled with.
    pub seed: SeedRecord,
    /// The vm that it runs in, or last ran in.
    pub vm: Option<Id>,
    /// The layer that is written to.
    pub top_layer: Option<Id>,
    /// The closed layer that a reset goes back to.
    pub baseline_layer: Option<Id>,
    /// A vm that a change makes, until it is in use.
    pub next_vm: Option<Id>,
    /// A layer that a change makes, until it is in use.
    pub next_layer: Option<Id>,
    /// Commands since it was created or reset.
    pub command_count: u64,
    /// Resets so far.
    pub reset_count: u64,
    /// Seconds since 1970.
    pub last_reset_at: Option<Timestamp>,
    /// What is being done to it.
    pub change: Option<WorkspaceChange>,
    /// By whom.
    pub owner: Option<ProcessId>,
    /// The host's boot in which the owner ran.
    pub boot_id: String,
    /// Counts the changes: a change is made to the revision that was read, or not at all.
    pub revision: i64,
}

impl WorkspaceRecord {
    /// Whether the process that changes it is alive.
    #[must_use]
    pub fn is_attended(&self) -> bool {
        claim::is_attended(self.owner, &self.boot_id)
    }

    /// This record, claimed by this process for a change, or given back.
    #[must_use]
    pub fn claimed(&self, change: Option<WorkspaceChange>) -> Self {
        let owner = change.is_some().then(ProcessId::current);
        Self { change, owner, boot_id: process::boot_id(), ..self.clone() }
    }
}

impl Claimable for WorkspaceRecord {
    const NOUN: &'static str = "workspace";

    fn id(&self) -> Id {
        self.id
    }

    fn find(store: &Store, id: Id) -> Result<Option<Self>, StoreError> {
        store.workspace(id)
    }

    fn write(self, store: &Store) -> Result<Option<Self>, StoreError> {
        let revision = store.change_workspace(&self, &[])?;
        Ok(revision.map(|revision| Self { revision, ..self }))
    }

    fn has_claim_of(&self, judged: &Self) -> bool {
        let claim = |of: &Self| (of.change, of.owner, of.next_vm, of.next_layer);
        claim(self) == claim(judged) && self.boot_id == judged.boot_id
    }

    fn given_up(self) -> Self {
        Self { owner: None, ..self }
    }
}

impl Store {
    /// Record a new workspace together with its first layer.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn insert_workspace(
        &self,
        workspace: &WorkspaceRecord,
        layer: &NewLayer,
    ) -> Result<(), StoreError> {
        self.durably(|transaction| {
            insert_layer(transaction, layer)?;
            transaction.execute(
                "INSERT INTO workspace (id, environment, vcpu_count, mem_mib, ttl_seconds, allow_host_compat, created_at,
                                        last_activity_at, expires_at, labels, seed, command_count, reset_count, boot_id,
                                        revision)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, '', '', 0, 0, '', ?10)",
                params![
                    workspace.id.to_string(),
                    workspace.environment,
                    workspace.vcpu_count,
                    workspace.mem_mib,
                    workspace.ttl_seconds,
                    workspace.allow_host_compat,
                    workspace.created_at,
                    workspace.last_activity_at,
                    workspace.expires_at,
                    workspace.revision - 1,
                ],
            )?;
            update(transaction, &WorkspaceRecord { revision: workspace.revision - 1, ..workspace.clone() }).map(drop)
        })
    }

    /// Change a workspace's record to `workspace`, whose revision is the one that was read,
    /// together with new layers; the new revision, or none when somebody else changed it before.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn change_workspace(
        &self,
        workspace: &WorkspaceRecord,
        new_layers: &[NewLayer],
    ) -> Result<Option<i64>, StoreError> {
        self.durably(|transaction| {
            new_layers.iter().try_for_each(|layer| insert_layer(transaction, layer))?;
            Ok(update(transaction, workspace)?.then_some(workspace.revision + 1))
        })
    }

    /// As [`Store::change_workspace`], and begin its lifetime, as long as it then is, anew at
    /// `from` in the same moment: in between it could be over.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn change_and_renew_workspace(
        &self,
        workspace: &WorkspaceRecord,
        from: Timestamp,
    ) -> Result<bool, StoreError> {
        self.durably(|transaction| {
            Ok(update(transaction, workspace)?
                && renew(transaction, ANEW, workspace.id, from)?.is_some())
        })
    }

    /// Begin the lifetime of a workspace, and of the vms that it runs in, anew at `from`, in
    /// seconds since 1970, as somebody does something with it; when it is over, none where it has
    /// no end. No other change is made or lost by it.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn renew_workspace(
        &self,
        id: Id,
        from: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.renew(ANEW, id, from).map(Option::flatten)
    }

    /// As [`Store::renew_workspace`], of the workspace that runs in `vm`; nothing is shortened.
    /// None where there is no such workspace.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn renew_workspace_of(
        &self,
        vm: Id,
        from: Timestamp,
    ) -> Result<Option<Option<Timestamp>>, StoreError> {
        self.renew(
            "expires_at = max(expires_at, ?2 + ttl_seconds) WHERE vm = ?1 OR next_vm = ?1",
            vm,
            from,
        )
    }

    /// Set what `change` says of a workspace's end; the new one, where there is such a workspace.
    fn renew(
        &self,
        change: &str,
        id: Id,
        from: Timestamp,
    ) -> Result<Option<Option<Timestamp>>, StoreError> {
        let connection = self.connection();
        let transaction = connection.unchecked_transaction()?;
        let renewed = renew(&transaction, change, id, from)?;
        transaction.commit()?;
        Ok(renewed)
    }

    /// As [`Store::change_workspace`], and forget its commands with it; the next one has the number
    /// 1 again.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn reset_workspace(&self, workspace: &WorkspaceRecord) -> Result<Option<i64>, StoreError> {
        self.durably(|transaction| {
            if !update(transaction, workspace)? {
                return Ok(None);
            }
            let id = workspace.id.to_string();
            transaction.execute("DELETE FROM workspace_command WHERE workspace = ?1", [&id])?;
            transaction.execute("UPDATE workspace SET command_count = 0 WHERE id = ?1", [&id])?;
            Ok(Some(workspace.revision + 1))
        })
    }

    /// One workspace.
    ///
    /// # Errors
    /// [`StoreError::Sql`]; [`StoreError::Broken`] for a record that cannot be understood.
    pub fn workspace(&self, id: Id) -> Result<Option<WorkspaceRecord>, StoreError> {
        let query = "SELECT * FROM workspace WHERE id = ?1";
        let row = self.connection().query_row(query, [id.to_string()], workspace_of_row);
        row.optional().map_err(told_apart("workspace", id))
    }

    /// Every workspace, the one with the newest activity first; a record that cannot be understood
    /// is given as its error, beside the good ones.
    ///
    /// # Errors
    /// [`StoreError::Sql`] when the records cannot be read at all.
    pub fn workspaces(&self) -> Result<Vec<Result<WorkspaceRecord, BrokenRecord>>, StoreError> {
        let connection = self.connection();
        let mut query = connection.prepare_cached(
            "SELECT * FROM workspace ORDER BY last_activity_at DESC, created_at DESC, id",
        )?;
        let rows = query.query_map((), |row| {
            Ok(workspace_of_row(row)
                .map_err(|error| BrokenRecord { id: row.get("id").unwrap_or_default(), error }))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forget a workspace and its commands.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn delete_workspace(&self, id: Id) -> Result<(), StoreError> {
        self.connection().execute("DELETE FROM workspace WHERE id = ?1", [id.to_string()])?;
        Ok(())
    }

    /// Whether some workspace names the vm, also one whose record cannot be understood.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn is_vm_of_workspace(&self, vm: Id) -> Result<bool, StoreError> {
        let query = "SELECT EXISTS (SELECT 1 FROM workspace WHERE vm = ?1 OR next_vm = ?1)";
        Ok(self.connection().query_row(query, [vm.to_string()], |row| row.get(0))?)
    }
}

/// A lifetime that begins at `?2`.
pub(super) const ANEW: &str =
    "expires_at = iif(ttl_seconds > 0, ?2 + ttl_seconds, NULL) WHERE id = ?1";

/// Set what `change` says of a workspace's end, for it and its vms; the new one, where there is
/// such a workspace.
pub(super) fn renew(
    connection: &Connection,
    change: &str,
    id: Id,
    from: Timestamp,
) -> rusqlite::Result<Option<Option<Timestamp>>> {
    let workspace = format!(
        "UPDATE workspace SET last_activity_at = max(last_activity_at, ?2), {change} RETURNING expires_at, vm, next_vm"
    );
    let row = connection.query_row(&workspace, params![id.to_string(), from], |row| {
        Ok((row.get::<_, Option<Timestamp>>(0)?, [row.get::<_, Option<String>>(1)?, row.get(2)?]))
    });
    let Some((expires_at, vms)) = row.optional()? else { return Ok(None) };
    for vm in vms.into_iter().flatten() {
        connection
            .execute("UPDATE vm SET expires_at = ?2 WHERE id = ?1", params![vm, expires_at])?;
    }
    Ok(Some(expires_at))
}

/// Write everything that can change; false when somebody else did before. Activity and the count of
/// commands are written by their own operations only.
fn update(connection: &Connection, workspace: &WorkspaceRecord) -> rusqlite::Result<bool> {
    let json = |value: Result<String, serde_json::Error>| {
        value.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    };
    let changed = connection.execute(
        "UPDATE workspace SET name = ?3, labels = ?4, environment_version = ?5, seed = ?6, vm = ?7, top_layer = ?8,
                              baseline_layer = ?9, next_vm = ?10, next_layer = ?11, reset_count = ?12,
                              last_reset_at = ?13, change = ?14, owner = ?15, boot_id = ?16, ttl_seconds = ?17,
                              revision = revision + 1
         WHERE id = ?1 AND revision = ?2",
        params![
            workspace.id.to_string(),
            workspace.revision,
            workspace.name,
            json(serde_json::to_string(&workspace.labels))?,
            workspace.environment_version,
            json(serde_json::to_string(&workspace.seed))?,
            id_text(workspace.vm),
            id_text(workspace.top_layer),
            id_text(workspace.baseline_layer),
            id_text(workspace.next_vm),
            id_text(workspace.next_layer),
            workspace.reset_count,
            workspace.last_reset_at,
            workspace.change.map(WorkspaceChange::name),
            workspace.owner.map(process_text),
            workspace.boot_id,
            workspace.ttl_seconds,
        ],
    )?;
    Ok(changed == 1)
}

fn workspace_of_row(row: &Row<'_>) -> rusqlite::Result<WorkspaceRecord> {
    Ok(WorkspaceRecord {
        id: parsed(row, "id", Id::parse)?,
        name: row.get("name")?,
        labels: parsed(row, "labels", |text| serde_json::from_str(text))?,
        environment: row.get("environment")?,
        environment_version: row.get("environment_version")?,
        vcpu_count: row.get("vcpu_count")?,
        mem_mib: row.get("mem_mib")?,
        ttl_seconds: row.get("ttl_seconds")?,
        allow_host_compat: row.get("allow_host_compat")?,
        created_at: row.get("created_at")?,
        last_activity_at: row.get("last_activity_at")?,
        expires_at: row.get("expires_at")?,
        seed: parsed(row, "seed", |text| serde_json::from_str(text))?,
        vm: parsed_option(row, "vm", Id::parse)?,
        top_layer: parsed_option(row, "top_layer", Id::parse)?,
        baseline_layer: parsed_option(row, "baseline_layer", Id::parse)?,
        next_vm: parsed_option(row, "next_vm", Id::parse)?,
        next_layer: parsed_option(row, "next_layer", Id::parse)?,
        command_count: row.get("command_count")?,
        reset_count: row.get("reset_count")?,
        last_reset_at: row.get("last_reset_at")?,
        change: parsed_option(row, "change", parse_change)?,
        owner: parsed_option(row, "owner", parse_process)?,
        boot_id: row.get("boot_id")?,
        revision: row.get("revision")?,
    })
}

/// A change that this pyro does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown change")]
struct UnknownChange;

fn parse_change(text: &str) -> Result<WorkspaceChange, UnknownChange> {
    WorkspaceChange::ALL.into_iter().find(|change| change.name() == text).ok_or(UnknownChange)
}
