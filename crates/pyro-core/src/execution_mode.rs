//! What executes a vm's commands, as records and results name it.

use serde::{Deserialize, Serialize};

/// What executes a vm's commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionMode {
    /// Not known before the first start.
    #[default]
    Pending,
    /// A guest on the host's processor, through KVM.
    GuestKvm,
    /// A guest under QEMU's software emulation.
    GuestTcg,
    /// No guest: commands run on the host as the caller's user. Only with `allow_host_compat`.
    HostCompat,
}

impl ExecutionMode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Pending, Self::GuestKvm, Self::GuestTcg, Self::HostCompat];

    /// The name in records and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::GuestKvm => "guest_kvm",
            Self::GuestTcg => "guest_tcg",
            Self::HostCompat => "host_compat",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

impl std::fmt::Display for ExecutionMode {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::ExecutionMode;

    #[test]
    fn a_mode_has_one_name_everywhere() {
        for mode in ExecutionMode::ALL {
            assert_eq!(ExecutionMode::parse(mode.name()), Some(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
        }
        assert_eq!(ExecutionMode::parse("guest_xen"), None);
    }
}
