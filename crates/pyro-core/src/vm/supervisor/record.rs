//! The vm that a supervisor owns, and what it writes into its record.

use super::failure::failure;
use super::lease::Lease;
use crate::config::Config;
use crate::store::Store;
use crate::store::vm::{Change, VmRecord, VmState};
use crate::vm::control::protocol::Launch;
use crate::vm::failure::{Failure, Stage};
use crate::vm::timeline::Stopwatch;
use std::cell::RefCell;

/// The owner of a vm.
pub(super) struct Supervisor<'a> {
    pub(super) config: &'a Config,
    pub(super) launch: &'a Launch,
    pub(super) store: &'a Store,
    /// The vm's record as this process last wrote it.
    pub(super) record: RefCell<VmRecord>,
    pub(super) lease: &'a Lease,
    pub(super) stopwatch: Stopwatch,
}

impl Supervisor<'_> {
    /// Change the vm's record, unless somebody else did: then the vm is not wanted any more.
    pub(super) fn note(&self, change: impl FnOnce(&mut VmRecord)) -> Result<(), Failure> {
        let mut vm = self.record.borrow().clone();
        change(&mut vm);
        match self.store.change_vm(&vm, None) {
            Ok(Change::Made(revision)) => {
                *self.record.borrow_mut() = VmRecord { revision, ..vm };
                Ok(())
            }
            Ok(Change::Lost | Change::Full) => Err(Failure::stopped()),
            Err(error) => Err(failure(Stage::Files, &error)),
        }
    }

    /// Where nobody asked for the stop in the record (the host goes down), say there that it
    /// happens.
    pub(super) fn note_stopping(&self) {
        let claimed = self.record.borrow().claimed(VmState::Stopping);
        if self.note(|vm| *vm = claimed).is_err() {
            tracing::debug!("the record says already that the vm stops");
        }
    }

    /// Whether the vm is to be deleted, or was.
    pub(super) fn is_unwanted(&self) -> bool {
        match self.store.vm(self.launch.id) {
            Ok(vm) => vm.is_none_or(|vm| vm.state == VmState::Deleting),
            Err(_) => false,
        }
    }
}
