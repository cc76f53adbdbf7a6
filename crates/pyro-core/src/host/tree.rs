//! Trees on the host: a directory or file as a stream of records, and such a stream as a new tree
//! that appears whole.
//!
//! Neither direction follows a link below its root, and nothing outside of the tree is touched.

use super::output::Output;
use super::staging::{MADE, Staging};
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Batch, Kind, Record, RecordError};
use pyro_tree::walk::{Skip, open_node};
use pyro_tree::{Placed, Placer, Placing, TreeError, Walk, WalkOptions, attributes, node};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Nodes that are named when they are refused; more are counted.
const MAX_NAMED: usize = 10;

/// A tree on the host that cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum HostTreeError {
    /// The path itself cannot be used.
    #[error("cannot {action} {}", path.display())]
    Root {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: Errno,
    },
    /// Something is there already.
    #[error("{} exists", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// A directory is there that is not empty, and what is to appear is none.
    #[error("{} is a directory that holds something", path.display())]
    Full {
        /// Where.
        path: PathBuf,
    },
    /// Nodes that cannot be carried, found before anything was sent.
    #[error("{}", refused(.0, *.1))]
    Refused(Vec<(TreePath, Refusal)>, usize),
    /// The tree that is being made.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The stream holds something else.
    #[error("the stream is malformed")]
    Record(#[from] RecordError),
}

/// Why a node is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is neither a file nor a directory nor a link.
    Special(Kind),
    /// It cannot be read.
    Unreadable(Errno),
}

fn refused(named: &[(TreePath, Refusal)], count: usize) -> String {
    let mut words: Vec<String> = named
        .iter()
        .map(|(path, why)| match why {
            Refusal::Special(kind) => {
                format!("{path} is a {}, which cannot be carried", kind.name())
            }
            Refusal::Unreadable(errno) => format!("{path} cannot be read: {errno}"),
        })
        .collect();
    if count > named.len() {
        words.push(format!("and {} more", count - named.len()));
    }
    words.join("; ")
}

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

/// What a received tree may be.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Most nodes.
    pub max_entries: u64,
    /// Most bytes of content.
    pub max_bytes: u64,
    /// Replace what is there.
    pub overwrite: bool,
}

/// A tree that is being received; it appears at its place whole, or dropped before leaves nothing.
pub struct Receiver {
    placer: Option<Placer>,
    staging: Staging,
    overwrite: bool,
}

impl Receiver {
    /// Receive a tree that is to appear there. Modes and times are kept, set-user-id and its like
    /// are not, nodes that cannot be made are left out and told.
    ///
    /// # Errors
    /// [`HostTreeError::Exists`] unless it may be overwritten; [`HostTreeError::Root`].
    pub fn new(output: Output, allowance: Allowance) -> Result<Self, HostTreeError> {
        let dest = output.path.clone();
        let failed = |source| HostTreeError::Root { action: "write", path: dest.clone(), source };
        let name = output.name.as_bytes();
        if !allowance.overwrite && node::find(output.dir.as_fd(), name).map_err(failed)?.is_some() {
            return Err(HostTreeError::Exists { path: dest });
        }
        let staging = Staging::begin(output).map_err(failed)?;
        let inside = staging.inside().try_clone_to_owned();
        let inside =
            inside.map_err(|error| failed(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
        let placing = Placing {
            owners: false,
            special_bits: false,
            keep_going: true,
            umask: pyro_tree::place::umask(),
            max_entries: allowance.max_entries,
            max_bytes: allowance.max_bytes,
        };
        let placer = Some(Placer::as_name(inside, MADE, placing));
        Ok(Self { placer, staging, overwrite: allowance.overwrite })
    }

    /// Take one record.
    ///
    /// # Errors
    /// [`HostTreeError::Tree`].
    pub fn put(&mut self, record: &Record<'_>) -> Result<(), HostTreeError> {
        match &mut self.placer {
            Some(placer) => Ok(placer.put(record)?),
            None => Ok(()),
        }
    }

    /// The stream is over: let the tree appear.
    ///
    /// # Errors
    /// [`HostTreeError::Exists`] when something has come there meanwhile; [`HostTreeError`]
    /// otherwise.
    pub fn finish(mut self) -> Result<Placed, HostTreeError> {
        let placed = match self.placer.take() {
            Some(placer) => placer.finish()?,
            None => Placed::default(),
        };
        // Durable before it has its name. One call for all: 5,000 files took 35 to 65 ms, an fsync
        // of each one 1 to 1.8 s (ext4); a single file costs the same either way.
        let synced = rustix::fs::syncfs(self.staging.inside());
        let made = synced.and_then(|()| node::look(self.staging.inside(), MADE));
        let is_directory = made.is_ok_and(|meta| meta.kind == Kind::Directory);
        let appeared = synced.and_then(|()| match is_directory {
            true => self.staging.appear(self.overwrite),
            false => self.staging.file_appears(self.overwrite),
        });
        appeared.map_err(|errno| {
            let path = self.staging.output.path.clone();
            match errno {
                Errno::EXIST if !self.overwrite => HostTreeError::Exists { path },
                Errno::NOTEMPTY | Errno::EXIST if !is_directory => HostTreeError::Full { path },
                source => HostTreeError::Root { action: "write", path, source },
            }
        })?;
        Ok(placed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::tree::{Meta, Records};
    use std::fs;

    const ALL: Allowance =
        Allowance { max_entries: u64::MAX, max_bytes: u64::MAX, overwrite: false };

    fn batches(root: &Path) -> Vec<Batch> {
        let mut all = Vec::new();
        send(root, None, |batch| {
            all.push(batch);
            Ok::<(), HostTreeError>(())
        })
        .unwrap();
        all
    }

    fn receive(
        batches: &[Batch],
        dest: &Path,
        allowance: Allowance,
    ) -> Result<Placed, HostTreeError> {
        let mut receiver = Receiver::new(Output::prepare(&dest.into(), true).unwrap(), allowance)?;
        for batch in batches {
            for record in Records::new(batch.payload()) {
                receiver.put(&record?)?;
            }
        }
        receiver.finish()
    }

    #[test]
    fn a_tree_appears_whole_and_replaces_only_when_told() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        fs::create_dir(&from).unwrap();
        fs::write(from.join("f"), "new").unwrap();
        let all = batches(&from);
        let dest = dir.path().join("dest");
        fs::create_dir(&dest).unwrap();
        fs::write(dest.join("old"), "old").unwrap();
        assert!(matches!(receive(&all, &dest, ALL), Err(HostTreeError::Exists { .. })));
        assert_eq!(fs::read_to_string(dest.join("old")).unwrap(), "old");
        receive(&all, &dest, Allowance { overwrite: true, ..ALL }).unwrap();
        assert_eq!(fs::read_to_string(dest.join("f")).unwrap(), "new");
        assert!(!dest.join("old").exists());
        receive(&all, &dir.path().join("fresh"), ALL).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing temporary stays");
    }

    #[test]
    fn a_hostile_or_broken_stream_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        let dest = dir.path().join("dest");
        let mut batch = Batch::default();
        let top = Meta::new(Kind::Directory, 0o755);
        batch.entry(b"", &top, b"");
        batch.entry(b"l", &Meta::new(Kind::Symlink, 0o777), b"../../outside");
        batch.entry(b"l/x", &Meta::new(Kind::Directory, 0o755), b"");
        assert!(matches!(
            receive(&[batch], &dest, ALL),
            Err(HostTreeError::Tree(TreeError::Beyond { .. }))
        ));
        let mut batch = Batch::default();
        batch.entry(b"", &top, b"");
        batch.entry(b"f", &Meta::new(Kind::File, 0o644), b"");
        assert!(receive(&[batch], &dest, ALL).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(fs::read_dir(dir.path().join("outside")).unwrap().count(), 0);
    }

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
