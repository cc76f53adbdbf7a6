//! The door to environments: list, inspect, pull, open, prune.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::catalog::{CATALOG_VERSION, COMPATIBILITY, PLATFORM, SUITE, catalog};
use super::debian;
use super::digest;
use super::error::EnvironmentError;
use super::image::{self, blank};
use super::initramfs::{self, Agent};
use super::install;
use super::kernel::vmlinux::SIZE_LIMIT;
use super::kernel::{Kernel, own};
use super::progress::{InstallStage, Progress};
use super::prune;
use super::record::{self, Found, Record};
use super::reference::Environment;
use crate::config::Config;
use crate::host::fs::{self, FsError, Stamp};
use crate::host::lock::FileLock;

/// How long a pull waits for another one; that ends sooner, or is killed by its own limits.
const WAIT_LIMIT: Duration = Duration::from_secs(60 * 60);

/// The environments on this machine.
#[derive(Clone, Debug)]
pub struct EnvironmentStore {
    config: Config,
}

/// An environment as it is listed. The names are those of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnvironmentInfo {
    /// Catalog name.
    pub name: String,
    /// Image version.
    pub version: String,
    /// One line for people.
    pub description: String,
    /// Headline packages.
    pub default_packages: Vec<String>,
    /// Distribution.
    pub distribution: String,
    /// Release of the distribution.
    pub distribution_version: String,
    /// Always `linux-x86_64`.
    pub platform: &'static str,
    /// Always null: nothing comes from an OCI registry yet.
    pub oci_registry: Option<String>,
    /// Always null.
    pub oci_repository: Option<String>,
    /// Always null.
    pub oci_reference: Option<String>,
    /// Digest of the installed image.
    pub source_digest: Option<String>,
    /// Versions of the program that can use it.
    pub compatibility: &'static str,
    /// Version of the catalog.
    pub catalog_version: &'static str,
    /// Whether it is there and complete.
    pub installed: bool,
    /// The cache.
    pub cache_dir: PathBuf,
    /// Its directory in the cache.
    pub install_dir: PathBuf,
    /// Its record, where it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_manifest: Option<PathBuf>,
}

/// What a pull reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstalledInfo {
    /// As it is listed.
    #[serde(flatten)]
    pub environment: EnvironmentInfo,
    /// The kernel that it boots.
    pub kernel_image: PathBuf,
    /// Its disk image.
    pub rootfs_image: PathBuf,
    /// Where it came from, such as `debian://deb.debian.org/debian/bookworm`.
    pub source: String,
}

/// An environment that a machine can boot from; its files were checked when this value was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// What it is.
    pub environment: Environment,
    /// The raw disk image, never written to.
    pub image: PathBuf,
    /// Digest of the image, in hex; prune is told by it that a disk layer still needs the image.
    pub image_digest: String,
    /// Virtual size of the image.
    pub image_bytes: u64,
    /// An empty qcow2 layer over the image: copied, it is a new machine's disk.
    pub blank: PathBuf,
    /// The kernel to boot: the user's own where one is set.
    pub kernel: Kernel,
    /// Where it came from.
    pub source: String,
    /// How it is listed.
    pub info: EnvironmentInfo,
}

impl Installed {
    /// What a pull reports.
    #[must_use]
    pub fn into_info(self) -> InstalledInfo {
        InstalledInfo {
            environment: self.info,
            kernel_image: self.kernel.vmlinux,
            rootfs_image: self.image,
            source: self.source,
        }
    }
}

impl EnvironmentStore {
    /// The environments in the configured cache.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { config: config.clone() }
    }

    fn cache(&self) -> &Path {
        &self.config.environment_cache_dir
    }

    /// Held by whoever installs; one for the whole cache, because installations share what they
    /// download.
    fn lock_path(&self) -> PathBuf {
        self.cache().join("install.lock")
    }

    /// All environments.
    ///
    /// # Errors
    /// When a record cannot be read; one that holds nonsense counts as not installed.
    pub fn list(&self) -> Result<Vec<EnvironmentInfo>, EnvironmentError> {
        catalog().iter().map(|environment| self.info(environment)).collect()
    }

    /// One environment.
    ///
    /// # Errors
    /// [`EnvironmentError::Unknown`], or as [`Self::list`].
    pub fn inspect(&self, name: &str) -> Result<EnvironmentInfo, EnvironmentError> {
        self.info(&Environment::find(name)?)
    }

    fn info(&self, environment: &Environment) -> Result<EnvironmentInfo, EnvironmentError> {
        let is_there = |record: &Record| {
            record.image.image(self.cache()).is_file()
                && record.kernel.kernel(self.cache()).vmlinux.is_file()
        };
        Ok(match Record::read(self.cache(), environment)? {
            Found::Record(record) if is_there(&record) => self.describe(environment, Some(&record)),
            _ => self.describe(environment, None),
        })
    }

    fn describe(&self, environment: &Environment, record: Option<&Record>) -> EnvironmentInfo {
        EnvironmentInfo {
            name: environment.name.clone(),
            version: environment.version.clone(),
            description: environment.description.clone(),
            default_packages: environment.default_packages.clone(),
            distribution: environment.distribution.clone(),
            distribution_version: environment.distribution_version.clone(),
            platform: PLATFORM,
            oci_registry: None,
            oci_repository: None,
            oci_reference: None,
            source_digest: record.map(|record| record.source_digest.clone()),
            compatibility: COMPATIBILITY,
            catalog_version: CATALOG_VERSION,
            installed: record.is_some(),
            cache_dir: self.cache().to_owned(),
            install_dir: record::install_dir(self.cache(), environment),
            install_manifest: record.map(|_| record::manifest(self.cache(), environment)),
        }
    }

    /// The environment, checked and ready to boot from.
    ///
    /// Checking costs a few system calls: a file whose size, times, inode and device are as they
    /// were installed is the one that was installed. Where they are not (a copied cache, an altered
    /// file) its digest decides, which takes about a second once.
    ///
    /// # Errors
    /// [`EnvironmentError::NotInstalled`] where it has to be pulled first,
    /// [`EnvironmentError::Corrupt`] where it has to be pulled again,
    /// [`EnvironmentError::OwnKernel`] where the user's kernel cannot be used.
    pub fn open(&self, name: &str) -> Result<Installed, EnvironmentError> {
        let environment = Environment::find(name)?;
        let record = self.load(&environment)?;
        let kernel = match &self.config.kernel_dir {
            Some(dir) => own::load(dir, self.cache())?,
            None => record.kernel.kernel(self.cache()),
        };
        Ok(Installed {
            image: record.image.image(self.cache()),
            image_digest: record.image.digest.clone(),
            image_bytes: record.image.bytes,
            blank: record.image.blank(self.cache()),
            kernel,
            source: record.source.clone(),
            info: self.describe(&environment, Some(&record)),
            environment,
        })
    }

    /// Digest of the image that a new machine of this environment stands on, where it is installed;
    /// nothing is checked.
    #[must_use]
    pub fn image_digest(&self, name: &str) -> Option<String> {
        match Record::read(self.cache(), &Environment::find(name).ok()?) {
            Ok(Found::Record(record)) => Some(record.image.digest),
            _ => None,
        }
    }

    /// Where the image with this digest and the empty layer over it are, if they are there: a disk
    /// may stand on an image that its environment has left behind.
    #[must_use]
    pub fn image_of(&self, digest: &str) -> (PathBuf, PathBuf) {
        let dir = image::dir(self.cache(), digest);
        (dir.join(image::IMAGE_FILE), dir.join(image::BLANK_FILE))
    }

    /// The record of an environment whose files are as it says.
    fn load(&self, environment: &Environment) -> Result<Record, EnvironmentError> {
        let cache = self.cache();
        let name = || environment.name.clone();
        let not_installed = EnvironmentError::NotInstalled { name: name() };
        let mut record = match Record::read(cache, environment)? {
            Found::Record(record) => *record,
            Found::Nothing => return Err(not_installed),
            Found::Damaged => {
                let path = record::manifest(cache, environment);
                return Err(EnvironmentError::Corrupt { name: name(), path });
            }
        };
        let before = record.clone();
        let (image, vmlinux) = (record.image.image(cache), record.kernel.kernel(cache).vmlinux);
        let (Some(image_now), Some(vmlinux_now)) = (stamp_of(&image)?, stamp_of(&vmlinux)?) else {
            return Err(not_installed);
        };
        if image_now != record.image.stamp {
            expect(environment, &image, &record.image.digest, digest::of_image(&image)?)?;
            record.image.stamp = image_now;
        }
        if vmlinux_now != record.kernel.vmlinux_stamp {
            // A file that grew beyond any kernel is altered, not unreadable.
            let found = digest::of_file(&vmlinux, SIZE_LIMIT as u64).unwrap_or_default();
            expect(environment, &vmlinux, &record.kernel.vmlinux_digest, found)?;
            record.kernel.vmlinux_stamp = vmlinux_now;
        }
        let blank = record.image.blank(cache);
        if stamp_of(&blank)? != Some(record.image.blank_stamp) || record.image.path != image {
            blank::rewrite(&environment.name, &self.config.path, &blank, &image)?;
            record.image.blank_stamp = Stamp::of(&blank)?;
            record.image.path = image;
        }
        if record != before
            && let Some(_lock) = FileLock::try_acquire(&self.lock_path())?
        {
            record.write(cache, environment)?;
        }
        Ok(record)
    }

    /// Install an environment, unless it is there and intact.
    ///
    /// Dropping the future stops the installation, kills what it started and removes what it made;
    /// packages that came over the network stay for the next time.
    ///
    /// # Errors
    /// [`EnvironmentError`]; nothing is installed then, and what was installed before is as it was.
    pub async fn pull(
        &self,
        name: &str,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Installed, EnvironmentError> {
        let environment = Environment::find(name)?;
        if !self.is_intact(&environment)? {
            fs::private_dir(self.cache())?;
            let lock = match FileLock::try_acquire(&self.lock_path())? {
                Some(lock) => lock,
                None => {
                    progress(Progress::Stage(InstallStage::Waiting));
                    FileLock::acquire(&self.lock_path(), WAIT_LIMIT).await?
                }
            };
            // Whoever was waited for may have installed it.
            if !self.is_intact(&environment)? {
                install::install(&self.config, &environment, &lock, progress).await?;
            }
        }
        self.open(name)
    }

    fn is_intact(&self, environment: &Environment) -> Result<bool, EnvironmentError> {
        match self.load(environment) {
            Ok(record) => Ok(initramfs::modules(&record.kernel.kernel(self.cache())).is_ok()),
            Err(EnvironmentError::NotInstalled { .. } | EnvironmentError::Corrupt { .. }) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The archive that a machine's kernel unpacks at boot, with `agent` as its first program.
    ///
    /// # Errors
    /// [`EnvironmentError::CorruptKernel`] when a module is not as it was installed.
    pub fn initramfs(
        &self,
        kernel: &Kernel,
        agent: &Agent<'_>,
    ) -> Result<PathBuf, EnvironmentError> {
        initramfs::obtain(self.cache(), kernel, agent)
    }

    /// Look whether environments can be installed: programs, namespaces and a mirror that answers.
    /// Gives the mirror.
    ///
    /// # Errors
    /// What is missing, as a pull would say it.
    pub async fn check_host(&self) -> Result<String, EnvironmentError> {
        debian::check_host(&self.config, SUITE).await
    }

    /// Remove what no installed environment needs, and name it, sorted. `in_use` tells the digests
    /// of images that disk layers stand on. What an installation in progress may need stays.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn prune<E: From<EnvironmentError>>(
        &self,
        in_use: impl FnOnce() -> Result<Vec<String>, E>,
    ) -> Result<Vec<String>, E> {
        prune::prune(&self.config, &self.lock_path(), in_use)
    }
}

/// The stamp of a file, where it is there.
fn stamp_of(path: &Path) -> Result<Option<Stamp>, FsError> {
    match Stamp::of(path) {
        Err(error) if error.is_not_found() => Ok(None),
        other => other.map(Some),
    }
}

fn expect(
    environment: &Environment,
    path: &Path,
    expected: &str,
    found: String,
) -> Result<(), EnvironmentError> {
    if expected == found {
        return Ok(());
    }
    Err(EnvironmentError::Corrupt { name: environment.name.clone(), path: path.to_owned() })
}
