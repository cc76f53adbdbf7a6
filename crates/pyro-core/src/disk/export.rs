//! A disk of layers as one file of the host's.

use super::chain;
use super::error::DiskError;
use super::superblock::{self, Superblock};
use crate::host::fs;
use imago::file::File as HostFile;
use imago::qcow2::Qcow2;
use imago::{
    DenyImplicitOpenGate, FormatAccess, FormatCreateBuilder, FormatDriverBuilder, Mapping, Storage,
    StorageOpenOptions,
};
use pyro_tree::sparse::data_at;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Largest disk that is exported, in bytes.
const MAX_DISK: u64 = 1 << 40;

/// Most bytes that are copied at a time.
const PART: usize = 1 << 20;

/// Bytes that are left out together where all of them are zero: a block of the filesystem.
const BLOCK: usize = 4096;

/// The same for a qcow2 image: a cluster of it.
const CLUSTER: usize = 64 << 10;

/// What a disk becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskFormat {
    /// The bytes of the disk, with holes: an ext4 filesystem.
    #[default]
    Ext4,
    /// A qcow2 image that stands on nothing.
    Qcow2,
}

/// A disk that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportedDisk {
    /// Its size in bytes.
    pub size: u64,
    /// Whether its journal holds changes that are not in place yet.
    pub needs_recovery: bool,
}

/// Write the disk on the raw `image` under qcow2 `layers`, bottom first, to the empty file `to`.
///
/// # Errors
/// [`DiskError`]; the file then holds anything.
pub fn export(
    image: &Path,
    layers: &[PathBuf],
    to: &File,
    format: DiskFormat,
    cancel: &CancellationToken,
) -> Result<ExportedDisk, DiskError> {
    let chain = chain::open(image, layers)?;
    let size = chain.size();
    let top = layers.last().map_or(image, PathBuf::as_path);
    let unread = |source| DiskError::Open { path: top.to_owned(), source };
    if size > MAX_DISK {
        return Err(unread(io::Error::other("it is larger than any disk of pyro's")));
    }
    let mut bytes = [0; superblock::LEN];
    chain.read(&mut bytes[..], superblock::AT).map_err(unread)?;
    // What is on it is the guest's: one that broke its filesystem has it exported as it is.
    let needs_recovery =
        Superblock::parse(&bytes, size).is_ok_and(|superblock| superblock.needs_recovery);
    let copied = match format {
        DiskFormat::Ext4 => raw(&chain, image, to, cancel),
        DiskFormat::Qcow2 => qcow2(&chain, image, to, cancel),
    };
    copied.map_err(|error| match error {
        _ if cancel.is_cancelled() => DiskError::Cancelled,
        Side::Read(source) => unread(source),
        Side::Written(source) => DiskError::Export(source),
    })?;
    Ok(ExportedDisk { size, needs_recovery })
}

/// A failure of one side.
enum Side {
    Read(io::Error),
    Written(io::Error),
}

fn raw(
    chain: &FormatAccess<HostFile>,
    image: &Path,
    to: &File,
    cancel: &CancellationToken,
) -> Result<(), Side> {
    to.set_len(chain.size()).map_err(Side::Written)?;
    copy(chain, image, BLOCK, cancel, |bytes, at| to.write_all_at(bytes, at))
}

fn qcow2(
    chain: &FormatAccess<HostFile>,
    image: &Path,
    to: &File,
    cancel: &CancellationToken,
) -> Result<(), Side> {
    let begin = || {
        let options = StorageOpenOptions::new().write(true);
        let file = HostFile::from_open_file(to.try_clone()?, options)?;
        let builder = Qcow2::<HostFile>::create_builder(file).size(chain.size());
        let made = builder.create_open(DenyImplicitOpenGate::default(), |file| {
            Ok(Qcow2::<HostFile>::builder(file).backing(None).write(true))
        })?;
        Ok(FormatAccess::new(made))
    };
    let into = begin().map_err(Side::Written)?;
    copy(chain, image, CLUSTER, cancel, |bytes, at| into.write(bytes, at))?;
    into.flush().map_err(Side::Written)
}

/// Give what is on a disk to `write`, but for stretches of zeros as long as a `grain`.
fn copy(
    chain: &FormatAccess<HostFile>,
    image: &Path,
    grain: usize,
    cancel: &CancellationToken,
    write: impl Fn(&[u8], u64) -> io::Result<()>,
) -> Result<(), Side> {
    let bottom = fs::open(image).map_err(|error| Side::Read(error.source))?;
    let mut part = vec![0; PART];
    let (mut at, end) = (0, chain.size());
    while at < end {
        if cancel.is_cancelled() {
            return Err(Side::Read(io::ErrorKind::Interrupted.into()));
        }
        let (mapping, len) = chain.get_mapping(at, end - at).map_err(Side::Read)?;
        let len = match mapping {
            Mapping::Zero { .. } => len,
            Mapping::Raw { storage, offset, .. }
                if offset == at && storage.get_filename().as_deref() == Some(image) =>
            {
                // Of the image itself: most of it is a hole.
                let data = data_at(&bottom, at).map_err(|errno| Side::Read(errno.into()))?;
                match data.map_or(end, |(start, _)| start) - at {
                    0 => read(chain, &mut part, at, len, grain, &write)?,
                    hole => hole.min(len),
                }
            }
            _ => read(chain, &mut part, at, len, grain, &write)?,
        };
        if len == 0 {
            return Err(Side::Read(io::ErrorKind::UnexpectedEof.into()));
        }
        at += len;
    }
    Ok(())
}

/// Copy at most one part; how many bytes.
fn read(
    chain: &FormatAccess<HostFile>,
    part: &mut [u8],
    at: u64,
    len: u64,
    grain: usize,
    write: impl Fn(&[u8], u64) -> io::Result<()>,
) -> Result<u64, Side> {
    let len = len.min(PART as u64);
    let part = &mut part[..usize::try_from(len).unwrap_or_default()];
    chain.read(&mut *part, at).map_err(Side::Read)?;
    let is_zero = |bytes: &&[u8]| bytes.iter().all(|byte| *byte == 0);
    let mut grains = part.chunks(grain).peekable();
    let mut done = 0;
    while let Some(first) = grains.next() {
        let begin = done;
        done += first.len();
        if is_zero(&first) {
            continue;
        }
        while let Some(next) = grains.next_if(|next| !is_zero(next)) {
            done += next.len();
        }
        write(&part[begin..done], at + begin as u64).map_err(Side::Written)?;
    }
    Ok(len)
}
