//! Claims: of many processes that want a record for a change, one has it, and no lock is held
//! meanwhile.
//!
//! A record counts its revisions, and a change is made to the revision that was read or not at all.
//! Who has lost to somebody else reads again and judges anew. A claim names its process, so that
//! one whose process died is anybody's.

use super::{Store, StoreError};
use crate::host::process::{self, ProcessId};
use crate::id::Id;

/// How often a claim is tried against others who change the record.
const TRIES: usize = 16;

/// A record that one process at a time may claim.
pub trait Claimable: Clone {
    /// What it is a record of.
    const NOUN: &'static str;

    /// Whose record it is.
    fn id(&self) -> Id;

    /// The record as it is now.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find(store: &Store, id: Id) -> Result<Option<Self>, StoreError>;

    /// Write this record, which was made from the revision that it names: as it then is, or none
    /// when somebody else changed it before.
    ///
    /// # Errors
    /// [`StoreError`].
    fn write(self, store: &Store) -> Result<Option<Self>, StoreError>;

    /// Whether the same process is at the same change, as far as it had come, as in `judged`; what
    /// no claim protects may differ.
    #[must_use]
    fn has_claim_of(&self, judged: &Self) -> bool;

    /// This record with a claim that is nobody's.
    #[must_use]
    fn given_up(self) -> Self;
}

/// Whether the process that made a claim lives. One of an earlier boot of the host does not,
/// whatever has its number now.
#[must_use]
pub fn is_attended(owner: Option<ProcessId>, boot_id: &str) -> bool {
    boot_id == process::boot_id() && owner.is_some_and(ProcessId::is_alive)
}

/// Claim a record that was read as `found`. `attempt` judges it and writes the claim: none where
/// somebody else was first, and it is judged again as it is then.
///
/// # Errors
/// As `attempt`; `gone` where there is no record any more, `busy` where others are always first.
pub fn claim<R: Claimable, E: From<StoreError>>(
    store: &Store,
    found: R,
    mut attempt: impl FnMut(&R) -> Result<Option<R>, E>,
    gone: impl Fn(&R) -> E,
    busy: impl Fn(&R) -> E,
) -> Result<R, E> {
    let mut record = found;
    for _ in 0..TRIES {
        if let Some(claimed) = attempt(&record)? {
            return Ok(claimed);
        }
        record = R::find(store, record.id())?.ok_or_else(|| gone(&record))?;
    }
    Err(busy(&record))
}

/// Change a record for as long as it has the claim that was judged; whoever claimed it since is
/// left alone. The record as it then is, or none where nothing was changed.
///
/// # Errors
/// [`StoreError`].
pub fn change_claimed<R: Claimable>(
    store: &Store,
    judged: &R,
    change: impl Fn(R) -> R,
) -> Result<Option<R>, StoreError> {
    while let Some(now) = R::find(store, judged.id())?.filter(|now| now.has_claim_of(judged)) {
        // What no claim protects may change in between.
        let changed = change(now).write(store)?;
        if changed.is_some() {
            return Ok(changed);
        }
    }
    Ok(None)
}

/// Give up a change that could not be finished, so that the next command goes on with it, from
/// whatever process: this one may live for a long time.
pub fn give_up<R: Claimable>(store: &Store, judged: &R) {
    if let Err(error) = change_claimed(store, judged, R::given_up) {
        let (noun, id) = (R::NOUN, judged.id());
        tracing::warn!(%id, error = &error as &dyn std::error::Error, "a {noun} waits for the end of this process");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::vm::record::tests::record;
    use crate::store::vm::{Change, VmRecord, VmState};
    use std::cell::Cell;

    fn claimed(store: &Store, vm: VmRecord, rivals: &Cell<usize>) -> Result<VmRecord, StoreError> {
        let nobody = |_: &VmRecord| StoreError::Sql(rusqlite::Error::QueryReturnedNoRows);
        let busy = |_: &VmRecord| StoreError::Sql(rusqlite::Error::InvalidQuery);
        let attempt = |vm: &VmRecord| {
            if rivals.get() > 0 {
                rivals.set(rivals.get() - 1);
                let rival = VmRecord { last_error: Some("first".to_owned()), ..vm.clone() };
                assert!(rival.write(store)?.is_some());
            }
            vm.claimed(VmState::Stopping).write(store)
        };
        claim(store, vm, attempt, nobody, busy)
    }

    #[test]
    fn whoever_loses_judges_anew_but_not_for_ever() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let vm = record("0123456789ab");
        store.insert_vm(&vm, None).unwrap();
        let won = claimed(&store, vm.clone(), &Cell::new(3)).unwrap();
        assert_eq!(
            (won.state, won.revision, won.last_error.as_deref()),
            (VmState::Stopping, 4, Some("first"))
        );
        let refused = claimed(&store, won, &Cell::new(usize::MAX)).unwrap_err();
        assert!(matches!(refused, StoreError::Sql(rusqlite::Error::InvalidQuery)));
        store.delete_vm(vm.id).unwrap();
        let refused = claimed(&store, vm, &Cell::new(0)).unwrap_err();
        assert!(matches!(refused, StoreError::Sql(rusqlite::Error::QueryReturnedNoRows)));
    }

    #[test]
    fn a_claim_is_given_up_only_while_it_is_the_one_that_was_judged() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let vm = record("0123456789ab");
        store.insert_vm(&vm, None).unwrap();
        let stopping = vm.claimed(VmState::Stopping).write(&store).unwrap().unwrap();
        // Something that no claim protects comes in between.
        let noted = VmRecord { last_error: Some("why".to_owned()), ..stopping.clone() };
        assert!(matches!(store.change_vm(&noted, None).unwrap(), Change::Made(2)));
        give_up(&store, &stopping);
        let left = store.vm(vm.id).unwrap().unwrap();
        assert_eq!((left.owner, left.last_error.as_deref()), (ProcessId::NOBODY, Some("why")));
        let deleting = left.claimed(VmState::Deleting).write(&store).unwrap().unwrap();
        give_up(&store, &stopping);
        assert_eq!(store.vm(vm.id).unwrap().unwrap(), deleting);
    }
}
