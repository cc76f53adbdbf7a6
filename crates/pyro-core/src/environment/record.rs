//! What is known of an installed environment: `environment.json`, written last and whole.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::catalog::{CATALOG_VERSION, Environment, PLATFORM};
use super::digest;
use super::kernel::KernelRecord;
use crate::host::fs::{self, FsError, Stamp};

const LIMIT: u64 = 64 << 10;

/// Name of a disk image in its directory.
pub(super) const IMAGE_FILE: &str = "rootfs.ext4";
/// Name of the empty layer beside it.
pub(super) const BLANK_FILE: &str = "blank.qcow2";
/// Name of an environment's record in its directory.
const FILE: &str = "environment.json";

/// The record of an installed environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) catalog_version: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) source: String,
    pub(super) source_digest: String,
    /// Seconds since 1970.
    pub(super) installed_at: u64,
    pub(super) image: ImageRecord,
    pub(super) kernel: KernelRecord,
}

/// What is known of its disk image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ImageRecord {
    /// See [`digest::of_image`].
    pub(super) digest: String,
    pub(super) stamp: Stamp,
    /// Virtual size.
    pub(super) bytes: u64,
    /// Where the empty layer says that the image is.
    pub(super) path: PathBuf,
    pub(super) blank_stamp: Stamp,
}

/// What reading a record gives.
pub(super) enum Found {
    /// There is no record, or one of another version.
    Nothing,
    /// There is something else in its place.
    Damaged,
    /// The record.
    Record(Box<Record>),
}

impl Record {
    /// A record of what was just installed.
    pub(super) fn new(entry: &Environment, source: String, image: ImageRecord, kernel: KernelRecord) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            catalog_version: CATALOG_VERSION.to_owned(),
            name: entry.name.to_owned(),
            version: entry.version.to_owned(),
            source,
            source_digest: image.digest.clone(),
            installed_at: now.map_or(0, |time| time.as_secs()),
            image,
            kernel,
        }
    }

    /// Read the record of an environment.
    pub(super) fn read(cache: &Path, entry: &Environment) -> Result<Found, FsError> {
        let bytes = match fs::read_bounded(&manifest(cache, entry), LIMIT) {
            Err(error) if error.is_not_found() => return Ok(Found::Nothing),
            other => other?,
        };
        Ok(match serde_json::from_slice::<Self>(&bytes) {
            Err(_) => Found::Damaged,
            Ok(record) if record.name != entry.name || record.version != entry.version => Found::Nothing,
            Ok(record) => Found::Record(Box::new(record)),
        })
    }

    /// Write it into its environment's directory, which must be there.
    pub(super) fn write(&self, cache: &Path, entry: &Environment) -> Result<(), FsError> {
        let json = serde_json::to_vec_pretty(self).unwrap_or_default();
        fs::write_atomic(&manifest(cache, entry), &json)
    }

    /// Where the image is.
    pub(super) fn image(&self, cache: &Path) -> PathBuf {
        image_dir(cache, &self.image.digest).join(IMAGE_FILE)
    }

    /// Where the empty layer over the image is.
    pub(super) fn blank(&self, cache: &Path) -> PathBuf {
        image_dir(cache, &self.image.digest).join(BLANK_FILE)
    }
}

/// The directory that holds all installed environments.
pub(super) fn platform_dir(cache: &Path) -> PathBuf {
    cache.join(PLATFORM)
}

/// The directory of one environment.
pub(super) fn install_dir(cache: &Path, entry: &Environment) -> PathBuf {
    platform_dir(cache).join(entry.dir_name())
}

/// The record of one environment.
pub(super) fn manifest(cache: &Path, entry: &Environment) -> PathBuf {
    install_dir(cache, entry).join(FILE)
}

/// The directory of the image with this digest.
pub(super) fn image_dir(cache: &Path, image_digest: &str) -> PathBuf {
    cache.join("images").join(digest::short(image_digest))
}
