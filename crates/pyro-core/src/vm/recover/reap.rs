//! Leftovers: what a killed process could not clear away, the next command does.

use super::clear::{clear_broken_vm, clear_vm};
use super::reconcile::{self, Verdict};
use crate::config::Config;
use crate::host::{fs, socket};
use crate::id::Id;
use crate::store::Store;
use crate::store::vm::VmRecord;
use crate::vm::error::VmError;
use crate::vm::paths;
use std::collections::HashSet;

/// Something that no process stands for any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// A vm whose supervisor is dead, or whose lifetime is over.
    Vm(Id),
    /// A record that cannot be understood.
    Record(String),
    /// A vm's directory or socket without a record.
    File(String),
}

impl std::fmt::Display for Leftover {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Vm(id) => write!(out, "vm {id}"),
            Self::Record(id) => write!(out, "broken record {id:?}"),
            Self::File(name) => write!(out, "file {name}"),
        }
    }
}

/// Find what is left over, and leave it.
///
/// # Errors
/// When the records or directories cannot be read.
pub fn find_leftovers(config: &Config, store: &Store) -> Result<Vec<Leftover>, VmError> {
    // Names are read before the records: a file that appears in between has its record already.
    let vm_dirs = names(&paths::vms_dir(config))?;
    let sockets = names(&config.runtime_dir)?;
    let mut leftovers = Vec::new();
    let mut recorded = HashSet::new();
    for vm in store.vms()? {
        match vm {
            Ok(vm) => {
                recorded.insert(vm.id.to_string());
                if is_left_over(&vm) {
                    leftovers.push(Leftover::Vm(vm.id));
                }
            }
            Err(broken) => leftovers.push(Leftover::Record(broken.id)),
        }
    }
    let stray = |name: &String| !recorded.contains(name.trim_end_matches(".sock"));
    leftovers.extend(vm_dirs.into_iter().filter(stray).map(Leftover::File));
    // The directory may be shared with another data directory, and with other programs.
    let deserted =
        |name: &String| is_socket_name(name) && !socket::is_attended(&config.runtime_dir, name);
    leftovers.extend(sockets.into_iter().filter(stray).filter(deserted).map(Leftover::File));
    Ok(leftovers)
}

fn is_socket_name(name: &str) -> bool {
    name.strip_suffix(".sock").is_some_and(|id| Id::parse(id).is_ok())
}

/// Clear away what is left over; one piece that resists does not stop the others. What was cleared.
///
/// # Errors
/// The first failure, after everything else was cleared.
pub fn clear_leftovers(config: &Config, store: &Store) -> Result<Vec<Leftover>, VmError> {
    let mut cleared = Vec::new();
    let mut first_error = None;
    for leftover in find_leftovers(config, store)? {
        match clear(config, store, &leftover) {
            Ok(true) => cleared.push(leftover),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%leftover, %error, "cannot clear a leftover");
                first_error.get_or_insert(error);
            }
        }
    }
    first_error.map_or(Ok(cleared), Err)
}

/// As [`clear_leftovers`], for those who want something else: what resists waits for the next
/// command.
pub fn clear_leftovers_or_warn(config: &Config, store: &Store) {
    if let Err(error) = clear_leftovers(config, store) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "leftovers wait for the next command"
        );
    }
}

/// Whether nobody stands for what the record says.
fn is_left_over(vm: &VmRecord) -> bool {
    if vm.kind.stays() { reconcile::judge(vm) != Verdict::Leave } else { !vm.is_attended() }
}

fn clear(config: &Config, store: &Store, leftover: &Leftover) -> Result<bool, VmError> {
    match leftover {
        Leftover::Vm(id) => match store.vm(*id)? {
            Some(vm) if vm.kind.stays() => reconcile::settle(config, store, &vm),
            Some(vm) if is_left_over(&vm) => clear_vm(config, store, &vm).map(|()| true),
            _ => Ok(false),
        },
        Leftover::Record(id) => clear_broken_vm(config, store, id).map(|()| true),
        Leftover::File(name) => {
            // Whatever its name, it is one entry of a directory of ours, as that directory listed
            // it.
            let directory = if name.ends_with(".sock") {
                config.runtime_dir.clone()
            } else {
                paths::vms_dir(config)
            };
            fs::remove_tree(&directory.join(name)).map_err(VmError::Leftovers).map(|()| true)
        }
    }
}

fn names(directory: &std::path::Path) -> Result<Vec<String>, VmError> {
    fs::names_in(directory).map_err(VmError::Leftovers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backing::Backing;
    use crate::config::AccelChoice;
    use crate::host::process::ProcessId;
    use crate::store::vm::{VmKind, VmState};
    use crate::timestamp::Timestamp;
    use std::time::Duration;

    fn config(home: &std::path::Path) -> Config {
        Config {
            data_dir: home.join("data"),
            runtime_dir: home.join("run"),
            environment_cache_dir: home.join("cache"),
            program: "/nonexistent".into(),
            accel: AccelChoice::Tcg,
            kernel_dir: None,
            qemu: None,
            mirror: None,
            trace_supervisors: false,
            templates: true,
            max_active_vms: None,
            workspace_retention_seconds: 600,
            path: "/usr/bin".into(),
            inline: crate::config::InlineOutput::default(),
        }
    }

    fn record(owner: ProcessId) -> VmRecord {
        let expires_at = Some(Timestamp::EPOCH + Duration::from_secs(600));
        let vm = VmRecord::small(VmKind::OneShot, Backing::HostTree);
        VmRecord { expires_at, state: VmState::Starting, owner, ..vm }
    }

    fn vm(state: VmState) -> VmRecord {
        let owner = ProcessId::current();
        VmRecord { kind: VmKind::Vm, state, expires_at: None, ..record(owner) }
    }

    #[test]
    fn a_vm_that_stays_survives_the_host_and_its_supervisor() {
        let home = tempfile::tempdir().unwrap();
        let config = config(home.path());
        let store = Store::open(&config.data_dir).unwrap();
        let nobody = ProcessId { pid: 1, start_ticks: u64::MAX };
        let dead = Some(nobody);
        let rebooted =
            VmRecord { boot_id: "an earlier one".into(), supervisor: dead, ..vm(VmState::Started) };
        let killed = VmRecord { supervisor: dead, ..vm(VmState::Started) };
        let forgotten = VmRecord { owner: nobody, ..vm(VmState::Deleting) };
        let expired =
            VmRecord { expires_at: Some(Timestamp::from_seconds(0.0)), ..vm(VmState::Stopped) };
        let workspace = VmRecord { kind: VmKind::Workspace, ..expired.clone() };
        let workspace = VmRecord { id: Id::random().unwrap(), ..workspace };
        for vm in [&rebooted, &killed, &forgotten, &expired, &workspace] {
            store.insert_vm(vm, None).unwrap();
            fs::private_dir(&paths::vm_dir(&config, vm.id)).unwrap();
        }
        clear_leftovers(&config, &store).unwrap();
        for (before, why) in
            [(&rebooted, "the host was started again"), (&killed, "its supervisor was killed")]
        {
            let now = store.vm(before.id).unwrap().unwrap();
            assert_eq!((now.state, now.last_error.as_deref()), (VmState::Stopped, Some(why)));
            assert_eq!((now.supervisor, now.engine), (None, None));
        }
        for gone in [&forgotten, &expired] {
            assert_eq!(store.vm(gone.id).unwrap(), None);
        }
        let mut kept = [rebooted.id, killed.id, workspace.id].map(|id| id.to_string());
        kept.sort();
        assert_eq!(fs::names_in(&paths::vms_dir(&config)).unwrap(), kept);
        assert!(find_leftovers(&config, &store).unwrap().is_empty());
    }

    #[test]
    fn what_resists_once_is_tried_again_by_the_same_process() {
        let home = tempfile::tempdir().unwrap();
        let config = config(home.path());
        let store = Store::open(&config.data_dir).unwrap();
        let killed = VmRecord { supervisor: Some(ProcessId::NOBODY), ..vm(VmState::Started) };
        let deleted = vm(VmState::Stopped);
        let obstacle = |vm: &VmRecord| config.runtime_dir.join(paths::socket_name(vm.id));
        for vm in [&killed, &deleted] {
            store.insert_vm(vm, None).unwrap();
            fs::private_dir(&obstacle(vm).join("full")).unwrap();
        }
        for _ in 0..2 {
            let now = |vm: &VmRecord| store.vm(vm.id).unwrap().unwrap();
            assert!(matches!(
                reconcile::settle(&config, &store, &now(&killed)),
                Err(VmError::Leftovers(_))
            ));
            let delete = crate::vm::lifecycle::delete::delete(&config, &store, now(&deleted));
            assert!(matches!(delete, Err(VmError::Leftovers(_))));
        }
        for vm in [&killed, &deleted] {
            fs::remove_tree(&obstacle(vm)).unwrap();
        }
        clear_leftovers(&config, &store).unwrap();
        assert_eq!(store.vm(killed.id).unwrap().unwrap().state, VmState::Stopped);
        assert_eq!(store.vm(deleted.id).unwrap(), None);
    }

    #[test]
    fn only_what_nobody_attends_to_is_cleared() {
        let home = tempfile::tempdir().unwrap();
        let config = config(home.path());
        let store = Store::open(&config.data_dir).unwrap();
        let alive = record(ProcessId::current());
        let dead = record(ProcessId { pid: 1, start_ticks: u64::MAX });
        for vm in [&alive, &dead] {
            store.insert_vm(vm, None).unwrap();
            fs::private_dir(&paths::vm_dir(&config, vm.id)).unwrap();
        }
        fs::private_dir(&paths::vms_dir(&config).join("stray")).unwrap();
        fs::private_dir(&config.runtime_dir).unwrap();
        let [deserted, attended] = [(); 2].map(|()| paths::socket_name(Id::random().unwrap()));
        let listen = |name: &str| socket::listen(&config.runtime_dir, name).unwrap();
        drop(listen(&deserted));
        // Of another data directory, and of another program.
        let (_listener, _) = (listen(&attended), listen("other.sock"));
        let cleared = clear_leftovers(&config, &store).unwrap();
        assert_eq!(
            cleared,
            [Leftover::Vm(dead.id), Leftover::File("stray".into()), Leftover::File(deserted)]
        );
        let mut kept = [attended, "other.sock".to_owned()];
        kept.sort();
        assert_eq!(fs::names_in(&config.runtime_dir).unwrap(), kept);
        assert_eq!(fs::names_in(&paths::vms_dir(&config)).unwrap(), [alive.id.to_string()]);
        assert!(find_leftovers(&config, &store).unwrap().is_empty());
    }
}
