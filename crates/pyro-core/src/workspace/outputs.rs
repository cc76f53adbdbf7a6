//! Files of long outputs that a workspace's history names: they go with it.

use crate::config::Config;
use crate::id::Id;
use crate::store::Store;
use crate::vm::output::{OutputName, OutputStore};

/// The outputs that a history names, as far as it can be read: what is not found here goes when
/// others need its room.
pub(super) fn named(store: &Store, id: Id) -> Vec<OutputName> {
    let names = store.output_names(id).inspect_err(|error| {
        tracing::warn!(%id, error = error as &dyn std::error::Error, "outputs of a history stay");
    });
    names.unwrap_or_default().iter().filter_map(|name| OutputName::parse(name).ok()).collect()
}

/// Remove outputs; one that is gone already is fine.
pub(super) fn remove<'n>(config: &Config, names: impl IntoIterator<Item = &'n OutputName>) {
    let outputs = OutputStore::new(config);
    for name in names {
        outputs.remove(name);
    }
}
