//! Records of workspaces.

mod record;
mod table;

pub use record::{LeftOut, SeedRecord, WorkspaceChange, WorkspaceRecord};
pub(super) use table::{ANEW, renew};
