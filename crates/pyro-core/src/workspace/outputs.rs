//! Files of long outputs that a workspace's history names: they go with it.

use super::error::WorkspaceError;
use super::exec::Said;
use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::vm::output::{OutputName, OutputStore};

/// Commands of a history that are read at a time: each holds as much as a result does.
const PAGE: u64 = 64;

/// The outputs that a history names.
///
/// # Errors
/// When the records cannot be read.
pub(super) fn named(store: &Store, id: Id) -> Result<Vec<OutputName>, WorkspaceError> {
    let (mut names, mut after) = (Vec::new(), 0);
    loop {
        let commands = store.commands(id, after, PAGE)?;
        let Some(last) = commands.last() else { return Ok(names) };
        after = last.sequence;
        for command in &commands {
            // A record of another version names what it can.
            let said: Said = serde_json::from_str(&command.output).unwrap_or_default();
            names.extend(said.files().cloned());
        }
    }
}

/// Remove outputs; one that is gone already is fine.
pub(super) fn remove<'n>(config: &Config, names: impl IntoIterator<Item = &'n OutputName>) {
    let outputs = OutputStore::new(config);
    for name in names {
        outputs.remove(name);
    }
}
