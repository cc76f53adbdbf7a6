//! A kernel of the user's own: a directory with `vmlinux` (or `vmlinux.xz`) and `kernel.toml`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::digest;
use super::vmlinux::{self, SIZE_LIMIT, VmlinuxError};
use super::{Kernel, KernelAccel, MODULE_LIMIT};
use crate::host::fs::{self, FsError, Stamp};
use crate::host::lock::FileLock;

const TOML_LIMIT: u64 = 64 << 10;

/// A kernel directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OwnKernelError {
    /// A file is missing.
    #[error("kernel directory {} has no {missing}", dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
        /// What it should hold.
        missing: String,
    },
    /// `kernel.toml` does not say what it should.
    #[error("{} is not a description of a kernel", path.display())]
    Description {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// `kernel.toml` asks for something that cannot be.
    #[error("{} says {field} = {value}; it must be {expected}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        expected: &'static str,
    },
    /// The kernel is not one.
    #[error("cannot use {}", path.display())]
    Vmlinux {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: VmlinuxError,
    },
    /// A file cannot be read, or the unpacked kernel not be stored.
    #[error(transparent)]
    Fs(#[from] FsError),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Description {
    acpi: bool,
    accel: Vec<KernelAccel>,
    args: String,
    modules: Vec<String>,
    max_vcpus: Option<u32>,
}

impl Default for Description {
    fn default() -> Self {
        let accel = vec![KernelAccel::Kvm, KernelAccel::Tcg];
        Self { acpi: true, accel, args: String::new(), modules: Vec::new(), max_vcpus: None }
    }
}

/// What was found out about a directory's files, good for as long as their stamps are the same.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    dir: PathBuf,
    stamps: Vec<(PathBuf, Stamp)>,
    vmlinux: PathBuf,
    vmlinux_digest: String,
    digest: String,
}

/// The kernel in `dir`. Digests, and a kernel unpacked from `vmlinux.xz`, are kept in the cache.
pub(in crate::environment) fn load(dir: &Path, cache: &Path) -> Result<Kernel, OwnKernelError> {
    let description = describe(dir)?;
    let modules: Vec<PathBuf> = description.modules.iter().map(|name| dir.join(name)).collect();
    let plain = dir.join("vmlinux");
    let source = if plain.is_file() { plain } else { dir.join("vmlinux.xz") };
    for file in modules.iter().chain([&source]) {
        if !file.is_file() {
            let name = if *file == source {
                Path::new("vmlinux")
            } else {
                file.strip_prefix(dir).unwrap_or(file)
            };
            return Err(OwnKernelError::Missing {
                dir: dir.to_owned(),
                missing: name.display().to_string(),
            });
        }
    }
    let note = note_path(dir, cache);
    let files = || modules.iter().chain([&source]).cloned();
    let known = remembered(&note).filter(|known| known.is_current(files()));
    let known = match known {
        Some(known) => known,
        None => examine(dir, cache, &source, &modules, files(), &note)?,
    };
    Ok(Kernel {
        vmlinux: known.vmlinux,
        digest: known.digest,
        vmlinux_digest: known.vmlinux_digest,
        modules,
        acpi: description.acpi,
        accel: description.accel,
        args: description.args,
        max_vcpus: description.max_vcpus,
    })
}

/// Where what is known of `dir` is kept.
fn note_path(dir: &Path, cache: &Path) -> PathBuf {
    let name = digest::of_bytes(dir.as_os_str().as_encoded_bytes());
    cache.join("kernels").join(format!("own-{}.json", digest::short(&name)))
}

fn remembered(note: &Path) -> Option<Remembered> {
    serde_json::from_slice(&fs::read_bounded(note, TOML_LIMIT).ok()?).ok()
}

/// The unpacked kernel that a note in the cache still needs; `None` when the note's directory is
/// gone.
pub(in crate::environment) fn needed_by(note: &Path) -> Option<PathBuf> {
    remembered(note).filter(|known| known.dir.is_dir()).map(|known| known.vmlinux)
}

impl Remembered {
    fn is_current(&self, files: impl Iterator<Item = PathBuf>) -> bool {
        let expected = files.chain([self.vmlinux.clone()]);
        expected.eq(self.stamps.iter().map(|(path, _)| path.clone()))
            && self
                .stamps
                .iter()
                .all(|(path, stamp)| Stamp::of(path).is_ok_and(|now| now == *stamp))
    }
}

fn describe(dir: &Path) -> Result<Description, OwnKernelError> {
    let path = dir.join("kernel.toml");
    let bytes = match fs::read_bounded(&path, TOML_LIMIT) {
        Err(error) if error.is_not_found() => {
            return Err(OwnKernelError::Missing {
                dir: dir.to_owned(),
                missing: "kernel.toml".to_owned(),
            });
        }
        other => other?,
    };
    let description: Description =
        toml::from_str(&String::from_utf8_lossy(&bytes)).map_err(|source| {
            OwnKernelError::Description { path: path.clone(), source: Box::new(source) }
        })?;
    let refuse = |field, value: &dyn std::fmt::Debug, expected| {
        Err(OwnKernelError::Value {
            path: path.clone(),
            field,
            value: format!("{value:?}"),
            expected,
        })
    };
    if description.accel.is_empty() {
        return refuse("accel", &description.accel, "a list of \"kvm\" and \"tcg\"");
    }
    if description.max_vcpus == Some(0) {
        return refuse("max_vcpus", &0, "at least 1");
    }
    if description.args.contains(['\n', '\0']) {
        return refuse("args", &description.args, "one line");
    }
    let plain = |name: &String| {
        !name.is_empty() && !name.contains(['/', '\0', '\n']) && !name.starts_with('.')
    };
    match description.modules.iter().find(|name| !plain(name)) {
        Some(name) => refuse("modules", name, "names of files in the same directory"),
        None => Ok(description),
    }
}

fn examine(
    dir: &Path,
    cache: &Path,
    source: &Path,
    modules: &[PathBuf],
    files: impl Iterator<Item = PathBuf>,
    note: &Path,
) -> Result<Remembered, OwnKernelError> {
    // Stamps first: a file that is written while it is read must not be taken for known.
    let mut stamps = files
        .map(|path| Ok((path.clone(), Stamp::of(&path)?)))
        .collect::<Result<Vec<_>, FsError>>()?;
    let bytes = fs::read_bounded(source, SIZE_LIMIT as u64)?;
    let unusable = |error| OwnKernelError::Vmlinux { path: source.to_owned(), source: error };
    let elf = vmlinux::unpack(&bytes).map_err(unusable)?;
    let vmlinux_digest = digest::of_bytes(&elf);
    let mut contents = Vec::new();
    for path in modules {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        contents.push((name, fs::read_bounded(path, MODULE_LIMIT)?));
    }
    let digest = super::digest_of(
        &vmlinux_digest,
        contents.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])),
    );
    let vmlinux = if elf == bytes {
        source.to_owned()
    } else {
        let place = super::dir(cache, &vmlinux_digest);
        fs::private_dir(&place)?;
        // One maker at a time, and none where it is there: an engine that was confined to one file
        // finds no other when it opens that name.
        let _lock = FileLock::acquire_blocking(&place.join(".lock"))?;
        let path = place.join("vmlinux");
        if !fs::read_bounded(&path, SIZE_LIMIT as u64).is_ok_and(|there| there == elf) {
            fs::write_atomic(&path, &elf)?;
        }
        path
    };
    fs::private_dir(&cache.join("kernels"))?;
    stamps.push((vmlinux.clone(), Stamp::of(&vmlinux)?));
    let known = Remembered { dir: dir.to_owned(), stamps, vmlinux, vmlinux_digest, digest };
    let json = serde_json::to_vec(&known).unwrap_or_default();
    fs::write_atomic(note, &json)?;
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    struct Dirs {
        cache: tempfile::TempDir,
        dir: tempfile::TempDir,
    }

    impl Dirs {
        fn new(files: &[(&str, &[u8])]) -> Self {
            let dirs =
                Self { cache: tempfile::tempdir().unwrap(), dir: tempfile::tempdir().unwrap() };
            for (name, bytes) in files {
                dirs.write(name, bytes);
            }
            dirs
        }

        fn write(&self, name: &str, bytes: &[u8]) {
            fs::write_new(&self.dir.path().join(name), bytes).unwrap();
        }

        fn load(&self) -> Result<Kernel, OwnKernelError> {
            load(self.dir.path(), self.cache.path())
        }
    }

    const ELF: &[u8] = b"\x7fELF and the rest";

    #[test]
    fn defaults_and_given_values() {
        let dirs = Dirs::new(&[("vmlinux", ELF), ("kernel.toml", b""), ("a.ko", b"a")]);
        let kernel = dirs.load().unwrap();
        assert_eq!((kernel.acpi, kernel.accel.len(), kernel.max_vcpus), (true, 2, None));
        assert_eq!(kernel.vmlinux, dirs.dir.path().join("vmlinux"));
        dirs.write(
            "kernel.toml",
            b"acpi=false\naccel=['kvm']\nargs='quiet'\nmodules=['a.ko']\nmax_vcpus=1",
        );
        let other = dirs.load().unwrap();
        assert_eq!(
            (other.acpi, &other.accel[..], &*other.args),
            (false, &[KernelAccel::Kvm][..], "quiet")
        );
        assert_eq!((other.modules.len(), other.max_vcpus), (1, Some(1)));
        assert_ne!(kernel.digest, other.digest);
    }

    #[test]
    fn a_changed_kernel_is_another_kernel() {
        let dirs =
            Dirs::new(&[("vmlinux", ELF), ("kernel.toml", b"modules=['a.ko']"), ("a.ko", b"a")]);
        let first = dirs.load().unwrap().digest;
        assert_eq!(dirs.load().unwrap().digest, first);
        dirs.write("a.ko", b"b");
        assert_ne!(dirs.load().unwrap().digest, first);
    }

    #[test]
    fn a_compressed_kernel_is_unpacked_once_and_again_when_altered() {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        encoder.write_all(ELF).unwrap();
        let dirs = Dirs::new(&[("vmlinux.xz", &encoder.finish().unwrap()), ("kernel.toml", b"")]);
        let kernel = dirs.load().unwrap();
        assert!(kernel.vmlinux.starts_with(dirs.cache.path()));
        let stamp = Stamp::of(&kernel.vmlinux).unwrap();
        assert_eq!(dirs.load().unwrap(), kernel);
        assert_eq!(Stamp::of(&kernel.vmlinux).unwrap(), stamp);
        // Somebody who looks at it for the first time leaves it where others have it open.
        fs::remove_file(&note_path(dirs.dir.path(), dirs.cache.path())).unwrap();
        assert_eq!(dirs.load().unwrap(), kernel);
        assert_eq!(Stamp::of(&kernel.vmlinux).unwrap(), stamp);
        fs::write_new(&kernel.vmlinux, b"\x7fELF altered").unwrap();
        assert_eq!(dirs.load().unwrap(), kernel);
        assert_eq!(fs::read_bounded(&kernel.vmlinux, 100).unwrap(), ELF);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (files, expected) in [
            (vec![("vmlinux", ELF)], "no kernel.toml"),
            (vec![("kernel.toml", &b""[..])], "no vmlinux"),
            (vec![("vmlinux", ELF), ("kernel.toml", b"modules=['x.ko']")], "no x.ko"),
            (
                vec![("vmlinux", ELF), ("kernel.toml", b"modules=['../x.ko']")],
                "modules = \"../x.ko\"",
            ),
            (vec![("vmlinux", ELF), ("kernel.toml", b"accel=[]")], "accel = []"),
            (vec![("vmlinux", ELF), ("kernel.toml", b"accel=['xen']")], "not a description"),
            (vec![("vmlinux", ELF), ("kernel.toml", b"color='red'")], "not a description"),
            (vec![("vmlinux", ELF), ("kernel.toml", b"max_vcpus=0")], "max_vcpus = 0"),
            (vec![("vmlinux", b"text"), ("kernel.toml", b"")], "cannot use"),
            (vec![("vmlinux.xz", b"\xfd7zXZ\0xx"), ("kernel.toml", b"")], "cannot use"),
        ] {
            let error = Dirs::new(&files).load().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}, not {expected}");
        }
    }
}
