//! Workspaces in the records' table.

use super::record::{WorkspaceChange, WorkspaceRecord, parse_change};
use crate::id::Id;
use crate::store::Store;
use crate::store::broken::BrokenRecord;
use crate::store::claim::Claimable;
use crate::store::column::{id_text, parse_process, parsed, parsed_option, process_text};
use crate::store::error::{StoreError, told_apart};
use crate::store::layer::{NewLayer, insert_layer};
use crate::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

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
pub(in crate::store) const ANEW: &str =
    "expires_at = iif(ttl_seconds > 0, ?2 + ttl_seconds, NULL) WHERE id = ?1";

/// Set what `change` says of a workspace's end, for it and its vms; the new one, where there is
/// such a workspace.
pub(in crate::store) fn renew(
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
