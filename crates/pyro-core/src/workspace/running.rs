//! A workspace that runs, for the operations that its guest serves.

use super::claim::find;
use super::error::WorkspaceError;
use super::limits::{LOOK, TURN_LIMIT};
use crate::config::Config;
use crate::guest::patience::Patient;
use crate::host::clock;
use crate::id::Id;
use crate::store::vm::{VmRecord, VmState};
use crate::store::workspace::{WorkspaceChange, WorkspaceRecord};
use crate::store::{Store, StoreError};
use crate::timestamp::Timestamp;
use crate::vm::VmError;
use crate::vm::control::client::SupervisorClient;
use crate::vm::recover::clear;
use crate::vm::recover::reconcile::{self, Verdict};
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

/// How long a guest may do nothing in the middle of an operation on files.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// A workspace whose guest answers.
#[derive(Debug)]
pub struct Running<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The records.
    pub store: Store,
    /// The workspace's record.
    pub workspace: WorkspaceRecord,
    /// Its vm's record.
    pub vm: VmRecord,
}

impl<'a> Running<'a> {
    /// Find a workspace that runs; one that is being started is waited for.
    ///
    /// # Errors
    /// [`WorkspaceError::NotStarted`], [`WorkspaceError::Changing`],
    /// [`WorkspaceError::NoSuchWorkspace`].
    pub async fn open(config: &'a Config, id: Id) -> Result<Self, WorkspaceError> {
        let store = Store::open(&config.data_dir)?;
        let deadline = Instant::now() + TURN_LIMIT;
        loop {
            match Self::look(config, &store, id) {
                Ok((workspace, vm)) => return Ok(Self { config, store, workspace, vm }),
                Err(WorkspaceError::Changing { change: WorkspaceChange::Starting, .. })
                    if Instant::now() < deadline =>
                {
                    tokio::time::sleep(LOOK).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// As [`Running::open`], given up when `cancel` is.
    ///
    /// # Errors
    /// As [`Running::open`]; [`VmError::Cancelled`].
    pub async fn open_until(
        config: &'a Config,
        id: Id,
        cancel: &CancellationToken,
    ) -> Result<Self, WorkspaceError> {
        tokio::select! {
            running = Self::open(config, id) => running,
            () = cancel.cancelled() => Err(VmError::Cancelled.into()),
        }
    }

    fn look(
        config: &Config,
        store: &Store,
        id: Id,
    ) -> Result<(WorkspaceRecord, VmRecord), WorkspaceError> {
        let workspace = find(store, id)?;
        if let Some(change) = workspace.change
            && !matches!(change, WorkspaceChange::Forking | WorkspaceChange::Snapshotting)
            && workspace.is_attended()
        {
            return Err(WorkspaceError::Changing { id, change });
        }
        let stopped = |last_error| WorkspaceError::NotStarted { id, last_error };
        let vm = match workspace.vm {
            Some(vm) => match store.vm(vm) {
                Err(StoreError::Broken { .. }) => {
                    clear::clear_broken_vm(config, store, &vm.to_string())?;
                    None
                }
                vm => vm?,
            },
            None => None,
        };
        let mut vm = vm.ok_or_else(|| stopped(None))?;
        if reconcile::judge(&vm) != Verdict::Leave {
            reconcile::settle(config, store, &vm)?;
            vm = store.vm(vm.id)?.ok_or_else(|| stopped(None))?;
        }
        match vm.state {
            VmState::Started => Ok((workspace, vm)),
            VmState::Starting => {
                Err(WorkspaceError::Changing { id, change: WorkspaceChange::Starting })
            }
            VmState::Stopping => {
                Err(WorkspaceError::Changing { id, change: WorkspaceChange::Stopping })
            }
            _ => Err(stopped(vm.last_error)),
        }
    }

    /// What asks its supervisor for something.
    #[must_use]
    pub fn client(&self) -> SupervisorClient<'a> {
        SupervisorClient::new(self.config, self.vm.id)
    }

    /// A connection to a new stream of its guest's agent.
    ///
    /// # Errors
    /// When it has just ended.
    pub async fn connect(&self) -> Result<UnixStream, VmError> {
        self.client().connect().await
    }

    /// As [`Running::connect`], for an operation on files: a guest that does nothing for too long
    /// is an error.
    ///
    /// # Errors
    /// When it has just ended.
    pub async fn files(&self) -> Result<Patient<UnixStream>, VmError> {
        Ok(Patient::new(self.connect().await?, PATIENCE))
    }

    /// Note that somebody did something with it: its lifetime begins anew.
    ///
    /// # Errors
    /// When the records cannot be written.
    pub fn touch(&self) -> Result<(), WorkspaceError> {
        touch(&self.store, self.workspace.id)
    }

    /// As [`was_used`].
    pub fn was_used(&self) {
        was_used(&self.store, self.workspace.id);
    }
}

/// Note that somebody did something with a workspace: its lifetime begins anew.
///
/// # Errors
/// When the records cannot be written.
pub fn touch(store: &Store, id: Id) -> Result<(), WorkspaceError> {
    store.renew_workspace(id, clock::now())?;
    Ok(())
}

/// As [`touch`], after what somebody did is done: that is no failure of it any more.
pub fn was_used(store: &Store, id: Id) {
    if let Err(error) = touch(store, id) {
        tracing::warn!(%id, error = &error as &dyn std::error::Error, "its lifetime does not begin anew");
    }
}

/// When a lifetime that begins at `from` is over.
#[must_use]
pub fn expiry(ttl_seconds: u32, from: Timestamp) -> Option<Timestamp> {
    (ttl_seconds > 0).then(|| from + Duration::from_secs(ttl_seconds.into()))
}
