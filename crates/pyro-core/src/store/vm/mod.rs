//! Records of vms: written before a process starts, changed whole, removed after everything of the
//! vm is gone.

pub(in crate::store) mod record;
mod table;

pub use record::{NewVm, VmKind, VmRecord, VmState};
pub use table::Change;
