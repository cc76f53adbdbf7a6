//! `doctor`: what works on this host, what does not, and the command that mends it.

mod checks;
mod report;

pub use report::{
    BundleReport, Check, DoctorReport, Health, KvmReport, NetworkingReport, RuntimeCapabilities,
    RuntimeReport,
};

use crate::config::{Config, ConfigError};
use crate::environment::{CATALOG_VERSION, EnvironmentStore, PLATFORM};
use crate::store::Store;
use crate::vm::active::ActiveVms;

/// Examine this host, with the faults of its settings, and boot a guest where nothing stands in its
/// way, unless it is to be `quick`. Never fails: what cannot be looked at is a finding.
pub async fn examine(config: &Config, faults: &[ConfigError], quick: bool) -> DoctorReport {
    let store = Store::open(&config.data_dir);
    let (accelerator, kvm) = checks::accelerator(config, store.as_ref().ok());
    let qemu = checks::qemu_version(config).await;
    let mut all: Vec<Check> = faults.iter().map(checks::settings).collect();
    all.extend([checks::platform(), checks::qemu(&qemu), checks::qemu_img(config), accelerator]);
    all.extend(checks::confinement());
    all.push(checks::data_dir(config, store.as_ref().err()));
    all.push(checks::disk_space(config));
    all.extend(checks::installer(config).await);
    all.push(checks::environments(config));
    let mut vms = ActiveVms::default();
    if let Ok(store) = &store {
        match ActiveVms::count(store) {
            Ok(active) => vms = active,
            Err(error) => all.push(checks::unreadable("vms", &error)),
        }
        all.push(checks::leftovers(config, store));
    }
    let mut guest_booted = None;
    if let Ok(store) = &store
        && !quick
        && !all.iter().any(|check| check.health == Health::Failed)
    {
        let (check, booted) = checks::guest(config, store).await;
        guest_booted = booted;
        all.push(check);
    }
    let issues: Vec<String> = all
        .iter()
        .filter(|check| check.health == Health::Failed)
        .map(|check| format!("{}: {}", check.name, check.detail))
        .collect();
    let runtime_ok = issues.is_empty();
    DoctorReport {
        platform: PLATFORM.to_owned(),
        runtime_ok,
        guest_booted,
        kvm,
        networking: checks::networking(config),
        runtime: RuntimeReport {
            bundle: BundleReport::default(),
            bundle_version: env!("CARGO_PKG_VERSION").to_owned(),
            catalog_version: CATALOG_VERSION.to_owned(),
            component_versions: [
                ("pyro", Some(env!("CARGO_PKG_VERSION"))),
                ("qemu", qemu.as_ref().ok().map(|(_, abilities)| &*abilities.version)),
            ]
            .into_iter()
            .filter_map(|(name, version)| Some((name, version?.to_owned())))
            .collect(),
            cache_dir: config.environment_cache_dir.display().to_string(),
            capabilities: RuntimeCapabilities {
                supports_vm_boot: runtime_ok,
                supports_guest_exec: runtime_ok,
                supports_guest_network: false,
                reason: issues.first().cloned(),
            },
            environments: EnvironmentStore::new(config).list().unwrap_or_default(),
        },
        issues,
        checks: all,
        vms,
    }
}
