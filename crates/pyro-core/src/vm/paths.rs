//! Where the files of a vm are; only a parsed id is ever joined to a path.

use crate::config::Config;
use crate::id::Id;
use crate::service_name::ServiceName;
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

/// A layer of a workspace on the host: the directory that its agent has as `/`.
#[must_use]
pub fn layer_tree(config: &Config, id: Id) -> PathBuf {
    layers_dir(config).join(format!("{id}.tree"))
}

/// A disk layer that workspaces share.
#[must_use]
pub fn shared_layer(config: &Config, id: Id) -> PathBuf {
    layers_dir(config).join(format!("{id}.qcow2"))
}

/// Directory of the layers of workspaces.
#[must_use]
pub fn layers_dir(config: &Config) -> PathBuf {
    config.data_dir.join("layers")
}

/// Room on the host's disk that a vm that stays holds for the record of its end.
#[must_use]
pub fn room(config: &Config, id: Id) -> PathBuf {
    vm_dir(config, id).join("room")
}

/// Files of one workspace that are neither records nor layers.
#[must_use]
pub fn workspace_dir(config: &Config, workspace: Id) -> PathBuf {
    config.data_dir.join("workspaces").join(workspace.to_string())
}

/// The secrets of a workspace.
#[must_use]
pub fn secrets(config: &Config, workspace: Id) -> PathBuf {
    workspace_dir(config, workspace).join("secrets.json")
}

/// What the services of a workspace have printed.
#[must_use]
pub fn services_dir(config: &Config, workspace: Id) -> PathBuf {
    workspace_dir(config, workspace).join("services")
}

/// What one service has printed.
#[must_use]
pub fn service_dir(config: &Config, workspace: Id, service: &ServiceName) -> PathBuf {
    services_dir(config, workspace).join(service.as_str())
}

/// The logs of a service's stdout and stderr in its directory.
pub const SERVICE_LOGS: [&str; 2] = ["stdout", "stderr"];
