//! Building a Debian system and its disk image, in namespaces that die with this process.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use super::super::error::EnvironmentError;
use super::super::image::IMAGE_BYTES;
use super::super::progress::{InstallStage, Progress, Reader};
use super::prerequisites::Tools;
use super::release::Debian;
use super::sources::{self, Sources};
use crate::host::fs;
use crate::host::program::ProgramError;

/// How long nothing at all may be printed: apt gives a stalled download up sooner, unpacking a
/// package takes seconds.
const SILENCE_LIMIT: Duration = Duration::from_secs(600);
/// A file system with less room than this has stopped the program that failed on it.
const FULL_BELOW: u64 = 16 << 20;
const SCRIPT: &str = include_str!("build.sh");
const KERNEL_SCRIPT: &str = include_str!("kernel.sh");

/// Where a system is built.
pub(in crate::environment) struct Site<'a> {
    /// Gets `rootfs.ext4` and `kernel.deb`.
    pub(in crate::environment) work: &'a Path,
    /// Keeps packages for the next installation.
    pub(in crate::environment) downloads: &'a Path,
    /// Stays open until every process of the build is dead.
    pub(in crate::environment) alive: OwnedFd,
}

/// Build the system of the environment `name`.
pub(super) async fn build(
    tools: &Tools,
    name: &str,
    debian: &Debian,
    sources: &Sources,
    site: Site<'_>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), EnvironmentError> {
    let Site { work, downloads, alive } = site;
    let failed =
        |stage| move |source| EnvironmentError::Build { name: name.to_owned(), stage, source };
    let settings = sources::apt_settings(tools).await.map_err(failed("reading apt's settings"))?;
    fs::write_new(&work.join("apt.conf"), settings.as_bytes())?;
    fs::write_new(&work.join("sources.list"), sources.apt_list().as_bytes())?;
    fs::write_new(&work.join("guest.list"), sources.guest_list().as_bytes())?;
    fs::write_new(&work.join("kernel.sh"), KERNEL_SCRIPT.as_bytes())?;
    let script = tools
        .in_namespaces("mmdebstrap", SCRIPT)
        .without_env("APT_CONFIG")
        .without_env("SOURCE_DATE_EPOCH")
        .env("PYRO_WORK", work)
        .env("PYRO_DOWNLOADS", downloads)
        .env("PYRO_SUITE", &debian.suite)
        .env("PYRO_PACKAGES", debian.packages.join(","))
        .env("PYRO_IMAGE_BYTES", IMAGE_BYTES.to_string())
        .keep_open(alive);
    let mut reader = Reader::default();
    let built = script.run(SILENCE_LIMIT, &mut |line| reader.line(line, progress)).await;
    let stage = reader.stage().unwrap_or(InstallStage::Packages);
    let Err(source) = built else { return Ok(()) };
    if fs::free_bytes(work)? < FULL_BELOW {
        let path = work.parent().unwrap_or(work).to_owned();
        return Err(EnvironmentError::DiskFull { name: name.to_owned(), path });
    }
    // A package that was cut by a power failure has its size and not its content: begin without
    // what was kept.
    if stage == InstallStage::RootFilesystem && matches!(source, ProgramError::Failed { .. }) {
        let _ = fs::remove_tree(downloads);
    }
    Err(failed(stage.label())(source))
}
