//! Removing what no installed environment needs: leftovers, old versions, unused images, kernels
//! and archives.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::catalog::catalog;
use super::digest::short;
use super::error::EnvironmentError;
use super::image::blank;
use super::kernel::own;
use super::partial;
use super::record::{self, Found, Record};
use super::reference::Environment;
use crate::config::Config;
use crate::host::fs;
use crate::host::lock::FileLock;

/// An archive younger than this may belong to a vm that is about to start, and a file that is being
/// written is.
const YOUNG_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// What installed environments and `in_use` need.
#[derive(Debug, Default)]
struct Needed {
    dirs: BTreeSet<String>,
    images: BTreeSet<String>,
    kernels: BTreeSet<String>,
}

/// Remove it all and name it, relative to the cache or, for an environment, to its platform's
/// directory. `in_use` tells the digests of images that disk layers stand on; it is asked under the
/// lock, since what is recorded later stands on an image that is published later.
pub(super) fn prune<E: From<EnvironmentError>>(
    config: &Config,
    lock: &Path,
    in_use: impl FnOnce() -> Result<Vec<String>, E>,
) -> Result<Vec<String>, E> {
    let cache = &config.environment_cache_dir;
    if !cache.is_dir() {
        return Ok(Vec::new());
    }
    match FileLock::try_acquire(lock).map_err(EnvironmentError::from)? {
        Some(_lock) => Ok(remove_unneeded(config, &in_use()?)?),
        None => Ok(remove_unknown(cache)?),
    }
}

/// Somebody is installing: everything but unknown names may be his.
fn remove_unknown(cache: &Path) -> Result<Vec<String>, EnvironmentError> {
    let known: BTreeSet<_> = catalog().iter().map(Environment::dir_name).collect();
    remove_others(&record::platform_dir(cache), "", |name| known.contains(name))
}

fn remove_unneeded(config: &Config, in_use: &[String]) -> Result<Vec<String>, EnvironmentError> {
    let cache = &config.environment_cache_dir;
    let mut removed = partial::remove_all(cache, &config.path)?;
    let mut needed = Needed::read(cache)?;
    needed.images.extend(in_use.iter().map(|digest| short(digest).to_owned()));
    removed.extend(remove_others(&record::platform_dir(cache), "", |name| {
        needed.dirs.contains(name)
    })?);
    removed.extend(remove_others(&cache.join("images"), "images/", |name| {
        needed.images.contains(name)
    })?);
    removed.extend(remove_others(&cache.join("kernels"), "kernels/", |name| {
        needed.kernels.contains(name)
    })?);
    let archives = cache.join("initramfs");
    removed.extend(remove_others(&archives, "initramfs/", |name| {
        name == ".lock" || is_young(&archives.join(name))
    })?);
    for name in &needed.images {
        let image = cache.join("images").join(name);
        removed.extend(remove_others(&image, &format!("images/{name}/"), |name| {
            !name.contains(blank::NEW) || is_young(&image.join(name))
        })?);
    }
    removed.extend(remove_others(cache, "", |name| name != "downloads")?);
    removed.sort();
    Ok(removed)
}

impl Needed {
    fn read(cache: &Path) -> Result<Self, EnvironmentError> {
        let mut needed = Self::default();
        for environment in catalog() {
            let Found::Record(record) = Record::read(cache, &environment)? else { continue };
            // An environment without its image or kernel is none, as `list` says too.
            if record.image.image(cache).is_file() && record.kernel.kernel(cache).vmlinux.is_file()
            {
                needed.dirs.insert(environment.dir_name());
                needed.images.insert(short(&record.image.digest).to_owned());
                needed.kernels.insert(short(&record.kernel.digest).to_owned());
            }
        }
        let kernels = cache.join("kernels");
        for name in fs::names_in(&kernels)?.into_iter().filter(|name| name.starts_with("own-")) {
            if let Some(vmlinux) = own::needed_by(&kernels.join(&name)) {
                needed.kernels.insert(name);
                let dir = vmlinux.strip_prefix(&kernels).ok().and_then(|path| path.iter().next());
                needed.kernels.extend(dir.map(|dir| dir.to_string_lossy().into_owned()));
            }
        }
        Ok(needed)
    }
}

fn is_young(path: &Path) -> bool {
    fs::age(path).is_none_or(|age| age < YOUNG_AGE)
}

/// Remove what `keep` does not hold, and name it behind `prefix`.
fn remove_others(
    dir: &Path,
    prefix: &str,
    keep: impl Fn(&str) -> bool,
) -> Result<Vec<String>, EnvironmentError> {
    let mut removed = Vec::new();
    for name in fs::names_in(dir)?.into_iter().filter(|name| !keep(name)) {
        fs::remove_tree(&dir.join(&name))?;
        removed.push(format!("{prefix}{name}"));
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::time::SystemTime;

    #[test]
    fn what_killed_writers_left_goes_when_it_is_old() {
        let cache = tempfile::tempdir().unwrap();
        let archives = cache.path().join("initramfs");
        fs::private_dir(&archives).unwrap();
        let old = YOUNG_AGE + Duration::from_secs(1);
        for (name, age) in [
            (".lock", old),
            (".new-killed", old),
            (".new-at-work", Duration::ZERO),
            ("a.cpio", old),
            ("b.cpio", Duration::ZERO),
        ] {
            let file = File::create_new(archives.join(name)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        let variable = |name: &str| match name {
            "PYRO_ENVIRONMENT_CACHE_DIR" => Some(cache.path().as_os_str().to_owned()),
            "PYRO_DATA_DIR" => Some("/nonexistent".into()),
            _ => None,
        };
        let config = Config::from_variables("/nonexistent/pyro", variable).unwrap();
        let removed = prune(&config, &cache.path().join("install.lock"), || {
            Ok::<_, EnvironmentError>(vec!["0123456789abcdef".into()])
        })
        .unwrap();
        assert_eq!(removed, ["initramfs/.new-killed", "initramfs/a.cpio"]);
        assert_eq!(fs::names_in(&archives).unwrap(), [".lock", ".new-at-work", "b.cpio"]);
    }

    #[test]
    fn a_layer_that_was_never_put_in_place_goes_and_its_image_stays() {
        let cache = tempfile::tempdir().unwrap();
        let digest = "0123456789abcdef0123456789abcdef";
        let image = cache.path().join("images").join(short(digest));
        fs::private_dir(&image).unwrap();
        let old = YOUNG_AGE + Duration::from_secs(1);
        for (name, age) in [
            ("disk.ext4", old),
            ("blank", old),
            ("blank.new-1", old),
            ("blank.new-2", Duration::ZERO),
        ] {
            let file = File::create_new(image.join(name)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        let variable = |name: &str| match name {
            "PYRO_ENVIRONMENT_CACHE_DIR" => Some(cache.path().as_os_str().to_owned()),
            "PYRO_DATA_DIR" => Some("/nonexistent".into()),
            _ => None,
        };
        let config = Config::from_variables("/nonexistent/pyro", variable).unwrap();
        prune(&config, &cache.path().join("install.lock"), || {
            Ok::<_, EnvironmentError>(vec![digest.into()])
        })
        .unwrap();
        assert_eq!(fs::names_in(&image).unwrap(), ["blank", "blank.new-2", "disk.ext4"]);
    }
}
