//! Disk images in the cache: each in the directory of its digest, with an empty layer over it.

pub(super) mod blank;

pub(super) use blank::IMAGE_BYTES;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::digest;
use super::error::EnvironmentError;
use crate::host::fs::{self, Stamp};
use blank::STAGE;

/// Name of a disk image in its directory.
pub(super) const IMAGE_FILE: &str = "rootfs.ext4";
/// Name of the empty layer beside it.
pub(super) const BLANK_FILE: &str = "blank.qcow2";
/// What is known of an installed disk image.
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

impl ImageRecord {
    /// Where the image is.
    pub(super) fn image(&self, cache: &Path) -> PathBuf {
        dir(cache, &self.digest).join(IMAGE_FILE)
    }

    /// Where the empty layer over the image is.
    pub(super) fn blank(&self, cache: &Path) -> PathBuf {
        dir(cache, &self.digest).join(BLANK_FILE)
    }
}

/// The directory of the image with this digest.
pub(super) fn dir(cache: &Path, digest: &str) -> PathBuf {
    cache.join("images").join(digest::short(digest))
}

/// Move the image that was built into `work` to the place that its digest names, with an empty
/// layer; both durable before they are in place. `name` is the environment's.
pub(super) fn store(
    name: &str,
    cache: &Path,
    work: &Path,
    qemu_img: &Path,
) -> Result<ImageRecord, EnvironmentError> {
    let built = work.join(IMAGE_FILE);
    let digest = digest::of_image(&built)?;
    let new = fs::unique_dir(work, "image-")?;
    let (place, image) = (dir(cache, &digest), new.join(IMAGE_FILE));
    let path = place.join(IMAGE_FILE);
    fs::set_read_only(&built)?;
    fs::sync_file(&built)?;
    fs::rename(&built, &image)?;
    let failed = |source| EnvironmentError::Build { name: name.to_owned(), stage: STAGE, source };
    blank::write(qemu_img, &new.join(BLANK_FILE), &path).map_err(failed)?;
    fs::sync_file(&new.join(BLANK_FILE))?;
    fs::private_dir(&cache.join("images"))?;
    if place.exists() {
        fs::rename(&place, &work.join("replaced-image"))?;
    }
    fs::rename(&new, &place)?;
    let (stamp, blank_stamp) = (Stamp::of(&path)?, Stamp::of(&place.join(BLANK_FILE))?);
    Ok(ImageRecord { digest, stamp, bytes: IMAGE_BYTES, path, blank_stamp })
}
