//! The empty qcow2 layer over an image: a new vm's disk is a copy of this small file.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::error::EnvironmentError;
use super::super::missing_program::MissingProgram;
use crate::host::fs;
use crate::host::program::{self, OutputOf, ProgramError};

/// Virtual size of every image; the file is sparse.
pub(in crate::environment) const IMAGE_BYTES: u64 = 8 << 30;

/// The stage of an installation that makes the layer.
pub(super) const STAGE: &str = "making its empty layer";

/// In the name of a layer that is being made to replace one; the number of the process that makes
/// it follows, and how many it had begun before.
pub(in crate::environment) const NEW: &str = ".new-";

/// Layers that this process has begun to replace: several of its threads may find the same one
/// altered.
static BEGUN: AtomicU32 = AtomicU32::new(0);

/// Write an empty layer at `layer` over the image that is, or will be, at `image`.
pub(super) fn write(qemu_img: &Path, layer: &Path, image: &Path) -> Result<(), ProgramError> {
    let size = IMAGE_BYTES.to_string();
    let words = ["create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b"].map(OsStr::new);
    let arguments = [image.as_os_str(), layer.as_os_str(), OsStr::new(&size)];
    OutputOf::start(qemu_img, words.into_iter().chain(arguments))?.finish()
}

/// Replace the layer of an installed image, because it was altered or the cache was moved.
pub(in crate::environment) fn rewrite(
    name: &str,
    path: &OsStr,
    layer: &Path,
    image: &Path,
) -> Result<(), EnvironmentError> {
    let missing = MissingProgram { program: "qemu-img", package: "qemu-utils" };
    let qemu_img = program::find(path, missing.program)
        .ok_or_else(|| EnvironmentError::MissingPrograms { missing: vec![missing] })?;
    let (process, before) = (std::process::id(), BEGUN.fetch_add(1, Ordering::Relaxed));
    let new = layer.with_extension(format!("{}{process}-{before}", &NEW[1..]));
    fs::remove_file(&new)?;
    let failed = |source| EnvironmentError::Build { name: name.to_owned(), stage: STAGE, source };
    write(&qemu_img, &new, image).map_err(failed)?;
    Ok(fs::rename(&new, layer)?)
}
