//! Disk layers that workspaces share, as records.

use super::Store;
use super::column::{id_text, parse_process, parsed, parsed_option, process_text};
use super::error::StoreError;
use crate::backing::{Backing, ImageDigest};
use crate::host::process::{self, ProcessId};
use crate::id::Id;
use crate::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// The layer that the vm `?1` of a workspace writes to.
const WRITTEN: &str =
    "CASE WHEN next_vm = ?1 THEN coalesce(next_layer, top_layer) ELSE top_layer END";

/// A layer to be recorded; its file is made after that. Of a workspace on the host it is a
/// directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewLayer {
    /// Its id.
    pub id: Id,
    /// The closed layer that it stands on, or was copied from; none for one that stands on the
    /// image, or began empty.
    pub parent: Option<Id>,
    /// What the lowest layer stands on.
    #[serde(rename = "image_digest")]
    pub backing: Backing,
    /// Seconds since 1970.
    pub created_at: Timestamp,
}

/// A layer and the one that stands on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerPair {
    /// The layer.
    pub lower: Id,
    /// The only one that stands on it.
    pub upper: Id,
}

/// [`LayerPair`]s of the workspace `?1`. A layer that a process makes, or that takes writes, is no
/// part of one; where `?2` is true, nobody writes to the workspace's own.
const MERGEABLE: &str = "
    WITH RECURSIVE
        mine (id) AS (
            SELECT top_layer FROM workspace WHERE id = ?1
            UNION SELECT layer FROM snapshot WHERE workspace = ?1
            UNION SELECT layer.parent FROM layer JOIN mine ON layer.id = mine.id),
        theirs (id) AS (
            SELECT top_layer FROM workspace WHERE id <> ?1
            UNION SELECT baseline_layer FROM workspace WHERE id <> ?1
            UNION SELECT next_layer FROM workspace WHERE id <> ?1
            UNION SELECT layer FROM snapshot WHERE workspace <> ?1
            UNION SELECT layer.parent FROM layer JOIN theirs ON layer.id = theirs.id),
        busy (id) AS (
            SELECT top_layer FROM workspace UNION SELECT next_layer FROM workspace
            UNION SELECT id FROM layer WHERE maker IS NOT NULL),
        named (id) AS (
            SELECT id FROM busy UNION SELECT baseline_layer FROM workspace
            UNION SELECT layer FROM snapshot)
    SELECT lower.id AS lower, upper.id AS upper
    FROM layer AS lower JOIN layer AS upper ON upper.parent = lower.id
    WHERE lower.made AND upper.made AND lower.image_digest <> ''
      AND lower.id IN (SELECT id FROM mine)
      AND NOT EXISTS (SELECT 1 FROM theirs WHERE id = lower.id)
      AND NOT EXISTS (SELECT 1 FROM named WHERE id = lower.id)
      AND (NOT EXISTS (SELECT 1 FROM busy WHERE id = upper.id)
           OR (?2 AND upper.maker IS NULL
               AND upper.id = (SELECT top_layer FROM workspace WHERE id = ?1)
               AND NOT EXISTS (SELECT 1 FROM workspace WHERE next_layer = upper.id)))
      AND (SELECT count(*) FROM layer WHERE parent = lower.id) = 1
    ORDER BY lower.created_at";

impl Store {
    /// Record a layer whose file this process is about to make for the workspace that runs in `vm`:
    /// it is nobody's until [`Store::close_layer`], and left over when this process dies before
    /// that. False where its parent is not the layer that takes the workspace's writes: whoever
    /// wanted it read the record before another layer was closed.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn begin_layer(&self, vm: Id, layer: &NewLayer) -> Result<bool, StoreError> {
        self.durably(|transaction| {
            let written =
                format!("SELECT EXISTS (SELECT 1 FROM workspace WHERE {WRITTEN} IS ?2 AND (vm = ?1 OR next_vm = ?1))");
            let stands_on = params![vm.to_string(), id_text(layer.parent)];
            if !transaction.query_row(&written, stands_on, |row| row.get(0))? {
                return Ok(false);
            }
            insert_layer(transaction, layer)?;
            note_maker(transaction, layer.id)?;
            Ok(true)
        })
    }

    /// Record a layer whose file this process makes for nobody yet: it is left over when this
    /// process dies, or gives it up.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn begin_free_layer(&self, layer: &NewLayer) -> Result<(), StoreError> {
        self.durably(|transaction| {
            insert_layer(transaction, layer)?;
            note_maker(transaction, layer.id)
        })
    }

    /// Neighbouring layers that only this workspace stands on, the lower of which nobody names: a
    /// disk with both in one reads the same. The upper one may be that which the workspace writes
    /// to where it is `at_rest`.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn mergeable_layers(
        &self,
        workspace: Id,
        at_rest: bool,
    ) -> Result<Vec<LayerPair>, StoreError> {
        let connection = self.connection();
        let mut query = connection.prepare_cached(MERGEABLE)?;
        let rows = query.query_map(params![workspace.to_string(), at_rest], |row| {
            let layer = |column| parsed(row, column, Id::parse);
            Ok(LayerPair { lower: layer("lower")?, upper: layer("upper")? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The upper one of two layers holds what is on the lower one as well: it stands on what that
    /// stood on.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn join_layers(&self, pair: LayerPair) -> Result<(), StoreError> {
        self.durably(|transaction| {
            transaction.execute(
                "UPDATE layer SET parent = (SELECT parent FROM layer WHERE id = ?1)
                 WHERE id = ?2 AND parent = ?1",
                [pair.lower.to_string(), pair.upper.to_string()],
            )?;
            Ok(())
        })
    }

    /// A layer that was begun is not made after all: it is left over.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn give_up_layer(&self, id: Id) -> Result<(), StoreError> {
        self.connection()
            .execute("UPDATE layer SET maker = NULL WHERE id = ?1", [id.to_string()])?;
        Ok(())
    }

    /// A layer that was begun takes the writes of the workspace that runs in `vm`; the layer that
    /// took them is closed, and is the baseline where there is none yet. False when the workspace
    /// is gone.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn close_layer(&self, vm: Id, layer: &NewLayer) -> Result<bool, StoreError> {
        self.durably(|transaction| {
            let begun = "UPDATE layer SET made = 1, maker = NULL WHERE id = ?1";
            if transaction.execute(begun, [layer.id.to_string()])? == 0 {
                return Ok(false);
            }
            let changed = transaction.execute(
                "UPDATE workspace SET baseline_layer = coalesce(baseline_layer, top_layer), top_layer = ?2,
                                      revision = revision + 1
                 WHERE vm = ?1 OR next_vm = ?1",
                params![vm.to_string(), layer.id.to_string()],
            )?;
            Ok(changed == 1)
        })
    }

    /// A layer and those below it, bottom first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn layer_chain(&self, top: Id) -> Result<Vec<Id>, StoreError> {
        let connection = self.connection();
        let mut query = connection.prepare_cached(
            "WITH RECURSIVE chain (id, parent, depth) AS (
                 SELECT id, parent, 0 FROM layer WHERE id = ?1
                 UNION ALL SELECT layer.id, layer.parent, depth + 1 FROM layer JOIN chain ON layer.id = chain.parent)
             SELECT id FROM chain ORDER BY depth DESC",
        )?;
        let rows = query.query_map([top.to_string()], |row| parsed(row, "id", Id::parse))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Note that the file was made of the layer that a workspace's `vm` writes to: from now on it
    /// must be there.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn layer_under_was_made(&self, vm: Id) -> Result<(), StoreError> {
        let made = format!(
            "UPDATE layer SET made = 1 WHERE NOT made AND id IN (
                 SELECT {WRITTEN} FROM workspace WHERE vm = ?1 OR next_vm = ?1)"
        );
        self.connection().execute(&made, [vm.to_string()])?;
        Ok(())
    }

    /// Note that the file of a layer was made, whoever writes to it.
    #[cfg(test)]
    pub(crate) fn note_made(&self, id: Id) {
        let made = "UPDATE layer SET made = 1 WHERE id = ?1";
        self.connection().execute(made, [id.to_string()]).unwrap();
    }

    /// Whether the file of a layer was made; one that nobody wrote to yet may be made again.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn is_layer_made(&self, id: Id) -> Result<bool, StoreError> {
        let query = "SELECT EXISTS (SELECT 1 FROM layer WHERE id = ?1 AND made)";
        Ok(self.connection().query_row(query, [id.to_string()], |row| row.get(0))?)
    }

    /// One layer.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn layer(&self, id: Id) -> Result<Option<NewLayer>, StoreError> {
        let query = "SELECT id, parent, nullif(image_digest, '') AS image_digest, created_at FROM layer WHERE id = ?1";
        let layer = |row: &Row<'_>| {
            Ok(NewLayer {
                id: parsed(row, "id", Id::parse)?,
                parent: parsed_option(row, "parent", Id::parse)?,
                backing: row.get("image_digest")?,
                created_at: row.get("created_at")?,
            })
        };
        Ok(self.connection().query_row(query, [id.to_string()], layer).optional()?)
    }

    /// Layers that no workspace needs any more (neither its own nor those below) and that no living
    /// process makes.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn unused_layers(&self) -> Result<Vec<Id>, StoreError> {
        let connection = self.connection();
        let mut makers = connection
            .prepare_cached("SELECT DISTINCT maker FROM layer WHERE maker IS NOT NULL")?;
        let makers =
            makers.query_map((), |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
        for maker in makers.into_iter().filter(|maker| !is_making(maker)) {
            connection.execute("UPDATE layer SET maker = NULL WHERE maker = ?1", [maker])?;
        }
        let mut query = connection.prepare_cached(
            "WITH RECURSIVE used (id) AS (
                 SELECT top_layer FROM workspace UNION SELECT baseline_layer FROM workspace
                 UNION SELECT next_layer FROM workspace UNION SELECT id FROM layer WHERE maker IS NOT NULL
                 UNION SELECT layer FROM snapshot
                 UNION SELECT layer.parent FROM layer JOIN used ON layer.id = used.id)
             SELECT id FROM layer WHERE id NOT IN (SELECT id FROM used WHERE id IS NOT NULL)",
        )?;
        let rows = query.query_map((), |row| parsed(row, "id", Id::parse))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forget layers whose files are gone, as far as none is needed by now.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn forget_layers(&self, layers: &[Id]) -> Result<(), StoreError> {
        self.durably(|transaction| {
            // One that another stands on goes after that one.
            transaction.pragma_update(None, "defer_foreign_keys", true)?;
            for layer in layers {
                transaction.execute("DELETE FROM layer WHERE id = ?1", [layer.to_string()])?;
            }
            Ok(())
        })
    }

    /// Digests of the images that layers stand on.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub fn images_of_layers(&self) -> Result<Vec<ImageDigest>, StoreError> {
        let connection = self.connection();
        let mut query = connection
            .prepare_cached("SELECT DISTINCT image_digest FROM layer WHERE image_digest <> ''")?;
        let rows = query.query_map((), |row| row.get::<_, String>(0).map(ImageDigest::from))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

pub(super) fn insert_layer(connection: &Connection, layer: &NewLayer) -> rusqlite::Result<()> {
    // The column is older than directories of the host, which have no image.
    connection.execute(
        "INSERT INTO layer (id, parent, image_digest, created_at) VALUES (?1, ?2, coalesce(?3, ''), ?4)",
        params![layer.id.to_string(), id_text(layer.parent), layer.backing, layer.created_at],
    )?;
    Ok(())
}

/// Note that this process makes the file of a layer.
pub(super) fn note_maker(connection: &Connection, layer: Id) -> rusqlite::Result<()> {
    let maker = maker_text(&process::boot_id(), ProcessId::current());
    connection.execute("UPDATE layer SET maker = ?2 WHERE id = ?1", [layer.to_string(), maker])?;
    Ok(())
}

/// The process that makes a layer's file.
fn maker_text(boot: &str, process: ProcessId) -> String {
    format!("{boot} {}", process_text(process))
}

fn is_making(maker: &str) -> bool {
    maker.split_once(' ').is_some_and(|(boot, process)| {
        boot == process::boot_id() && parse_process(process).is_ok_and(ProcessId::is_alive)
    })
}
