//! Installing an environment: built in a partial directory, then moved into place part by part, its record last.

use std::path::{Path, PathBuf};

use super::blank;
use super::build::{self, IMAGE_BYTES};
use super::catalog::Environment;
use super::deb;
use super::digest;
use super::error::EnvironmentError;
use super::kernel::{self, KernelRecord};
use super::partial::{self, Partial};
use super::prerequisites::Tools;
use super::progress::{Progress, Stage};
use super::record::{self, BLANK_FILE, IMAGE_FILE, ImageRecord, Record};
use super::sources::Sources;
use crate::config::Config;
use crate::host::fs::{self, FsError, Stamp};
use crate::host::lock::FileLock;

/// Install `entry` into the cache, whose lock the caller holds. A failure leaves nothing but downloaded packages.
pub(super) async fn install(
    config: &Config,
    entry: &'static Environment,
    lock: &FileLock,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), EnvironmentError> {
    let cache = &config.environment_cache_dir;
    let installed = steps(config, entry, lock, progress).await;
    installed.map_err(|error| match error {
        error if error.is_full() => EnvironmentError::DiskFull { name: entry.name, path: cache.clone() },
        error => error,
    })
}

async fn steps(
    config: &Config,
    entry: &'static Environment,
    lock: &FileLock,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), EnvironmentError> {
    let cache = &config.environment_cache_dir;
    let tools = Tools::find(config)?;
    partial::remove_all(cache, &config.path)?;
    check_space(entry, cache)?;
    tools.try_namespaces().await?;
    let partial = Partial::create(cache, &config.path)?;
    progress(Progress::Stage(Stage::Mirror));
    let mut sources = Sources::choose(&tools, config.mirror.as_deref(), entry.suite).await?;
    sources.check(&tools, partial.dir(), progress).await?;
    let downloads = cache.join("downloads");
    fs::private_dir(&downloads)?;
    let alive = lock.share().map_err(|source| FsError { action: "share the lock of", path: cache.clone(), source })?;
    build::build(&tools, entry, &sources, partial.dir(), &downloads, alive, progress).await?;
    let (kernel, image) = tokio::join!(
        blocking(cache, partial.dir(), {
            let dpkg_deb = tools.dpkg_deb.clone();
            move |cache, work| store_kernel(cache, work, &dpkg_deb)
        }),
        blocking(cache, partial.dir(), {
            let tools = tools.clone();
            move |cache, work| store_image(entry, cache, work, &tools)
        }),
    );
    let record = Record::new(entry, sources.label(entry.suite), image?, kernel?);
    publish(cache, entry, &record)?;
    progress(Progress::Stage(Stage::Done));
    Ok(())
}

/// Run long work on a thread that may block.
async fn blocking<T: Send + 'static>(
    cache: &Path,
    work: &Path,
    run: impl FnOnce(&Path, &Path) -> Result<T, EnvironmentError> + Send + 'static,
) -> Result<T, EnvironmentError> {
    let (cache, work): (PathBuf, PathBuf) = (cache.to_owned(), work.to_owned());
    tokio::task::spawn_blocking(move || run(&cache, &work)).await.map_err(EnvironmentError::Interrupted)?
}

fn check_space(entry: &'static Environment, cache: &Path) -> Result<(), EnvironmentError> {
    let free_mib = fs::free_bytes(cache)? >> 20;
    let (name, needs_mib) = (entry.name, entry.needs_mib);
    if free_mib >= needs_mib {
        return Ok(());
    }
    Err(EnvironmentError::TooLittleSpace { name, path: cache.to_owned(), free_mib, needs_mib })
}

fn store_kernel(cache: &Path, work: &Path, dpkg_deb: &Path) -> Result<KernelRecord, EnvironmentError> {
    let unpacked = deb::read(dpkg_deb, &work.join("kernel.deb"))?;
    Ok(kernel::store(cache, work, &unpacked)?)
}

/// Give the image its name, which is its digest, and an empty layer; both durable before they are in place.
fn store_image(
    entry: &'static Environment,
    cache: &Path,
    work: &Path,
    tools: &Tools,
) -> Result<ImageRecord, EnvironmentError> {
    let built = work.join(IMAGE_FILE);
    let digest = digest::of_image(&built)?;
    let new = fs::unique_dir(work, "image-")?;
    let (place, image) = (record::image_dir(cache, &digest), new.join(IMAGE_FILE));
    let path = place.join(IMAGE_FILE);
    fs::set_read_only(&built)?;
    fs::sync_file(&built)?;
    fs::rename(&built, &image)?;
    let stage = "making its empty layer";
    blank::write(&tools.qemu_img, &new.join(BLANK_FILE), &path).map_err(|source| EnvironmentError::Build {
        name: entry.name,
        stage,
        source,
    })?;
    fs::sync_file(&new.join(BLANK_FILE))?;
    fs::private_dir(&cache.join("images"))?;
    if place.exists() {
        fs::rename(&place, &work.join("replaced-image"))?;
    }
    fs::rename(&new, &place)?;
    let (stamp, blank_stamp) = (Stamp::of(&path)?, Stamp::of(&place.join(BLANK_FILE))?);
    Ok(ImageRecord { digest, stamp, bytes: IMAGE_BYTES, path, blank_stamp })
}

/// Make the environment's directory: links for people who look there, then the record, which is what counts.
fn publish(cache: &Path, entry: &Environment, record: &Record) -> Result<(), FsError> {
    let dir = record::install_dir(cache, entry);
    fs::private_dir(&dir)?;
    let up = Path::new("../..");
    let image = up.join("images").join(digest::short(&record.image.digest));
    let kernel = up.join("kernels").join(digest::short(&record.kernel.digest));
    fs::symlink(&image.join(IMAGE_FILE), &dir.join(IMAGE_FILE))?;
    fs::symlink(&image.join(BLANK_FILE), &dir.join(BLANK_FILE))?;
    fs::symlink(&kernel.join("vmlinux"), &dir.join("vmlinux"))?;
    record.write(cache, entry)
}
