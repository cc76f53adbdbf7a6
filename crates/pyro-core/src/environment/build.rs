//! Building a Debian system and its disk image, in namespaces that die with this process.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use super::catalog::Environment;
use super::error::EnvironmentError;
use super::prerequisites::Tools;
use super::progress::{Progress, Reader, Stage};
use super::sources::{self, Sources};
use crate::host::fs;
use crate::host::program::ProgramError;

/// Virtual size of every image; the file is sparse.
pub(super) const IMAGE_BYTES: u64 = 8 << 30;
/// How long nothing at all may be printed: apt gives a stalled download up sooner, unpacking a package takes seconds.
const SILENCE_LIMIT: Duration = Duration::from_secs(600);
/// A file system with less room than this has stopped the program that failed on it.
const FULL_BELOW: u64 = 16 << 20;
const SCRIPT: &str = include_str!("build.sh");
const KERNEL_SCRIPT: &str = include_str!("kernel.sh");

/// Build `entry` into `work`, which gets `rootfs.ext4` and `kernel.deb`. `alive` stays open until every process of the
/// build is dead.
pub(super) async fn build(
    tools: &Tools,
    entry: &'static Environment,
    sources: &Sources,
    work: &Path,
    downloads: &Path,
    alive: OwnedFd,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), EnvironmentError> {
    let failed = |stage| move |source| EnvironmentError::Build { name: entry.name, stage, source };
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
        .env("PYRO_SUITE", entry.suite)
        .env("PYRO_PACKAGES", entry.packages.join(","))
        .env("PYRO_IMAGE_BYTES", IMAGE_BYTES.to_string())
        .keep_open(alive);
    let mut reader = Reader::default();
    let built = script.run(SILENCE_LIMIT, &mut |line| reader.line(line, progress)).await;
    let stage = reader.stage().unwrap_or(Stage::Packages);
    let Err(source) = built else { return Ok(()) };
    if fs::free_bytes(work)? < FULL_BELOW {
        return Err(EnvironmentError::DiskFull { name: entry.name, path: work.parent().unwrap_or(work).to_owned() });
    }
    // A package that was cut by a power failure has its size and not its content: begin without what was kept.
    if stage == Stage::RootFilesystem && matches!(source, ProgramError::Failed { .. }) {
        let _ = fs::remove_tree(downloads);
    }
    Err(failed(stage.label())(source))
}
