//! The end of a vm: what ended it decides what is kept of it.

use super::failure::failure;
use super::record::Supervisor;
use super::sessions::Sessions;
use crate::config::Config;
use crate::engine::Machine;
use crate::host::fs;
use crate::store::vm::{Change, VmKind, VmRecord, VmState};
use crate::store::{Store, StoreError};
use crate::vm::control::protocol::Launch;
use crate::vm::failure::{Failure, Stage};
use crate::vm::limits::POWER_OFF_LIMIT;
use crate::vm::paths;
use tokio::signal::unix::Signal;

/// What ended a vm.
#[derive(Debug)]
pub(super) enum End {
    /// It was told to; perhaps it did not do it in order.
    Told(Option<Failure>),
    /// It ended by itself, or never came to be.
    Failed(Failure),
    /// Its lifetime is over.
    Expired(Failure),
    /// Whoever had it for one use is done, or gone.
    Used,
}

impl End {
    /// Why, unless it was asked for.
    pub(super) fn failure(self) -> Option<Failure> {
        match self {
            Self::Told(failure) => failure,
            Self::Failed(failure) | Self::Expired(failure) => Some(failure),
            Self::Used => None,
        }
    }

    /// The same with what it tells in other words.
    pub(super) fn reworded(self, words: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Told(failure) => Self::Told(failure.map(|failure| failure.reworded(words))),
            Self::Failed(failure) => Self::Failed(failure.reworded(words)),
            Self::Expired(failure) => Self::Expired(failure.reworded(words)),
            Self::Used => Self::Used,
        }
    }

    /// Whether a vm of this kind is kept, stopped, after this.
    fn keeps(&self, kind: VmKind) -> bool {
        match self {
            Self::Told(_) | Self::Failed(_) => kind.stays(),
            Self::Expired(_) => kind == VmKind::Workspace,
            Self::Used => false,
        }
    }

    fn last_error(&self) -> Option<String> {
        let failure = match self {
            Self::Told(failure) => failure.as_ref()?,
            Self::Failed(failure) | Self::Expired(failure) => failure,
            Self::Used => return None,
        };
        Some(match failure.causes.first() {
            Some(cause) => format!("{}: {cause}", failure.message),
            None => failure.message.clone(),
        })
    }
}

impl Supervisor<'_> {
    /// Let the guest write its disk back, then end its machine. Whoever wants the vm deleted does
    /// not wait for that.
    pub(super) async fn power_off(
        &self,
        machine: &mut Machine,
        sessions: &Sessions,
        terminate: &mut Signal,
    ) -> Option<Failure> {
        let orderly = async {
            sessions.power_off().await.map_err(|error| failure(Stage::Stopping, &error))?;
            // All of it is with the engine, which closes the disk's files in order. A guest without
            // ACPI may know no way to switch itself off.
            machine.terminate();
            machine.ended().await.map(drop).map_err(|error| failure(Stage::Stopping, &error))
        };
        tokio::select! {
            ended = tokio::time::timeout(POWER_OFF_LIMIT, orderly) => ended.unwrap_or_else(|_| Err(unwilling())).err(),
            () = self.unwanted(terminate) => None,
        }
    }

    /// Wait until somebody tells this process that its vm is to be deleted.
    async fn unwanted(&self, terminate: &mut Signal) {
        loop {
            terminate.recv().await;
            if self.is_unwanted() {
                return;
            }
        }
    }

    /// Put the vm away, or everything of it where nothing is to be kept; whether it is kept. Its
    /// machine has ended.
    pub(super) fn put_away(&self, end: &End) -> bool {
        let state = if end.keeps(self.launch.kind) { VmState::Stopped } else { VmState::Deleting };
        if matches!(end, End::Failed(Failure { stage: Stage::HostFull, .. }))
            && let Err(error) = fs::remove_file(&paths::room(self.config, self.launch.id))
        {
            tracing::warn!(%error, "no room for the record of the vm's end");
        }
        let socket = self.config.runtime_dir.join(paths::socket_name(self.launch.id));
        let put = fs::remove_file(&socket).map_err(StoreError::from).and_then(|()| {
            match self.launch.kind.stays() {
                true => record_end(self.store, self.launch, state, end.last_error()),
                false => Ok(VmState::Deleting),
            }
        });
        match put {
            Ok(VmState::Stopped) => return true,
            Ok(_) => clear_away(self.config, self.launch, self.store),
            Err(error) => {
                tracing::error!(%error, "the vm is left for the next command to put away")
            }
        }
        false
    }
}

/// Record that a vm that stays is `state`, unless somebody wants it deleted; what is recorded now.
fn record_end(
    store: &Store,
    launch: &Launch,
    state: VmState,
    last_error: Option<String>,
) -> Result<VmState, StoreError> {
    loop {
        let Some(vm) = store.vm(launch.id)?.filter(|vm| vm.state != VmState::Deleting) else {
            return Ok(VmState::Deleting);
        };
        let ended = match state {
            VmState::Stopped => VmRecord {
                state,
                last_error: last_error.clone(),
                supervisor: None,
                engine: None,
                ..vm.clone()
            },
            _ => vm.claimed(state),
        };
        if let Change::Made(_) = store.change_vm(&ended, None)? {
            return Ok(state);
        }
    }
}

/// Remove every file of the vm, then its record: a crash in between leaves the record, which the
/// next command clears.
fn clear_away(config: &Config, launch: &Launch, store: &Store) {
    let removed = fs::remove_tree(&paths::vm_dir(config, launch.id))
        .map_err(StoreError::from)
        .and_then(|()| store.delete_vm(launch.id));
    if let Err(error) = removed {
        tracing::error!(%error, "the vm's files are left for the next command to clear");
    }
}

fn unwilling() -> Failure {
    Failure {
        stage: Stage::Stopping,
        message: format!(
            "the guest did not end within {} s and was killed",
            POWER_OFF_LIMIT.as_secs()
        ),
        causes: Vec::new(),
        console: String::new(),
    }
}
