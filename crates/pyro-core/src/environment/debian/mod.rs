//! Environments built from Debian's signed packages.

mod build;
mod deb;
mod prerequisites;
mod release;
mod sources;

pub(super) use build::Site;
pub(super) use prerequisites::Tools;
pub(super) use release::Debian;

use std::path::Path;

use super::error::EnvironmentError;
use super::kernel::{KernelError, Unpacked};
use super::progress::{InstallStage, Progress};
use crate::config::Config;
use crate::host::fs;
use sources::Sources;

impl Debian {
    /// Build the system of the environment `name` at `site`. Gives where it came from.
    pub(super) async fn build(
        &self,
        tools: &Tools,
        name: &str,
        mirror: Option<&str>,
        site: Site<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<String, EnvironmentError> {
        progress(Progress::Stage(InstallStage::Mirror));
        let mut sources = Sources::choose(tools, mirror, &self.suite).await?;
        sources.check(tools, site.work, progress).await?;
        fs::private_dir(site.downloads)?;
        build::build(tools, name, self, &sources, site, progress).await?;
        Ok(sources.label(&self.suite))
    }
}

/// The kernel that was built into `work`; `dpkg_deb` opens its package.
pub(super) fn kernel(dpkg_deb: &Path, work: &Path) -> Result<Unpacked, KernelError> {
    deb::read(dpkg_deb, &work.join("kernel.deb"))
}

/// Look whether systems of the release `suite` can be built here: programs, namespaces and a mirror
/// that answers. Gives the mirror.
pub(super) async fn check_host(config: &Config, suite: &str) -> Result<String, EnvironmentError> {
    let tools = Tools::find(config)?;
    tools.try_namespaces().await?;
    let mut sources = Sources::choose(&tools, config.mirror.as_deref(), suite).await?;
    let scratch = fs::scratch_dir(Path::new("/tmp"))?;
    sources.check(&tools, scratch.path(), &mut |_| {}).await?;
    Ok(sources.mirror())
}
