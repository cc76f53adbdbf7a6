//! What is to be done with a record whose processes died, whose host booted again, or whose time is
//! over.

use super::clear;
use crate::config::Config;
use crate::host::{clock, fs};
use crate::store::Store;
use crate::store::claim::{Claimable, give_up};
use crate::store::vm::{VmKind, VmRecord, VmState};
use crate::vm::error::VmError;
use crate::vm::paths;
use std::time::Duration;

/// How long a killed engine may take to be gone.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: all is as the record says, or somebody is at it.
    Leave,
    /// Nothing of it runs any more: it is stopped, for this reason.
    PutDown(&'static str),
    /// Its supervisor was to be told to stop it, by somebody who died: it is told.
    Tell,
    /// It is to be removed.
    Remove,
}

/// What is known of a record's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whether the processes are of this boot of the host.
    pub this_boot: bool,
    /// Whether the process that changes its state is alive.
    pub owner: bool,
    /// Whether its supervisor is alive; none where it has none.
    pub supervisor: Option<bool>,
    /// Whether its lifetime is over.
    pub expired: bool,
}

impl Facts {
    fn of(vm: &VmRecord) -> Self {
        let this_boot = vm.is_of_this_boot();
        Self {
            this_boot,
            owner: this_boot && vm.owner.is_alive(),
            supervisor: vm.supervisor.map(|supervisor| this_boot && supervisor.is_alive()),
            expired: vm.kind == VmKind::Vm && vm.is_expired(clock::now()),
        }
    }
}

/// The verdict on a vm that stays.
#[must_use]
pub fn verdict(state: VmState, facts: Facts) -> Verdict {
    use VmState::{Created, Deleting, Started, Starting, Stopped, Stopping};
    let Facts { this_boot, owner, supervisor, expired } = facts;
    match (state, supervisor) {
        (Created | Stopped, _) if expired => Verdict::Remove,
        (Created | Stopped, _) => Verdict::Leave,
        (Deleting, _) if this_boot && owner => Verdict::Leave,
        (Deleting, _) => Verdict::Remove,
        (Starting | Started | Stopping, _) if !this_boot => {
            Verdict::PutDown("the host was started again")
        }
        (Stopping, Some(true)) if !owner => Verdict::Tell,
        // One that runs and is expired is ended by its supervisor.
        (Starting | Started | Stopping, Some(true)) => Verdict::Leave,
        (Starting, Some(false)) => Verdict::PutDown("its supervisor was killed while it started"),
        (Started, Some(false)) => Verdict::PutDown("its supervisor was killed"),
        (Stopping, Some(false)) => Verdict::PutDown("its supervisor was killed while it stopped"),
        (Starting | Stopping, None) if owner => Verdict::Leave,
        (Starting, None) => Verdict::PutDown("whoever started it ended before it ran"),
        (Stopping, None) => Verdict::PutDown("whoever put it away ended"),
        (Started, None) => Verdict::PutDown("its record names no supervisor"),
    }
}

/// The verdict on the vm of a record; it must be one that stays.
#[must_use]
pub fn judge(vm: &VmRecord) -> Verdict {
    verdict(vm.state, Facts::of(vm))
}

/// Do what the verdict says; true when something was changed. Blocks while processes end.
///
/// # Errors
/// When something resists.
pub fn settle(config: &Config, store: &Store, vm: &VmRecord) -> Result<bool, VmError> {
    match judge(vm) {
        Verdict::Leave => Ok(false),
        Verdict::PutDown(why) => put_down(config, store, vm, why),
        Verdict::Tell => {
            if let Some(supervisor) = vm.supervisor {
                supervisor.terminate();
            }
            Ok(true)
        }
        Verdict::Remove => remove(config, store, vm),
    }
}

/// Make of a vm whose supervisor is gone one that is stopped, with its disk as it is; false when
/// somebody else is at it.
pub(in crate::vm) fn put_down(
    config: &Config,
    store: &Store,
    vm: &VmRecord,
    why: &str,
) -> Result<bool, VmError> {
    // Claimed first: what is cleared here must not be what a start in between has made.
    let claimed = VmRecord {
        supervisor: None,
        last_error: Some(why.to_owned()),
        ..vm.claimed(VmState::Stopping)
    };
    let Some(claimed) = claimed.write(store)? else { return Ok(false) };
    stopped(config, store, &claimed).inspect_err(|_| give_up(store, &claimed))
}

fn stopped(config: &Config, store: &Store, vm: &VmRecord) -> Result<bool, VmError> {
    // The kernel has killed the engine with its supervisor; this is for a kernel that did not get
    // to it yet.
    if vm.engine.is_some_and(|engine| !engine.kill_and_wait(KILL_LIMIT)) {
        return Err(VmError::Stuck);
    }
    fs::remove_file(&config.runtime_dir.join(paths::socket_name(vm.id)))
        .map_err(VmError::Leftovers)?;
    store.change_vm(&VmRecord { state: VmState::Stopped, engine: None, ..vm.clone() }, None)?;
    Ok(true)
}

fn remove(config: &Config, store: &Store, vm: &VmRecord) -> Result<bool, VmError> {
    let Some(claimed) = vm.claimed(VmState::Deleting).write(store)? else { return Ok(false) };
    clear::finish(config, store, &claimed).map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIVE: Facts =
        Facts { this_boot: true, owner: true, supervisor: Some(true), expired: false };
    const KILLED: Facts = Facts { supervisor: Some(false), owner: false, ..ALIVE };
    const REBOOTED: Facts =
        Facts { this_boot: false, owner: false, supervisor: Some(false), expired: false };
    const NOBODY: Facts = Facts { supervisor: None, owner: false, ..ALIVE };
    const OWNED: Facts = Facts { supervisor: None, ..ALIVE };

    #[test]
    fn what_nobody_stands_for_is_put_down_or_removed() {
        let name = |verdict| match verdict {
            Verdict::Leave => "leave",
            Verdict::PutDown(_) => "down",
            Verdict::Tell => "tell",
            Verdict::Remove => "remove",
        };
        let table = [
            // alive, killed, rebooted, nobody, owned
            (VmState::Created, ["leave", "leave", "leave", "leave", "leave"]),
            (VmState::Starting, ["leave", "down", "down", "down", "leave"]),
            (VmState::Started, ["leave", "down", "down", "down", "down"]),
            (VmState::Stopping, ["leave", "down", "down", "down", "leave"]),
            (VmState::Stopped, ["leave", "leave", "leave", "leave", "leave"]),
            (VmState::Deleting, ["leave", "remove", "remove", "remove", "leave"]),
        ];
        assert_eq!(table.map(|(state, _)| state), VmState::ALL);
        for (state, verdicts) in table {
            let found =
                [ALIVE, KILLED, REBOOTED, NOBODY, OWNED].map(|facts| name(verdict(state, facts)));
            assert_eq!(found, verdicts, "{state:?}");
        }
        assert_eq!(verdict(VmState::Stopping, Facts { owner: false, ..ALIVE }), Verdict::Tell);
    }

    #[test]
    fn what_is_expired_is_removed_once_it_does_not_run() {
        for state in VmState::ALL {
            let removed = verdict(state, Facts { expired: true, ..ALIVE }) == Verdict::Remove;
            assert_eq!(removed, matches!(state, VmState::Created | VmState::Stopped), "{state:?}");
        }
    }
}
