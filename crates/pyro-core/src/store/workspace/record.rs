//! What is recorded of a workspace.

use crate::host::process::{self, ProcessId};
use crate::id::Id;
use crate::store::claim;
use crate::timestamp::Timestamp;
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

/// A change that this pyro does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown change")]
pub(super) struct UnknownChange;

pub(super) fn parse_change(text: &str) -> Result<WorkspaceChange, UnknownChange> {
    WorkspaceChange::ALL.into_iter().find(|change| change.name() == text).ok_or(UnknownChange)
}
