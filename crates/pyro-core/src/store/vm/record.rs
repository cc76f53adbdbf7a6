//! One vm, as recorded.

use crate::backing::Backing;
use crate::execution_mode::ExecutionMode;
use crate::host::clock;
use crate::host::process::{self, ProcessId};
use crate::id::Id;
use crate::store::claim;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// What a vm is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VmKind {
    /// One command; it ends with the process that asked for it.
    OneShot,
    /// It waits, started, for the one command of the process that keeps it, and ends with that
    /// process.
    Standby,
    /// It stays until it is deleted, was used by a command, or its lifetime is over.
    Vm,
    /// The machine of a workspace: when its lifetime is over it is stopped, and keeps its disk.
    Workspace,
}

impl VmKind {
    /// Whether it outlives the process that started it.
    #[must_use]
    pub fn stays(self) -> bool {
        !matches!(self, Self::OneShot | Self::Standby)
    }
}

/// Where a vm is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VmState {
    /// Recorded; it never ran.
    Created,
    /// Its supervisor is being started or boots the machine.
    Starting,
    /// The guest answers.
    Started,
    /// The guest writes its disk back and ends, or what a dead supervisor left is put away.
    Stopping,
    /// Nothing of it runs; its disk is kept.
    Stopped,
    /// Everything of it is being removed.
    Deleting,
}

impl VmState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Created,
        Self::Starting,
        Self::Started,
        Self::Stopping,
        Self::Stopped,
        Self::Deleting,
    ];

    /// The name that records and results use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Starting => "starting",
            Self::Started => "started",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Deleting => "deleting",
        }
    }
}

/// One vm, as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct VmRecord {
    /// Its id.
    pub id: Id,
    /// What it is kept for.
    pub kind: VmKind,
    /// Name of the environment it boots.
    pub environment: String,
    /// Version of that environment as installed.
    pub environment_version: Option<String>,
    /// What its disk stands on.
    pub backing: Backing,
    /// Virtual CPUs.
    pub vcpu_count: u8,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// Lifetime from creation, in seconds.
    pub ttl_seconds: u32,
    /// Whether it may run on the host where no guest can.
    pub allow_host_compat: bool,
    /// Seconds since 1970.
    pub created_at: Timestamp,
    /// Seconds since 1970; from then on it is ended. None: never.
    pub expires_at: Option<Timestamp>,
    /// Where it is in its life.
    pub state: VmState,
    /// `pending`, `guest_kvm`, `guest_tcg` or `host_compat`.
    pub execution_mode: ExecutionMode,
    /// Why it stopped by itself, or did not start; safe to print.
    pub last_error: Option<String>,
    /// The host's boot in which the processes below ran.
    pub boot_id: String,
    /// The process that changes its state, or last did.
    pub owner: ProcessId,
    /// The process that owns the machine.
    pub supervisor: Option<ProcessId>,
    /// The machine's process.
    pub engine: Option<ProcessId>,
    /// Counts the changes: a change is made to the revision that was read, or not at all.
    pub revision: i64,
}

/// A vm to be recorded: what stays as it is for the vm's whole life.
#[derive(Clone, Debug)]
pub struct NewVm {
    /// What it is kept for.
    pub kind: VmKind,
    /// Name of the environment it boots.
    pub environment: String,
    /// Version of that environment as installed.
    pub environment_version: Option<String>,
    /// What its disk stands on.
    pub backing: Backing,
    /// Virtual CPUs.
    pub vcpu_count: u8,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// Lifetime from creation, in seconds.
    pub ttl_seconds: u32,
}

impl VmRecord {
    /// The record of a new vm of this process, not written yet: created, without an end, under an
    /// id of its own.
    ///
    /// # Errors
    /// When the host's random generator fails.
    pub fn new(vm: NewVm) -> Result<Self, getrandom::Error> {
        Ok(Self {
            id: Id::random()?,
            kind: vm.kind,
            environment: vm.environment,
            environment_version: vm.environment_version,
            backing: vm.backing,
            vcpu_count: vm.vcpu_count,
            mem_mib: vm.mem_mib,
            ttl_seconds: vm.ttl_seconds,
            allow_host_compat: false,
            created_at: clock::now(),
            expires_at: None,
            state: VmState::Created,
            execution_mode: ExecutionMode::Pending,
            last_error: None,
            boot_id: process::boot_id(),
            owner: ProcessId::current(),
            supervisor: None,
            engine: None,
            revision: 0,
        })
    }

    /// The record of another vm like this one, of this process, that never ran; not written yet.
    ///
    /// # Errors
    /// When the host's random generator fails.
    pub fn another(&self) -> Result<Self, getrandom::Error> {
        let new = Self::new(NewVm {
            kind: self.kind,
            environment: self.environment.clone(),
            environment_version: self.environment_version.clone(),
            backing: self.backing.clone(),
            vcpu_count: self.vcpu_count,
            mem_mib: self.mem_mib,
            ttl_seconds: self.ttl_seconds,
        })?;
        Ok(Self { allow_host_compat: self.allow_host_compat, expires_at: self.expires_at, ..new })
    }

    /// Whether some process still stands for this vm while it changes or runs.
    #[must_use]
    pub fn is_attended(&self) -> bool {
        claim::is_attended(Some(self.supervisor.unwrap_or(self.owner)), &self.boot_id)
    }

    /// Whether its processes are of this boot of the host.
    #[must_use]
    pub fn is_of_this_boot(&self) -> bool {
        self.boot_id == process::boot_id()
    }

    /// Whether its lifetime is over at `now`, in seconds since 1970.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// This record, claimed by this process for the way to `state`. Processes of an earlier boot
    /// are forgotten.
    #[must_use]
    pub fn claimed(&self, state: VmState) -> Self {
        let mut claimed = Self {
            state,
            owner: ProcessId::current(),
            boot_id: process::boot_id(),
            ..self.clone()
        };
        if !self.is_of_this_boot() {
            (claimed.supervisor, claimed.engine) = (None, None);
        }
        claimed
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    impl VmRecord {
        /// A small vm for tests.
        pub(crate) fn small(kind: VmKind, backing: Backing) -> Self {
            let new = NewVm {
                kind,
                environment: "debian:12".to_owned(),
                environment_version: None,
                backing,
                vcpu_count: 1,
                mem_mib: 1024,
                ttl_seconds: 600,
            };
            Self::new(new).unwrap()
        }
    }

    /// A vm whose columns all hold something.
    pub(in crate::store) fn record(id: &str) -> VmRecord {
        VmRecord {
            id: Id::parse(id).unwrap(),
            environment_version: Some("1.0.0".into()),
            allow_host_compat: true,
            expires_at: Some(Timestamp::from_seconds(601.5)),
            state: VmState::Starting,
            ..VmRecord::small(VmKind::OneShot, Backing::Image("00ff".to_owned().into()))
        }
    }
}
