//! Profiles: which tools a server offers, as `contract.toml` says.

use pyro_contract::{Row, rows};

/// How much a server offers; each but the last holds the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// One-shot commands.
    VmRun,
    /// And workspaces, as most agents need them.
    WorkspaceCore,
    /// Everything.
    WorkspaceFull,
    /// One-shot commands, and workspaces by the oldest names that they had.
    Task,
}

impl Profile {
    /// All of them, the smallest first, and the one beside them.
    pub const ALL: [Self; 4] = [Self::VmRun, Self::WorkspaceCore, Self::WorkspaceFull, Self::Task];

    /// The name that a user types.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::VmRun => "vm-run",
            Self::WorkspaceCore => "workspace-core",
            Self::WorkspaceFull => "workspace-full",
            Self::Task => "task",
        }
    }

    /// The profile of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// Names of the tools that it holds and that are built, in the order of `place`.
    #[must_use]
    pub fn tools(self) -> Vec<String> {
        let offered = |row: &Row| {
            let holds_it = row.profiles.iter().any(|profile| profile == self.name());
            row.mcp.clone().filter(|_| row.is_built("mcp") && holds_it)
        };
        let mut names: Vec<String> = rows().iter().filter_map(offered).collect();
        names.sort_by_key(|name| place(name));
        names
    }
}

/// Where a tool stands in a list: first the one that is enough for most calls, then the others by
/// name.
pub(crate) fn place(tool: &str) -> (bool, String) {
    (tool != "vm_run", tool.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_each_profile_holds_the_smaller_one() {
        let mut smaller = Vec::new();
        for profile in Profile::ALL {
            assert_eq!(Profile::parse(profile.name()), Some(profile));
            let tools = profile.tools();
            assert!(
                profile == Profile::Task || smaller.iter().all(|name| tools.contains(name)),
                "{tools:?}"
            );
            assert_eq!(tools[0], "vm_run");
            smaller = tools;
        }
        assert_eq!(Profile::VmRun.tools(), ["vm_run"]);
        assert_eq!(Profile::parse("workspace"), None);
    }
}
