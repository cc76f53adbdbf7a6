//! What a vm's network is.

use crate::id::Id;
use crate::store::vm::VmRecord;
use serde::Serialize;

/// The network of a vm. The names are those of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VmNetworkInfo {
    /// The vm.
    pub vm_id: Id,
    /// Whether it has a network.
    pub network_enabled: bool,
    /// Whether the guest is to reach the outside.
    pub outbound_connectivity_expected: bool,
    /// Why there are no details.
    pub reason: &'static str,
}

/// The network of `vm`: no vm has one yet.
#[must_use]
pub fn network_info(vm: &VmRecord) -> VmNetworkInfo {
    VmNetworkInfo {
        vm_id: vm.id,
        network_enabled: false,
        outbound_connectivity_expected: false,
        reason: "network is disabled",
    }
}
