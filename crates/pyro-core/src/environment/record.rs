//! What is known of an installed environment: `environment.json`, written last and whole.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::catalog::{CATALOG_VERSION, PLATFORM};
use super::image::ImageRecord;
use super::kernel::KernelRecord;
use super::reference::Environment;
use crate::host::fs::{self, FsError};

const LIMIT: u64 = 64 << 10;

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
    pub(super) fn new(
        environment: &Environment,
        source: String,
        image: ImageRecord,
        kernel: KernelRecord,
    ) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            catalog_version: CATALOG_VERSION.to_owned(),
            name: environment.name.clone(),
            version: environment.version.clone(),
            source,
            source_digest: image.digest.clone(),
            installed_at: now.map_or(0, |time| time.as_secs()),
            image,
            kernel,
        }
    }

    /// Read the record of an environment.
    pub(super) fn read(cache: &Path, environment: &Environment) -> Result<Found, FsError> {
        let bytes = match fs::read_bounded(&manifest(cache, environment), LIMIT) {
            Err(error) if error.is_not_found() => return Ok(Found::Nothing),
            other => other?,
        };
        Ok(match serde_json::from_slice::<Self>(&bytes) {
            Err(_) => Found::Damaged,
            Ok(record)
                if record.name != environment.name || record.version != environment.version =>
            {
                Found::Nothing
            }
            Ok(record) => Found::Record(Box::new(record)),
        })
    }

    /// Write it into its environment's directory, which must be there.
    pub(super) fn write(&self, cache: &Path, environment: &Environment) -> Result<(), FsError> {
        let json = serde_json::to_vec_pretty(self).unwrap_or_default();
        fs::write_atomic(&manifest(cache, environment), &json)
    }
}

/// The directory that holds all installed environments.
pub(super) fn platform_dir(cache: &Path) -> PathBuf {
    cache.join(PLATFORM)
}

/// The directory of one environment.
pub(super) fn install_dir(cache: &Path, environment: &Environment) -> PathBuf {
    platform_dir(cache).join(environment.dir_name())
}

/// The record of one environment.
pub(super) fn manifest(cache: &Path, environment: &Environment) -> PathBuf {
    install_dir(cache, environment).join(FILE)
}
