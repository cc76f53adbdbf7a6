//! Layers over an image as one disk.

use super::error::DiskError;
use imago::file::File as HostFile;
use imago::qcow2::Qcow2;
use imago::raw::Raw;
use imago::{FormatAccess, FormatDriverBuilder, PermissiveImplicitOpenGate};
use std::io;
use std::path::{Path, PathBuf};

/// Open the raw `image` under qcow2 `layers`, bottom first.
///
/// # Errors
/// [`DiskError::Open`].
pub(super) fn open(image: &Path, layers: &[PathBuf]) -> Result<FormatAccess<HostFile>, DiskError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DiskError::Open { path, source }
    };
    // Only what is named here is opened: a layer's own words about others are never followed.
    let gate = PermissiveImplicitOpenGate::default;
    let raw = Raw::<HostFile>::builder_path(image).open(gate()).map_err(failed(image))?;
    let mut chain = FormatAccess::new(raw);
    for layer in layers {
        let builder = Qcow2::<HostFile>::builder_path(layer).backing(Some(chain)).data_file(None);
        let layer_disk = builder.open(gate()).map_err(failed(layer))?;
        if layer_disk.requires_external_data_file() {
            return Err(failed(layer)(io::Error::other("it names a file beside it for its data")));
        }
        chain = FormatAccess::new(layer_disk);
    }
    Ok(chain)
}
