//! The way to a node of a filesystem that nobody mounts: link by link, and nothing that is too
//! large.
//!
//! The reader could follow a path itself. But it takes memory for the target of a link by the
//! length that the link says it has, and looks through a directory however long it says that it
//! is: here both are known before the reader goes on.

use super::error::DiskError;
use super::fault::DiskFault;
use ext4_view::{Ext4, Ext4Error, Metadata};

/// Longest target of a link, and longest path, in bytes: those of Linux.
const MAX_PATH: usize = 4096;

/// Most links on one way.
const MAX_LINKS: usize = 40;

/// Longest directory that is looked through, in bytes: some millions of names.
pub(super) const MAX_DIRECTORY: u64 = 256 << 20;

/// A node, by a path without links.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Its path; empty for the root.
    pub(super) path: Vec<u8>,
    /// What it is.
    pub(super) metadata: Metadata,
}

/// Go to the node at `path`, all links on the way followed; the last name too where `follow` says
/// so.
///
/// # Errors
/// [`DiskFault`].
pub(super) fn go(fs: &Ext4, path: &[u8], follow: bool) -> Result<Found, DiskError> {
    let names = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec).collect()
    };
    let mut left = names(path);
    let mut at = look(fs, Vec::new())?;
    let mut links = 0;
    while let Some(name) = left.pop() {
        match &name[..] {
            b"" | b"." => continue,
            b".." => {
                let above = at.path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                at = look(fs, at.path[..above].to_vec())?;
                continue;
            }
            _ => {}
        }
        check_directory(&at)?;
        let next = look(fs, [&at.path[..], b"/", &name].concat())?;
        if !next.metadata.is_symlink() || (left.iter().all(Vec::is_empty) && !follow) {
            at = next;
            continue;
        }
        links += 1;
        let target = target(fs, &next)?;
        if links > MAX_LINKS || target.len() + left.iter().map(Vec::len).sum::<usize>() > MAX_PATH {
            return Err(DiskFault::Links(path.to_owned()).into());
        }
        if target.starts_with(b"/") {
            at = look(fs, Vec::new())?;
        }
        left.extend(names(&target));
    }
    Ok(at)
}

/// The node at a path that no link is on the way of, and whose directories were looked at.
fn look(fs: &Ext4, path: Vec<u8>) -> Result<Found, DiskError> {
    if path.len() > MAX_PATH {
        return Err(DiskFault::Links(path).into());
    }
    let at: &[u8] = if path.is_empty() { b"/" } else { &path };
    match fs.symlink_metadata(at) {
        Ok(metadata) => Ok(Found { path, metadata }),
        Err(Ext4Error::NotFound) => Err(DiskFault::NotFound(path).into()),
        Err(error) => Err(DiskError::File(error)),
    }
}

/// See that a node is a directory that may be looked through.
///
/// # Errors
/// [`DiskFault::NotDirectory`], [`DiskFault::Directories`].
pub(super) fn check_directory(found: &Found) -> Result<(), DiskFault> {
    match (found.metadata.is_dir(), found.metadata.len()) {
        (false, _) => Err(DiskFault::NotDirectory(found.path.clone())),
        (true, MAX_DIRECTORY..) => Err(DiskFault::Directories),
        _ => Ok(()),
    }
}

/// Where a link leads.
///
/// # Errors
/// [`DiskFault::Unreadable`] for one that is longer than a link may be.
pub(super) fn target(fs: &Ext4, link: &Found) -> Result<Vec<u8>, DiskError> {
    if link.metadata.len() >= MAX_PATH as u64 {
        return Err(DiskFault::Unreadable("a link is longer than links are".to_owned()).into());
    }
    Ok(fs.read_link(&link.path[..]).map_err(DiskError::File)?.as_ref().to_vec())
}
