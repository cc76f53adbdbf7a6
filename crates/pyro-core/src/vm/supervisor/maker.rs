//! Making templates from a vm that boots, on its way.

use super::failure::{after_broken_channel, not_met, with_room};
use super::start::{ANSWER_LIMIT, disk};
use crate::engine::machine::Machine;
use crate::guest::boot::Port;
use crate::vm::control::protocol::QemuLaunch;
use crate::vm::failure::{Failure, Stage};
use crate::vm::template::save::{SaveError, save};
use crate::vm::template::{MakerLock, TemplateKey, TemplateStore};
use pyro_protocol::hello::Prepare;
use std::fs::File;
use std::path::{Path, PathBuf};

/// What a booted vm leaves behind.
pub(super) struct Making<'a> {
    pub(super) templates: &'a TemplateStore,
    pub(super) lock: &'a MakerLock,
    /// With no disk mounted, where that is missing.
    pub(super) bare: Option<&'a TemplateKey>,
    /// With the vm's new disk mounted, where that is missing.
    pub(super) mounted: Option<&'a TemplateKey>,
    pub(super) qemu: &'a QemuLaunch,
    /// What the host's disk is told by when it is full.
    pub(super) data_dir: &'a Path,
}

impl Making<'_> {
    /// Save the machine, whose agent waits, before and after its disk was mounted; whether it is
    /// mounted now. What cannot be saved is told to the log: only a machine that does not go on is
    /// a failure.
    pub(super) async fn make(
        self,
        machine: &mut Machine,
        port: &mut Port,
        memory: &File,
        layer: Option<&PathBuf>,
    ) -> Result<bool, Failure> {
        let ready = async { machine.monitor()?.ready().await };
        if let Err(error) = ready.await {
            tracing::warn!(%error, "no template can be made");
            return Ok(false);
        }
        if let Some(key) = self.bare {
            self.save(machine, memory, key, None).await?;
        }
        let Some(key) = self.mounted else { return Ok(false) };
        let order = Prepare { mount: disk(), warm: self.qemu.warm.clone() };
        let prepared = async { Ok(port.prepare(&order, ANSWER_LIMIT).await) };
        if let Err(error) = with_room(self.data_dir, machine.monitor.as_ref(), prepared).await? {
            return Err(Failure { stage: Stage::Mount, ..not_met(machine, error).await });
        }
        self.save(machine, memory, key, layer.map(PathBuf::as_path)).await?;
        Ok(true)
    }

    async fn save(
        &self,
        machine: &mut Machine,
        memory: &File,
        key: &TemplateKey,
        layer: Option<&Path>,
    ) -> Result<(), Failure> {
        let saved = match (self.templates.begin(self.lock, key), machine.monitor()) {
            (Ok(staging), Ok(monitor)) => save(monitor, memory, layer, staging).await,
            (Err(error), _) => Err(SaveError::Files(error)),
            (_, Err(error)) => Err(SaveError::Qemu(error)),
        };
        match saved {
            Ok(()) => Ok(()),
            Err(error @ SaveError::NotResumed(_)) => {
                Err(after_broken_channel(machine, Stage::Boot, &error).await)
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no template was saved");
                Ok(())
            }
        }
    }
}
