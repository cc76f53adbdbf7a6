//! Installing an environment: built in a partial directory, then moved into place part by part, its
//! record last.

use std::path::{Path, PathBuf};

use super::debian::{self, Site, Tools};
use super::digest;
use super::error::EnvironmentError;
use super::image::{self, BLANK_FILE, IMAGE_FILE};
use super::kernel::{self, KernelRecord};
use super::partial::{self, Partial};
use super::progress::{InstallStage, Progress};
use super::record::{self, Record};
use super::reference::{Environment, Origin};
use crate::config::Config;
use crate::host::fs::{self, FsError};
use crate::host::lock::FileLock;

/// Install `environment` into the cache, whose lock the caller holds. A failure leaves nothing but
/// downloaded packages.
pub(super) async fn install(
    config: &Config,
    environment: &Environment,
    lock: &FileLock,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), EnvironmentError> {
    let cache = &config.environment_cache_dir;
    let installed = steps(config, environment, lock, progress).await;
    installed.map_err(|error| match error {
        error if error.is_full() => {
            EnvironmentError::DiskFull { name: environment.name.clone(), path: cache.clone() }
        }
        error => error,
    })
}

async fn steps(
    config: &Config,
    environment: &Environment,
    lock: &FileLock,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), EnvironmentError> {
    let (cache, name) = (&config.environment_cache_dir, environment.name.clone());
    let tools = Tools::find(config)?;
    partial::remove_all(cache, &config.path)?;
    check_space(environment, cache)?;
    tools.try_namespaces().await?;
    let partial = Partial::create(cache, &config.path)?;
    let alive = lock.share();
    let alive = alive.map_err(|source| FsError {
        action: "share the lock of",
        path: cache.clone(),
        source,
    })?;
    let site = Site { work: partial.dir(), downloads: &cache.join("downloads"), alive };
    let mirror = config.mirror.as_deref();
    let source = match &environment.origin {
        Origin::Debian(debian) => debian.build(&tools, &name, mirror, site, progress).await?,
    };
    let Tools { dpkg_deb, qemu_img, .. } = tools;
    let (kernel, image) = tokio::join!(
        blocking(cache, partial.dir(), move |cache, work| store_kernel(cache, work, &dpkg_deb)),
        blocking(cache, partial.dir(), move |cache, work| image::store(
            &name, cache, work, &qemu_img
        )),
    );
    let record = Record::new(environment, source, image?, kernel?);
    publish(cache, environment, &record)?;
    progress(Progress::Stage(InstallStage::Done));
    Ok(())
}

/// Run long work on a thread that may block.
async fn blocking<T: Send + 'static>(
    cache: &Path,
    work: &Path,
    run: impl FnOnce(&Path, &Path) -> Result<T, EnvironmentError> + Send + 'static,
) -> Result<T, EnvironmentError> {
    let (cache, work): (PathBuf, PathBuf) = (cache.to_owned(), work.to_owned());
    tokio::task::spawn_blocking(move || run(&cache, &work))
        .await
        .map_err(EnvironmentError::Interrupted)?
}

fn check_space(environment: &Environment, cache: &Path) -> Result<(), EnvironmentError> {
    let free_mib = fs::free_bytes(cache)? >> 20;
    let needs_mib = environment.needs_mib;
    if free_mib >= needs_mib {
        return Ok(());
    }
    let (name, path) = (environment.name.clone(), cache.to_owned());
    Err(EnvironmentError::TooLittleSpace { name, path, free_mib, needs_mib })
}

fn store_kernel(
    cache: &Path,
    work: &Path,
    dpkg_deb: &Path,
) -> Result<KernelRecord, EnvironmentError> {
    let unpacked = debian::kernel(dpkg_deb, work)?;
    Ok(kernel::store(cache, work, &unpacked)?)
}

/// Make the environment's directory: links for people who look there, then the record, which is
/// what counts.
fn publish(cache: &Path, environment: &Environment, record: &Record) -> Result<(), FsError> {
    let dir = record::install_dir(cache, environment);
    fs::private_dir(&dir)?;
    let up = Path::new("../..");
    let image = up.join("images").join(digest::short(&record.image.digest));
    let kernel = up.join("kernels").join(digest::short(&record.kernel.digest));
    fs::symlink(&image.join(IMAGE_FILE), &dir.join(IMAGE_FILE))?;
    fs::symlink(&image.join(BLANK_FILE), &dir.join(BLANK_FILE))?;
    fs::symlink(&kernel.join("vmlinux"), &dir.join("vmlinux"))?;
    record.write(cache, environment)
}
