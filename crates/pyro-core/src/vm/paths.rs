//! Where the files of a vm are; only a parsed id is ever joined to a path.

use crate::config::Config;
use crate::id::Id;
use std::path::PathBuf;

/// Directory that holds one directory per vm.
#[must_use]
pub fn vms_dir(config: &Config) -> PathBuf {
    config.data_dir.join("vms")
}

/// Everything on disk of one vm.
#[must_use]
pub fn vm_dir(config: &Config, id: Id) -> PathBuf {
    vms_dir(config).join(id.to_string())
}

/// The vm's disk layer.
#[must_use]
pub fn layer(config: &Config, id: Id) -> PathBuf {
    vm_dir(config, id).join("layer.qcow2")
}

/// What its supervisor logs.
#[must_use]
pub fn log(config: &Config, id: Id) -> PathBuf {
    vm_dir(config, id).join("supervisor.log")
}

/// Name of its supervisor's socket in the runtime directory.
#[must_use]
pub fn socket_name(id: Id) -> String {
    format!("{id}.sock")
}
