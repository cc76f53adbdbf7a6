//! The guest's first file system: our agent as `/init` and the modules that it loads, written as a
//! newc archive.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::digest;
use super::error::EnvironmentError;
use super::kernel::{Kernel, MODULE_LIMIT};
use crate::host::fs::{self, FsError, Stamp};
use crate::host::lock::FileLock;

/// Directories that the agent mounts things on, and `modules`.
const DIRS: [&str; 6] = ["dev", "proc", "sys", "run", "mnt", "modules"];
const NOTE_LIMIT: u64 = 4096;

/// The program that runs as PID 1 in a guest.
#[derive(Clone, Copy, Debug)]
pub struct Agent<'a> {
    /// Reads the static executable, which takes a moment.
    pub executable: fn() -> io::Result<Vec<u8>>,
    /// Its SHA-256, in hex.
    pub digest: &'a str,
}

/// Beside each archive: its stamp, by which an altered one is told and made again.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    stamp: Stamp,
}

/// The archive for a kernel and an agent, made where it is not there or not as it was made.
pub(in crate::environment) fn obtain(
    cache: &Path,
    kernel: &Kernel,
    agent: &Agent<'_>,
) -> Result<PathBuf, EnvironmentError> {
    let dir = cache.join("initramfs");
    let stem = format!("{}-{}", digest::short(&kernel.digest), digest::short(agent.digest));
    let (path, note) = (dir.join(format!("{stem}.cpio")), dir.join(format!("{stem}.json")));
    if is_intact(&path, &note) {
        return Ok(path);
    }
    fs::private_dir(&dir)?;
    // One maker at a time: an engine that was confined to one file finds no other when it opens
    // that name.
    let _lock = FileLock::acquire_blocking(&dir.join(".lock"))?;
    if is_intact(&path, &note) {
        return Ok(path);
    }
    let executable = (agent.executable)().map_err(|source| FsError {
        action: "unpack the agent for",
        path: path.clone(),
        source,
    })?;
    let archive = archive(&executable, &modules(kernel)?);
    fs::write_atomic(&path, &archive)?;
    let json = serde_json::to_vec(&Note { stamp: Stamp::of(&path)? }).unwrap_or_default();
    fs::write_atomic(&note, &json)?;
    Ok(path)
}

/// Whether the archive is the one that its note was written for.
fn is_intact(path: &Path, note: &Path) -> bool {
    Stamp::of(path).is_ok_and(|stamp| {
        fs::read_bounded(note, NOTE_LIMIT).is_ok_and(|known| {
            serde_json::from_slice::<Note>(&known).is_ok_and(|known| known.stamp == stamp)
        })
    })
}

/// Names and contents of a kernel's modules, checked against its digest.
pub(in crate::environment) fn modules(
    kernel: &Kernel,
) -> Result<Vec<(String, Vec<u8>)>, EnvironmentError> {
    let mut modules = Vec::new();
    for path in &kernel.modules {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        modules.push((name, fs::read_bounded(path, MODULE_LIMIT)?));
    }
    let named = modules.iter().map(|(name, bytes)| (name.as_str(), &bytes[..]));
    if super::kernel::digest_of(&kernel.vmlinux_digest, named) == kernel.digest {
        return Ok(modules);
    }
    let path = kernel.modules.first().and_then(|path| path.parent()).unwrap_or(&kernel.vmlinux);
    Err(EnvironmentError::CorruptKernel { path: path.to_owned() })
}

fn archive(agent: &[u8], modules: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Archive::default();
    for dir in DIRS {
        archive.entry(dir, 0o040_755, &[], (0, 0));
    }
    archive.entry("dev/console", 0o020_600, &[], (5, 1));
    archive.entry("init", 0o100_755, agent, (0, 0));
    let order: String = modules.iter().map(|(name, _)| format!("{name}\n")).collect();
    archive.entry("modules/order", 0o100_644, order.as_bytes(), (0, 0));
    for (name, bytes) in modules {
        archive.entry(&format!("modules/{name}"), 0o100_644, bytes, (0, 0));
    }
    archive.entry("TRAILER!!!", 0, &[], (0, 0));
    archive.bytes
}

/// An archive in the format that the kernel unpacks at boot (`newc`:
/// Documentation/driver-api/early-userspace/buffer-format.rst).
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    fn entry(&mut self, name: &str, mode: u32, content: &[u8], (major, minor): (u32, u32)) {
        self.entries += 1;
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let name_size = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
        let links = if mode & 0o170_000 == 0o040_000 { 2 } else { 1 };
        // inode, mode, uid, gid, links, mtime, size, device (2), device node (2), length of the
        // name, checksum
        let fields = [self.entries, mode, 0, 0, links, 0, size, 0, 0, major, minor, name_size, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::kernel::{KernelAccel, Unpacked, store};
    use super::*;

    #[test]
    fn the_archive_is_what_cpio_understands() {
        let modules = [
            ("virtio_ring.ko".to_owned(), b"ring".to_vec()),
            ("virtio.ko".to_owned(), b"virtio".to_vec()),
        ];
        let bytes = archive(b"agent", &modules);
        assert_eq!(bytes.len() % 4, 0);
        let mut names = Vec::new();
        let mut at = 0;
        loop {
            let field = |n: usize| {
                let start = at + 6 + n * 8;
                usize::from_str_radix(std::str::from_utf8(&bytes[start..start + 8]).unwrap(), 16)
                    .unwrap()
            };
            assert_eq!(&bytes[at..at + 6], b"070701");
            let (mode, size, name_size) = (field(1), field(6), field(11));
            let name = std::str::from_utf8(&bytes[at + 110..at + 110 + name_size - 1]).unwrap();
            let content = (at + 110 + name_size).next_multiple_of(4);
            names.push((name.to_owned(), mode, bytes[content..content + size].to_vec()));
            if name == "TRAILER!!!" {
                break;
            }
            at = (content + size).next_multiple_of(4);
        }
        let content = |name: &str| names.iter().find(|entry| entry.0 == name).unwrap().2.clone();
        assert_eq!(content("init"), b"agent");
        assert_eq!(content("modules/order"), b"virtio_ring.ko\nvirtio.ko\n");
        assert_eq!(content("modules/virtio.ko"), b"virtio");
        assert!(names.iter().any(|(name, mode, _)| name == "dev/console" && *mode == 0o020_600));
    }

    #[test]
    fn it_is_made_once_and_again_when_altered_and_never_of_altered_modules() {
        let cache = tempfile::tempdir().unwrap();
        let unpacked = Unpacked {
            vmlinux: b"\x7fELF".to_vec(),
            modules: vec![("a.ko".to_owned(), b"a".to_vec())],
            release: "6.1".to_owned(),
        };
        let kernel = store(cache.path(), cache.path(), &unpacked).unwrap().kernel(cache.path());
        assert_eq!(kernel.accel, [KernelAccel::Kvm, KernelAccel::Tcg]);
        let agent = Agent { executable: || Ok(b"agent".to_vec()), digest: "0123456789abcdef0123" };
        let path = obtain(cache.path(), &kernel, &agent).unwrap();
        assert!(path.to_string_lossy().ends_with("-0123456789abcdef.cpio"));
        let stamp = Stamp::of(&path).unwrap();
        obtain(cache.path(), &kernel, &agent).unwrap();
        assert_eq!(Stamp::of(&path).unwrap(), stamp, "an intact archive was made again");
        fs::write_new(&path, b"truncated").unwrap();
        obtain(cache.path(), &kernel, &agent).unwrap();
        assert!(fs::metadata(&path).unwrap().len() > 500);
        fs::write_new(&kernel.modules[0], b"altered").unwrap();
        fs::remove_file(&path).unwrap();
        let error = obtain(cache.path(), &kernel, &agent).unwrap_err();
        assert!(matches!(error, EnvironmentError::CorruptKernel { .. }), "{error}");
    }
}
