//! The rows of `contract.toml`, which is compiled in.

use pyro_core::hints::OperationId;
use serde::Deserialize;
use std::sync::LazyLock;

/// An operation and its name on each surface.
#[derive(Debug, Deserialize)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Its command, without `pyro`.
    pub cli: Option<String>,
    /// Its MCP tool.
    pub mcp: Option<String>,
    /// Its Python method.
    pub python: Option<String>,
    /// The server profiles that hold the tool.
    pub profiles: Vec<String>,
    /// The surfaces that have it today.
    pub built: Vec<String>,
    /// The command's positional arguments.
    #[serde(default)]
    pub positionals: Vec<String>,
    /// The command's flags.
    #[serde(default)]
    pub flags: Vec<Flag>,
}

/// A flag of a command.
#[derive(Debug, Deserialize)]
pub struct Flag {
    /// With its hyphens.
    pub name: String,
}

#[derive(Deserialize)]
struct Contract {
    operation: Vec<Row>,
}

static ROWS: LazyLock<Vec<Row>> =
    LazyLock::new(|| match toml::from_str::<Contract>(include_str!("../../../contract.toml")) {
        Ok(contract) => contract.operation,
        // It is compiled in, and a test reads it.
        Err(error) => unreachable!("contract.toml: {error}"),
    });

/// Every row.
#[must_use]
pub fn rows() -> &'static [Row] {
    &ROWS
}

impl Row {
    /// The row of an operation that a hint leads to.
    pub(crate) fn of(operation: OperationId) -> Option<&'static Self> {
        rows().iter().find(|row| row.id == operation.name())
    }

    /// The operation of tasks that does the same to a workspace by its old name.
    pub(crate) fn of_tasks(&self) -> Option<&'static Self> {
        let verb = self.id.strip_prefix("workspace.")?;
        rows().iter().find(|row| row.id.strip_prefix("task.") == Some(verb))
    }

    /// Whether a surface has it today.
    #[must_use]
    pub fn is_built(&self, surface: &str) -> bool {
        self.built.iter().any(|built| built == surface)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_a_hint_is_one_of_the_contract_and_is_built() {
        for operation in OperationId::ALL {
            let row = Row::of(*operation);
            assert!(row.is_some_and(|row| !row.built.is_empty()), "{}", operation.name());
        }
    }

    #[test]
    fn a_task_has_a_row_for_what_it_renames() {
        let of_tasks =
            |operation| Row::of(operation).unwrap().of_tasks().map(|row| row.id.as_str());
        assert_eq!(of_tasks(OperationId::WorkspaceSyncPush), Some("task.sync.push"));
        assert_eq!(of_tasks(OperationId::WorkspaceStart), None);
        assert_eq!(of_tasks(OperationId::Run), None);
    }
}
