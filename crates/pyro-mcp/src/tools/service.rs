//! What the tools for services have in common.

use super::parameters;
use crate::refusal::Refusal;
use pyro_core::{Id, Pyro, ServiceName};
use schemars::JsonSchema;
use serde::Deserialize;

/// A service of a workspace.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Named {
    workspace_id: String,
    service_name: String,
}

impl Named {
    /// Its workspace and its name.
    pub(super) fn parsed(&self) -> Result<(Id, ServiceName), Refusal> {
        let name = Pyro::service_name(&self.service_name).map_err(Refusal::from)?;
        Ok((parameters::workspace_id(&self.workspace_id)?, name))
    }
}
