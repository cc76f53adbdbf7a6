//! Reading a tree on the host: its nodes, contents and digests, and all of it as a stream of
//! records.

use super::error::{HostTreeError, Refusal};
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Batch, Kind};
use pyro_tree::walk::{Skip, open_node};
use pyro_tree::{TreeError, Walk, WalkOptions, attributes, node};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Nodes that are named when they are refused; more are counted.
const MAX_NAMED: usize = 10;

/// What a tree holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Number of nodes.
    pub entries: u64,
    /// Bytes of content, holes not counted.
    pub bytes: u64,
}

fn walk<'f>(root: &Path, skip: Option<Skip<'f>>) -> Result<Walk<'f>, HostTreeError> {
    open_node(CWD, root.as_os_str().as_bytes(), true)
        .and_then(|node| Walk::new(node, WalkOptions { depth: None, skip }))
        .map_err(|source| HostTreeError::Root { action: "read", path: root.to_owned(), source })
}

/// Look at all of a tree before it is sent: what cannot be carried is refused by name, what was not
/// skipped is measured.
///
/// # Errors
/// [`HostTreeError::Refused`] with all that is in the way; [`HostTreeError::Root`].
pub fn measure(root: &Path, skip: Option<Skip<'_>>) -> Result<Measure, HostTreeError> {
    let mut walk = walk(root, skip)?;
    let mut measure = Measure::default();
    let (mut named, mut count) = (Vec::new(), 0);
    while let Some((meta, _)) = walk.next_node() {
        measure.entries += 1;
        let refusal = if meta.errno != 0 {
            Some(Refusal::Unreadable(Errno::from_raw_os_error(i32::from(meta.errno))))
        } else if !meta.kind.is_carried() {
            Some(Refusal::Special(meta.kind))
        } else if meta.kind == Kind::File {
            measure.bytes =
                measure.bytes.saturating_add(meta.size.min(meta.blocks.saturating_mul(512)));
            readable(&walk).err().map(Refusal::Unreadable)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            count += 1;
            if named.len() < MAX_NAMED {
                named.push((TreePath::parse(walk.path()).unwrap_or_default(), refusal));
            }
        }
    }
    if count == 0 { Ok(measure) } else { Err(HostTreeError::Refused(named, count)) }
}

/// Root reads everything; for others a file without the right to read it would fail when much was
/// sent already.
fn readable(walk: &Walk<'_>) -> Result<(), Errno> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { walk.open().map(drop) }
}

/// What a tree's root is.
///
/// # Errors
/// [`HostTreeError::Root`].
pub fn look(root: &Path) -> Result<pyro_protocol::tree::Meta, HostTreeError> {
    let failed = |source| HostTreeError::Root { action: "read", path: root.to_owned(), source };
    let node = open_node(CWD, root.as_os_str().as_bytes(), true).map_err(failed)?;
    rustix::fs::fstat(&node).map(|stat| node::meta(&stat)).map_err(failed)
}

/// Every node of a tree without its content, in the order of a walk.
///
/// # Errors
/// [`HostTreeError::Root`], and what `each` answers.
pub fn list<E: From<HostTreeError>>(
    root: &Path,
    skip: Option<Skip<'_>>,
    mut each: impl FnMut(pyro_protocol::tree::Entry) -> Result<(), E>,
) -> Result<(), E> {
    let mut walk = walk(root, skip)?;
    while let Some((meta, target)) = walk.next_node() {
        let path = TreePath::parse(walk.path()).unwrap_or_default();
        each(pyro_protocol::tree::Entry { path, meta, target })?;
    }
    Ok(())
}

/// Send a tree with its contents. What becomes unreadable after [`measure`] is told in the stream.
///
/// # Errors
/// [`HostTreeError::Root`], and what `out` answers.
pub fn send<E: From<HostTreeError>>(
    root: &Path,
    skip: Option<Skip<'_>>,
    out: impl FnMut(Batch) -> Result<(), E>,
) -> Result<(), E> {
    pyro_tree::pack(&mut walk(root, skip)?, out)
}

/// As [`send`], and tell `attributed` of each node that has extended attributes: no record carries
/// them.
///
/// # Errors
/// As [`send`].
pub fn send_watched<E: From<HostTreeError>>(
    root: &Path,
    skip: Option<Skip<'_>>,
    out: impl FnMut(Batch) -> Result<(), E>,
    mut attributed: impl FnMut(&[u8]),
) -> Result<(), E> {
    let mut walk = walk(root, skip)?;
    let mut packer = pyro_tree::pack::Packer::new(out);
    while let Some((meta, target)) = walk.next_node() {
        if walk.has_attributes(meta.kind) {
            attributed(walk.path());
        }
        packer.node(walk.path(), meta, &target, || walk.open())?;
    }
    packer.finish()
}

/// Send the nodes of a list, and nothing below them; paths may come in any order. `attributed` is
/// told as by [`send_watched`].
///
/// # Errors
/// [`HostTreeError::Root`], and what `out` answers.
pub fn send_listed<E: From<HostTreeError>>(
    root: &Path,
    paths: impl IntoIterator<Item = TreePath>,
    out: impl FnMut(Batch) -> Result<(), E>,
    mut attributed: impl FnMut(&[u8]),
) -> Result<(), E> {
    let mut descent = descent(root)?;
    let mut packer = pyro_tree::pack::Packer::new(out);
    for path in paths {
        let found = path.split().map_or(Err(Errno::ISDIR), |(dir, name)| {
            let dir = descent.go(dir)?;
            let meta = node::look(dir, name)?;
            let target =
                if meta.kind == Kind::Symlink { node::target(dir, name)? } else { Vec::new() };
            Ok((meta, target))
        });
        let (meta, target) = found.unwrap_or_else(|errno| {
            let meta = pyro_protocol::tree::Meta::new(Kind::Unknown, 0);
            (pyro_protocol::tree::Meta { errno: node::number(errno), ..meta }, Vec::new())
        });
        if let Some((_, name)) = path.split()
            && attributes::has_any(descent.dir(), name, meta.kind)
        {
            attributed(path.as_bytes());
        }
        packer.node(path.as_bytes(), meta, &target, || {
            let (_, name) = path.split().ok_or(Errno::ISDIR)?;
            rustix::fs::openat(descent.dir(), name, node::CONTENT, Mode::empty())
        })?;
    }
    packer.finish()
}

/// Digests of the files of a list, as the guest's agent makes them; none of what cannot be read.
/// Links are not followed.
///
/// # Errors
/// [`HostTreeError::Root`].
pub fn digests(root: &Path, paths: &[TreePath]) -> Result<Vec<Option<[u8; 32]>>, HostTreeError> {
    let mut descent = descent(root)?;
    let mut digest = |path: &TreePath| -> Option<[u8; 32]> {
        let (dir, name) = path.split()?;
        let file =
            rustix::fs::openat(descent.go(dir).ok()?, name, node::CONTENT, Mode::empty()).ok()?;
        let mut hasher = blake3::Hasher::new();
        std::io::copy(&mut std::fs::File::from(file), &mut hasher).ok()?;
        Some(*hasher.finalize().as_bytes())
    };
    Ok(paths.iter().map(&mut digest).collect())
}

fn descent(root: &Path) -> Result<pyro_tree::descent::Descent<()>, HostTreeError> {
    let failed = |source| HostTreeError::Root { action: "read", path: root.to_owned(), source };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(root, flags, Mode::empty())
        .map(pyro_tree::descent::Descent::new)
        .map_err(failed)
}

/// Give the content of a file of a tree to `each`, part by part, and stop when that says so.
///
/// # Errors
/// [`HostTreeError::Root`], and [`HostTreeError::Tree`] also for what is no file.
pub fn read(
    root: &Path,
    path: &TreePath,
    mut each: impl FnMut(&[u8]) -> bool,
) -> Result<(), HostTreeError> {
    let mut descent = descent(root)?;
    let mut read = || {
        let (dir, name) = path.split().ok_or(Errno::ISDIR)?;
        let file = rustix::fs::openat(descent.go(dir)?, name, node::CONTENT, Mode::empty())?;
        let mut part = vec![0; 64 * 1024];
        loop {
            let len = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut part))?;
            if len == 0 || !each(&part[..len]) {
                return Ok(());
            }
        }
    };
    read().map_err(|errno| {
        TreeError::System { action: "read", path: path.clone(), source: errno }.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn special_files_are_refused_by_name_and_skipped_ones_are_not_met() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), [7; 5000]).unwrap();
        let pipe = dir.path().join("pipe\n");
        rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let error = measure(dir.path(), None).unwrap_err();
        assert_eq!(error.to_string(), "pipe\\n is a named pipe, which cannot be carried");
        let skip: Skip<'_> = Box::new(|path, _| path.starts_with(b"pipe"));
        let measured = measure(dir.path(), Some(skip)).unwrap();
        assert_eq!((measured.entries, measured.bytes), (2, 5000));
    }
}
