//! What a layer's own header says that it stands on.
//!
//! Nobody follows that name: whoever opens a layer names what is below. But where it is the name
//! under which QEMU has the layer below, QEMU knows a layer by its path; elsewhere by a text that
//! describes all layers below, and makes all of these texts anew with each layer that it opens. A
//! start on 200 layers took 8 s by that.

use crate::host::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes of the header that are looked at: the magic number, the version, and where the name is.
const HEAD_LEN: usize = 20;

/// First bytes of a qcow2 file.
const MAGIC: &[u8; 4] = b"QFI\xfb";

/// Longest name that QEMU reads.
const MAX_NAME: usize = 1023;

/// Where the name may be: behind the shortest header, and whole in the smallest cluster that is
/// usual.
const PLACES: std::ops::Range<u64> = 72..(64 << 10) - MAX_NAME as u64;

/// Let the header of `layer` say that it stands on `below`. What cannot be done is left.
///
/// # Errors
/// When the file cannot be read or written, or is no layer with a name.
pub fn set_backing_name(layer: &Path, below: &Path) -> io::Result<()> {
    let name = below.as_os_str().as_bytes();
    let file = fs::open(layer).map_err(io::Error::other)?;
    let mut head = [0; HEAD_LEN];
    file.read_exact_at(&mut head, 0)?;
    let (magic, head) = head.split_first_chunk::<4>().ok_or(io::ErrorKind::InvalidData)?;
    let (_, head) = head.split_first_chunk::<4>().ok_or(io::ErrorKind::InvalidData)?;
    let (at, head) = head.split_first_chunk::<8>().ok_or(io::ErrorKind::InvalidData)?;
    let (len, _) = head.split_first_chunk::<4>().ok_or(io::ErrorKind::InvalidData)?;
    let (at, len) = (u64::from_be_bytes(*at), u32::from_be_bytes(*len) as usize);
    if magic != MAGIC || !PLACES.contains(&at) || len > MAX_NAME || name.len() > MAX_NAME {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut old = vec![0; len];
    file.read_exact_at(&mut old, at)?;
    if old == name {
        return Ok(());
    }
    let file = fs::open_to_write(layer).map_err(io::Error::other)?;
    // Nothing is lost where only one of the two comes to the disk: then it is another wrong name.
    file.write_all_at(name, at)?;
    file.write_all_at(&u32::try_from(name.len()).unwrap_or_default().to_be_bytes(), 16)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make layers with QEMU's own programs")]
mod tests {
    use super::*;
    use std::process::Command;

    fn info(layer: &Path) -> serde_json::Value {
        let mut command = Command::new("qemu-img");
        let output = command.args(["info", "--output=json"]).arg(layer).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[test]
    fn only_the_name_is_changed_and_only_of_a_layer() {
        let home = tempfile::tempdir().unwrap();
        let layer = home.path().join("layer");
        let mut create = Command::new("qemu-img");
        create.args(["create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", "/some/image"]);
        assert!(create.arg(&layer).arg("1M").status().unwrap().success());
        let before = std::fs::read(&layer).unwrap();
        set_backing_name(&layer, Path::new("/some/image")).unwrap();
        assert!(std::fs::read(&layer).unwrap() == before);
        for name in ["/a/much/longer/name/of/a/layer.qcow2", "/short", "/dev/fdset/7"] {
            set_backing_name(&layer, Path::new(name)).unwrap();
            assert_eq!(info(&layer)["backing-filename"], name);
            assert_eq!(info(&layer)["virtual-size"], 1 << 20);
        }
        let long = "x".repeat(MAX_NAME + 1);
        assert!(set_backing_name(&layer, Path::new(&long)).is_err());
        set_backing_name(&layer, Path::new("/some/image")).unwrap();
        // What was behind a shorter name is behind it still.
        let after = std::fs::read(&layer).unwrap();
        let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
        assert!(changed < 40, "{changed}");
        let text = home.path().join("text");
        for other in ["", "QFI\u{fb}", &"x".repeat(200)] {
            std::fs::write(&text, other).unwrap();
            assert!(set_backing_name(&text, Path::new("/short")).is_err());
            assert_eq!(std::fs::read_to_string(&text).unwrap(), *other);
        }
    }
}
