//! The single checks; each knows the command that mends what it finds.

use super::report::{Check, Health, KvmReport, NetworkingReport};
use crate::config::{AccelChoice, Config, ConfigError, QemuProgram};
use crate::engine::qemu::accel::{self, KvmVerdict};
use crate::engine::qemu::{self, Abilities, confine};
use crate::engine::{Accel, EngineError};
use crate::environment::{EnvironmentError, EnvironmentStore, PLATFORM};
use crate::error::{Call, Hint, Next, OperationId, Parameter, PyroError};
use crate::host::program;
use crate::host::{access, fs};
use crate::store::{Store, StoreError};
use crate::vm::prepare::{self, Booted};
use crate::vm::recover::reap;
use crate::vm::{VmError, plan};
use std::path::Path;

/// Free space below which an installation may fail: an image, its root filesystem beside it,
/// packages, a kernel.
const WANTED_FREE: u64 = 3 << 30;

fn check(
    name: &'static str,
    health: Health,
    detail: impl Into<String>,
    fix: impl IntoIterator<Item = Hint>,
) -> Check {
    Check { name, health, detail: detail.into(), fix: fix.into_iter().collect() }
}

fn call(operation: OperationId) -> Call {
    Call::to(operation)
}

/// Install an environment.
fn pull() -> Hint {
    Hint::call("", call(OperationId::EnvironmentPull).with(Parameter::Environment, "debian:12"))
}

pub(super) fn platform() -> Check {
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        check("platform", Health::Ok, PLATFORM, None)
    } else {
        check("platform", Health::Failed, "pyro runs on 64-bit x86 Linux only", None)
    }
}

pub(super) fn settings(fault: &ConfigError) -> Check {
    let fault = PyroError::from(fault.clone());
    check("settings", Health::Failed, fault.to_string(), fault.hints().to_vec())
}

/// A QEMU that answers and can run guests; the check that stands for one that does not says why.
pub(super) async fn qemu_version(config: &Config) -> Result<(QemuProgram, Abilities), Check> {
    let failed = |error: EngineError| {
        let error = PyroError::from(error);
        let causes: String = error.causes().iter().map(|cause| format!(": {cause}")).collect();
        check("qemu", Health::Failed, format!("{error}{causes}"), error.hints().to_vec())
    };
    let found = qemu::find(config).map_err(failed)?;
    let abilities = Abilities::ask(&found).await.map_err(failed)?;
    Ok((found, abilities))
}

pub(super) fn qemu(found: &Result<(QemuProgram, Abilities), Check>) -> Check {
    match found {
        Ok((program, abilities)) => {
            let named =
                if program.libraries.is_empty() { "" } else { ", with libraries of its own" };
            let detail = format!("{} ({}){named}", program.executable.display(), abilities.version);
            check("qemu", Health::Ok, detail, None)
        }
        Err(check) => check.clone(),
    }
}

pub(super) fn qemu_img(config: &Config) -> Check {
    match program::find(&config.path, "qemu-img") {
        Some(path) => check("qemu-img", Health::Ok, path.display().to_string(), None),
        None => check(
            "qemu-img",
            Health::Failed,
            "qemu-img is not installed; environments cannot be installed",
            Some(Hint::host("", "sudo apt-get install -y qemu-utils")),
        ),
    }
}

pub(super) fn accelerator(config: &Config, store: Option<&Store>) -> (Check, KvmReport) {
    let device = Path::new("/dev/kvm");
    let verdict = store.map_or_else(accel::probe, plan::kvm_verdict);
    let chosen = accel::choose(config.accel, &[Accel::Kvm, Accel::Tcg], || verdict.clone());
    let check = match (&chosen, &verdict) {
        (Ok(Accel::Kvm), verdict) => {
            check("accelerator", Health::Ok, format!("KVM: {verdict}"), None)
        }
        (Ok(Accel::Tcg), _) if config.accel == AccelChoice::Tcg => {
            check("accelerator", Health::Ok, "software emulation (TCG), as PYRO_ACCEL asks", None)
        }
        (Ok(Accel::Tcg), KvmVerdict::Unusable { reason })
            if access::exists(device) && !access::writable(device) =>
        {
            check(
                "accelerator",
                Health::Warning,
                format!("software emulation (TCG), because {reason}"),
                [Hint::host("", "sudo usermod -aG kvm $USER"), Hint::say("then log in again")],
            )
        }
        (Ok(Accel::Tcg), verdict) => check(
            "accelerator",
            Health::Ok,
            format!("software emulation (TCG), because KVM: {verdict}"),
            None,
        ),
        (Err(error @ EngineError::KvmUnusable { .. }), _) => check(
            "accelerator",
            Health::Failed,
            error.to_string(),
            Some(Hint::host("", "export PYRO_ACCEL=auto")),
        ),
        (Err(error), _) => check("accelerator", Health::Failed, error.to_string(), None),
    };
    let report = KvmReport {
        exists: access::exists(device),
        readable: access::readable(device),
        writable: access::writable(device),
        probe: Some(verdict),
        accelerator: chosen.ok().map(Accel::name),
    };
    (check, report)
}

/// What keeps QEMU in; a host that lacks one of these still runs guests.
pub(super) fn confinement() -> Vec<Check> {
    let landlock = match confine::landlock_version() {
        0 => check(
            "landlock",
            Health::Warning,
            "this kernel has no Landlock: QEMU is confined by seccomp and limits only",
            Some(Hint::say("boot a kernel of 5.13 or later with landlock in its lsm= list")),
        ),
        version => check("landlock", Health::Ok, format!("version {version}"), None),
    };
    let seccomp = if access::exists(Path::new("/proc/sys/kernel/seccomp/actions_avail")) {
        check("seccomp", Health::Ok, "QEMU's system call filter is on", None)
    } else {
        check(
            "seccomp",
            Health::Failed,
            "this kernel has no seccomp filters, which QEMU is started with",
            None,
        )
    };
    vec![landlock, seccomp]
}

pub(super) fn data_dir(config: &Config, failed: Option<&StoreError>) -> Check {
    match failed {
        None => check("records", Health::Ok, config.data_dir.display().to_string(), None),
        Some(error) => check(
            "records",
            Health::Failed,
            error.to_string(),
            Some(Hint::say("export PYRO_DATA_DIR=DIR, a directory that you can write to")),
        ),
    }
}

/// Records that can be opened, and yet do not tell what they should.
pub(super) fn unreadable(name: &'static str, error: &StoreError) -> Check {
    check(name, Health::Warning, error.to_string(), None)
}

pub(super) fn disk_space(config: &Config) -> Check {
    let existing = config
        .environment_cache_dir
        .ancestors()
        .find(|path| access::exists(path))
        .unwrap_or(Path::new("/"));
    match fs::free_bytes(existing) {
        Ok(free) => {
            let detail = format!("{} MiB free in {}", free >> 20, existing.display());
            if free >= WANTED_FREE {
                check("disk space", Health::Ok, detail, None)
            } else {
                let detail =
                    format!("{detail}; installing an environment wants {} MiB", WANTED_FREE >> 20);
                check(
                    "disk space",
                    Health::Warning,
                    detail,
                    Some(Hint::call("", call(OperationId::EnvironmentPrune))),
                )
            }
        }
        Err(error) => check("disk space", Health::Warning, error.to_string(), None),
    }
}

/// What installing an environment takes; an installed one runs without.
pub(super) async fn installer(config: &Config) -> Vec<Check> {
    let mirror = match EnvironmentStore::new(config).check_host().await {
        Ok(mirror) => {
            let there =
                check("installer", Health::Ok, "mmdebstrap and its companions are there", None);
            return vec![there, check("mirror", Health::Ok, format!("{mirror} answers"), None)];
        }
        Err(error) => error,
    };
    let name = match &mirror {
        EnvironmentError::MirrorUnreachable { .. } | EnvironmentError::InvalidMirror { .. } => {
            "mirror"
        }
        _ => "installer",
    };
    let error = PyroError::from(mirror);
    vec![check(
        name,
        Health::Warning,
        format!("{error}; installed environments still run"),
        error.hints().to_vec(),
    )]
}

pub(super) fn environments(config: &Config) -> Check {
    match EnvironmentStore::new(config).list() {
        Ok(all) => {
            let installed: Vec<_> =
                all.iter().filter(|one| one.installed).map(|one| one.name.as_str()).collect();
            let fix = installed.is_empty().then(pull);
            let detail = if installed.is_empty() {
                "none installed".to_owned()
            } else {
                installed.join(", ")
            };
            check("environments", Health::Ok, detail, fix)
        }
        Err(error) => check(
            "environments",
            Health::Warning,
            error.to_string(),
            Some(Hint::call("", call(OperationId::EnvironmentPrune))),
        ),
    }
}

/// Whether a guest boots here; none where none was tried, with the reason in the check.
pub(super) async fn guest(config: &Config, store: &Store) -> (Check, Option<bool>) {
    let installed = EnvironmentStore::new(config).list().unwrap_or_default();
    let Some(environment) = installed.iter().find(|environment| environment.installed) else {
        let detail = "not tried: no environment is installed, so there is no kernel to boot";
        return (
            check(
                "guest",
                Health::Warning,
                detail,
                [pull(), Hint::call("then", call(OperationId::Doctor))],
            ),
            None,
        );
    };
    match prepare::try_boot(config, store, &environment.name).await {
        Ok(Booted { execution_mode, took }) => {
            let detail = format!(
                "one of {} booted in {:.1} s ({execution_mode})",
                environment.name,
                took.as_secs_f64()
            );
            (check("guest", Health::Ok, detail, None), Some(true))
        }
        Err(error @ VmError::TooManyActive { .. }) => (
            check(
                "guest",
                Health::Warning,
                format!("not tried: {error}"),
                Some(Hint::call("", call(OperationId::WorkspaceList))),
            ),
            None,
        ),
        Err(error) => {
            let error = PyroError::from(error);
            let causes: String = error.causes().iter().map(|cause| format!("\n{cause}")).collect();
            // The hint of a failed boot often leads to this very operation.
            let is_other = |hint: &&Hint| {
                !matches!(
                    hint.next(), Some(Next::Operation(call)) if call.operation == OperationId::Doctor
                )
            };
            let fix: Vec<Hint> = error.hints().iter().filter(is_other).cloned().collect();
            (check("guest", Health::Failed, format!("{error}{causes}"), fix), Some(false))
        }
    }
}

pub(super) fn leftovers(config: &Config, store: &Store) -> Check {
    match reap::find_leftovers(config, store) {
        Ok(left) if left.is_empty() => check("leftovers", Health::Ok, "none", None),
        Ok(left) => {
            let names: Vec<_> = left.iter().map(ToString::to_string).collect();
            let detail = format!("{}; the next run clears them", names.join(", "));
            check(
                "leftovers",
                Health::Warning,
                detail,
                Some(Hint::call(
                    "",
                    call(OperationId::Run)
                        .with(Parameter::Environment, "debian:12")
                        .with(Parameter::Command, "true"),
                )),
            )
        }
        Err(error) => check("leftovers", Health::Warning, error.to_string(), None),
    }
}

pub(super) fn networking(config: &Config) -> NetworkingReport {
    let path_of = |name| program::find(&config.path, name).map(|path| path.display().to_string());
    NetworkingReport {
        enabled_by_default: false,
        tun_available: access::exists(Path::new("/dev/net/tun")),
        ip_binary: path_of("ip"),
        nft_binary: path_of("nft"),
        iptables_binary: path_of("iptables"),
        ip_forward_enabled: fs::read_bounded(Path::new("/proc/sys/net/ipv4/ip_forward"), 16)
            .is_ok_and(|text| text.starts_with(b"1")),
    }
}
