//! The machine that a tool makes, as its arguments name it; its lifetime is each tool's own.

use super::parameters;
use crate::grants::Grants;
use crate::refusal::Refusal;
use pyro_core::{PyroError, Shape};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
pub(super) struct Machine {
    #[schemars(schema_with = "parameters::environment")]
    pub(super) environment: String,
    /// Virtual CPUs
    #[serde(default = "parameters::vcpu_count")]
    #[schemars(range(min = 1, max = 8))]
    pub(super) vcpu_count: u32,
    /// Memory
    #[serde(default = "parameters::mem_mib")]
    #[schemars(range(min = 256, max = 32_768))]
    pub(super) mem_mib: u32,
    // What a model reads of these two, the server's grants say.
    #[serde(default)]
    pub(super) network: bool,
    #[serde(default)]
    pub(super) allow_host_compat: bool,
}

impl Machine {
    /// Let a call have what it asks for.
    pub(super) fn check(&self, grants: &Grants) -> Result<(), Refusal> {
        grants.check(self.network, self.allow_host_compat)
    }

    /// The shape of a vm that may live so long.
    pub(super) fn shape(&self, ttl_seconds: u32) -> Result<Shape, PyroError> {
        Ok(Shape::new(self.vcpu_count, self.mem_mib, ttl_seconds)?)
    }
}
