//! Two neighbouring layers of a disk made one, without a running machine.

use super::error::DiskError;
use crate::host::sparse;
use imago::file::File as HostFile;
use imago::qcow2::Qcow2;
use imago::{FormatAccess, FormatDriverBuilder, PermissiveImplicitOpenGate, ShallowMapping};
use std::io;
use std::path::Path;

/// Largest disk whose layers are merged, in bytes: a layer's own words about that may be anything.
const MAX_DISK: u64 = 1 << 40;

/// Most bytes that are copied at a time.
const PART: u64 = 1 << 20;

/// Write what is on the qcow2 layer `upper` over what is on `lower`, the layer under it, to the new
/// file `merged`: over what `lower` stands on, it reads as `upper` over `lower`. Both stay as they
/// are. No more than `room` bytes are copied of `upper`, however often it names one cluster.
///
/// # Errors
/// [`DiskError::Open`] for a layer that cannot be used, [`DiskError::Merge`] when the new file
/// cannot be written; what there is of it is left.
pub fn merge(lower: &Path, upper: &Path, merged: &Path, room: u64) -> Result<(), DiskError> {
    let failed = |source| DiskError::Merge { path: merged.to_owned(), source };
    let upper = open(upper, false)?;
    sparse::copy_new(lower, merged).map_err(failed)?;
    let mut into = open(merged, true)?;
    if into.size() != upper.size() || upper.size() > MAX_DISK {
        return Err(failed(io::Error::other("the layers are not of one size")));
    }
    copy(&upper, &mut into, room).and_then(|()| into.flush()).map_err(failed)
}

/// A layer alone, whatever its own words say about others.
fn open(path: &Path, writable: bool) -> Result<FormatAccess<HostFile>, DiskError> {
    let failed = |source| DiskError::Open { path: path.to_owned(), source };
    let builder = Qcow2::<HostFile>::builder_path(path).backing(None).data_file(None);
    let layer =
        builder.write(writable).open(PermissiveImplicitOpenGate::default()).map_err(failed)?;
    if layer.requires_external_data_file() {
        return Err(failed(io::Error::other("it names a file beside it for its data")));
    }
    Ok(FormatAccess::new(layer))
}

/// Why a layer that holds too much is not merged.
const MORE: &str = "a layer holds more than is merged";

fn copy(
    upper: &FormatAccess<HostFile>,
    into: &mut FormatAccess<HostFile>,
    mut room: u64,
) -> io::Result<()> {
    let (mut at, end) = (0, upper.size());
    let mut part = vec![0; usize::try_from(PART).unwrap_or_default()];
    while at < end {
        let (mapping, len) = upper.get_shallow_mapping(at, end - at)?;
        let len = match mapping {
            ShallowMapping::Raw { .. } => {
                let len = len.min(PART);
                room = room.checked_sub(len).ok_or_else(|| io::Error::other(MORE))?;
                let part = &mut part[..usize::try_from(len).unwrap_or_default()];
                upper.read(&mut *part, at)?;
                into.write(&*part, at)?;
                len
            }
            ShallowMapping::Zero { explicit: true, .. } => {
                into.discard_to_zero(at, len)?;
                len
            }
            // Nothing of this layer.
            ShallowMapping::Zero { .. } => len,
            _ => return Err(io::Error::other("a layer holds what no guest writes")),
        };
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        at += len;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make layers with QEMU's own programs")]
mod tests {
    use super::*;
    use std::process::Command;

    const CLUSTER: u64 = 64 << 10;
    const CLUSTERS: u64 = 64;

    fn qemu(program: &str, args: &[&str]) -> Option<String> {
        let output = Command::new(program).args(args).output().ok()?;
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What QEMU reads of a chain of layers, bottom first.
    fn read(layers: &[&Path], to: &Path) -> Vec<u8> {
        let mut chain = String::new();
        for layer in layers {
            let below = match chain.is_empty() {
                true => "null".to_owned(),
                false => chain,
            };
            let file = serde_json::json!({ "driver": "file", "filename": layer });
            chain = format!("{{\"driver\":\"qcow2\",\"file\":{file},\"backing\":{below}}}");
        }
        let source = format!("json:{chain}");
        qemu("qemu-img", &["convert", "-O", "raw", &source, to.to_str().unwrap()]).unwrap();
        std::fs::read(to).unwrap()
    }

    #[test]
    fn a_merged_layer_reads_as_the_two_that_it_is_made_of() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        let size = (CLUSTER * CLUSTERS).to_string();
        for name in ["below", "lower", "upper"] {
            let made = qemu(
                "qemu-img",
                &["create", "-q", "-f", "qcow2", path(name).to_str().unwrap(), &size],
            );
            assert!(made.is_some(), "qemu-utils is installed where images are made");
        }
        // Each combination of data, zeros and nothing, at cluster 9 * below + 3 * lower + upper.
        for (name, step) in [("below", 9), ("lower", 3), ("upper", 1)] {
            let mut commands = Vec::new();
            for cluster in 0..27 {
                let at = cluster * CLUSTER;
                match cluster / step % 3 {
                    1 => commands.push(format!("write -q -P {} {at} {CLUSTER}", 10 + step)),
                    2 => commands.push(format!("write -q -z {at} {CLUSTER}")),
                    _ => {}
                }
            }
            let mut args = vec!["-f", "qcow2"];
            for command in &commands {
                args.extend(["-c", command]);
            }
            let path = path(name);
            args.push(path.to_str().unwrap());
            qemu("qemu-io", &args).unwrap();
        }
        let room = 9 * CLUSTER;
        let short = merge(&path("lower"), &path("upper"), &path("short"), room - 1).unwrap_err();
        assert!(std::error::Error::source(&short).unwrap().to_string() == MORE);
        merge(&path("lower"), &path("upper"), &path("merged"), room).unwrap();
        let check = qemu("qemu-img", &["check", path("merged").to_str().unwrap()]).unwrap();
        assert!(check.contains("No errors were found"), "{check}");
        let before = read(&[&path("below"), &path("lower"), &path("upper")], &path("a"));
        let after = read(&[&path("below"), &path("merged")], &path("b"));
        assert!(before == after);
        assert!(before.contains(&11) && before.contains(&13) && before.contains(&19));
        // Another size, and what is no layer.
        let small = path("small");
        qemu("qemu-img", &["create", "-q", "-f", "qcow2", small.to_str().unwrap(), "64K"]).unwrap();
        assert!(matches!(
            merge(&path("lower"), &small, &path("not"), room),
            Err(DiskError::Merge { .. })
        ));
        std::fs::write(path("text"), "nothing").unwrap();
        assert!(matches!(
            merge(&path("text"), &path("upper"), &path("nor"), room),
            Err(DiskError::Open { .. })
        ));
    }
}
