//! `OfflineDisk`: the filesystem on an image and its layers, read in this process; no kernel ever
//! mounts it.

use super::chain;
use super::error::DiskError;
use super::fault::DiskFault;
use super::node::kind;
use super::page::{self, Page, PageQuery};
use super::part::{self, Part, PartQuery};
use super::superblock::{self, Superblock};
use super::way::{self, Found};
use ext4_view::{DirEntry, Ext4, Ext4Read, File, Metadata};
use imago::FormatAccess;
use imago::file::File as HostFile;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Entry, Kind, Meta, Time};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

/// Most names that are resolved on the ways to the directories of a listing: a disk whose
/// directories hold each other has ways without end, and each is resolved from its beginning.
const MAX_STEPS: usize = 4_000_000;

/// A filesystem as it was when its topmost layer was closed.
#[derive(Debug)]
pub struct OfflineDisk(Ext4);

struct Chain(FormatAccess<HostFile>);

impl Ext4Read for Chain {
    fn read(
        &mut self,
        start: u64,
        into: &mut [u8],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.read(into, start)?)
    }
}

impl OfflineDisk {
    /// Open the filesystem on the raw `image` under qcow2 `layers`, bottom first.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn open(image: &Path, layers: &[PathBuf]) -> Result<Self, DiskError> {
        let chain = chain::open(image, layers)?;
        let top = layers.last().map_or(image, PathBuf::as_path).to_owned();
        let mut bytes = [0; superblock::LEN];
        let unread = |source| DiskError::Open { path: top.clone(), source };
        chain.read(&mut bytes[..], superblock::AT).map_err(unread)?;
        let superblock = Superblock::parse(&bytes, chain.size())?;
        let loaded = guarded(|| {
            Ext4::load(Box::new(Chain(chain)))
                .map_err(|source| DiskError::Filesystem { path: top.clone(), source })
        });
        match loaded {
            Err(DiskError::Filesystem { .. }) if superblock.needs_recovery => {
                Err(DiskFault::Journal.into())
            }
            loaded => loaded.map(Self),
        }
    }

    /// A page of what a directory holds.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(super) fn page(&self, query: &PageQuery) -> Result<Page, DiskError> {
        guarded(|| page::page(&self.0, query))
    }

    /// A part of a file.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(super) fn part(&self, query: &PartQuery) -> Result<Part, DiskError> {
        guarded(|| part::part(&self.0, query))
    }

    /// Give every node at or below the directory `root` to `each`, in no particular order, and stop
    /// when that says so. The inode number of an entry is a fingerprint of all that is known of the
    /// node, its times and its directories' births included: on two closed disks of one workspace
    /// it is the same only where the node is. A node that cannot be understood has one that no
    /// other has.
    ///
    /// # Errors
    /// [`DiskError::File`] when a directory cannot be read; [`DiskError::Directories`].
    pub fn list(&self, root: &[u8], each: impl FnMut(Entry) -> bool) -> Result<(), DiskError> {
        guarded(|| self.list_within(root, MAX_STEPS, each))
    }

    fn list_within(
        &self,
        root: &[u8],
        max_steps: usize,
        mut each: impl FnMut(Entry) -> bool,
    ) -> Result<(), DiskError> {
        let Found { path: root, metadata: top } = way::go(&self.0, root, true)?;
        let mut directories = vec![(TreePath::root(), 0)];
        if !each(entry(TreePath::root(), &top, fingerprint(&top, 0), Vec::new())) {
            return Ok(());
        }
        let mut steps: usize = 0;
        while let Some((directory, above)) = directories.pop() {
            steps += 1 + directory.as_bytes().iter().filter(|byte| **byte == b'/').count();
            if steps > max_steps {
                return Err(DiskFault::Directories.into());
            }
            let at = [&root[..], b"/", directory.as_bytes()].concat();
            for node in self.0.read_dir(&at[..]).map_err(DiskError::File)? {
                let node = node.map_err(DiskError::File)?;
                let path = match directory.is_root() {
                    true => node.file_name().as_ref().to_vec(),
                    false => [directory.as_bytes(), b"/", node.file_name().as_ref()].concat(),
                };
                // Neither `.` and `..` nor a path that no kernel makes.
                let Ok(path) = TreePath::parse(&path) else { continue };
                let entry = self.look(&node, path, above);
                if entry.meta.kind == Kind::Directory && entry.meta.errno == 0 {
                    if entry.meta.size > way::MAX_DIRECTORY {
                        return Err(DiskFault::Directories.into());
                    }
                    directories.push((entry.path.clone(), lineage(&node, above)));
                }
                if !each(entry) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn look(&self, node: &DirEntry, path: TreePath, above: u64) -> Entry {
        let target = |metadata: &Metadata| match metadata.is_symlink() {
            true => {
                let link =
                    Found { path: node.path().as_ref().to_vec(), metadata: metadata.clone() };
                way::target(&self.0, &link)
            }
            false => Ok(Vec::new()),
        };
        let known = node.metadata().map_err(DiskError::File);
        let known = known.and_then(|metadata| Ok((target(&metadata)?, metadata)));
        match known {
            Ok((target, metadata)) => entry(path, &metadata, fingerprint(&metadata, above), target),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(%path, error, "a node of a disk cannot be understood");
                let kind = node.file_type().map_or(Kind::Unknown, kind);
                let ino = RandomState::new().hash_one(&path);
                let meta = Meta { errno: EIO, ino, ..Meta::new(kind, 0) };
                Entry { path, meta, target: Vec::new() }
            }
        }
    }

    /// Give a file's content to `each`, part by part, and stop when that says so.
    ///
    /// # Errors
    /// [`DiskError::File`].
    pub fn read(&self, path: &[u8], mut each: impl FnMut(&[u8]) -> bool) -> Result<(), DiskError> {
        guarded(|| {
            let found = way::go(&self.0, path, true)?;
            let mut file: File = self.0.open(&found.path[..]).map_err(DiskError::File)?;
            let mut part = vec![0; 64 * 1024];
            loop {
                let len = file.read_bytes(&mut part).map_err(DiskError::File)?;
                if len == 0 || !each(&part[..len]) {
                    return Ok(());
                }
            }
        })
    }
}

/// Do what reads a filesystem that a guest wrote: the reader's own mistakes about it are faults of
/// the filesystem, not of this process.
fn guarded<T>(act: impl FnOnce() -> Result<T, DiskError>) -> Result<T, DiskError> {
    // The reader changes nothing but its cache, block by block.
    std::panic::catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| {
        Err(DiskFault::Unreadable("its reader cannot make sense of it".to_owned()).into())
    })
}

/// What `stat` would say of a node that cannot be read.
const EIO: u16 = 5;

fn entry(path: TreePath, metadata: &Metadata, fingerprint: u64, target: Vec<u8>) -> Entry {
    let mtime = metadata.modified();
    let mtime = Time { seconds: mtime.seconds(), nanoseconds: mtime.nanoseconds() };
    let meta = Meta {
        uid: metadata.uid(),
        gid: metadata.gid(),
        size: metadata.len(),
        ino: fingerprint,
        mtime,
        ..Meta::new(kind(metadata.file_type()), metadata.mode().into())
    };
    Entry { path, meta, target }
}

/// A digest of a node and of the directories that lead to it. The node's own has its ctime, which
/// the library tells to nobody.
fn fingerprint(metadata: &Metadata, above: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (metadata, above).hash(&mut hasher);
    hasher.finish()
}

/// A digest of the births of a directory and of those that lead to it: that of a directory does not
/// change with what happens in it, but does when another one takes its place.
fn lineage(directory: &DirEntry, above: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    let born = directory.metadata().ok().and_then(|metadata| metadata.created());
    (born, above).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make disks with e2fsprogs")]
mod tests {
    use super::*;
    use std::process::Command;

    fn run(program: &str, args: &[&str]) {
        let output = Command::new(program).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A disk with a small tree, changed by commands of debugfs; its directory goes with it.
    fn disk(changes: &[&str]) -> (tempfile::TempDir, OfflineDisk) {
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("tree");
        std::fs::create_dir_all(tree.join("workspace/d")).unwrap();
        std::fs::write(tree.join("workspace/d/file"), "four").unwrap();
        std::fs::write(tree.join("workspace/odd"), "").unwrap();
        std::os::unix::fs::symlink("d/file", tree.join("workspace/link")).unwrap();
        let image = home.path().join("image");
        let (tree, path) = (tree.to_str().unwrap(), image.to_str().unwrap());
        run("mke2fs", &["-q", "-t", "ext4", "-O", "^metadata_csum", "-d", tree, path, "8M"]);
        for change in changes {
            run("debugfs", &["-w", "-R", change, path]);
        }
        let disk = OfflineDisk::open(&image, &[]).unwrap();
        (home, disk)
    }

    fn listed(disk: &OfflineDisk) -> Vec<Entry> {
        let mut entries = Vec::new();
        disk.list(b"/workspace", |entry| {
            entries.push(entry);
            true
        })
        .unwrap();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    }

    #[test]
    fn a_tree_is_listed_whole_and_an_odd_node_breaks_nothing() {
        let (home, disk) = disk(&["set_inode_field /workspace/odd mtime @0xf0000000"]);
        let entries = listed(&disk);
        let names: Vec<_> = entries.iter().map(|entry| entry.path.to_string()).collect();
        assert_eq!(names, [".", "d", "d/file", "link", "odd"]);
        let kinds: Vec<_> = entries.iter().map(|entry| entry.meta.kind).collect();
        use Kind::{Directory as D, File as F, Symlink as L};
        assert_eq!(kinds, [D, D, F, L, F]);
        assert_eq!((entries[2].meta.size, &entries[3].target[..]), (4, &b"d/file"[..]));
        // What is not understood is never taken for the same; the rest always is.
        let again = listed(&OfflineDisk::open(&home.path().join("image"), &[]).unwrap());
        let same: Vec<_> = entries.iter().zip(&again).map(|(a, b)| a == b).collect();
        let is_odd = entries[4].meta.errno != 0;
        assert_eq!(same, [true, true, true, true, !is_odd]);
    }

    #[test]
    fn directories_that_hold_each_other_are_given_up() {
        let loops = ["link /workspace/d /workspace/d/a", "link /workspace/d /workspace/d/b"];
        let (_home, disk) = disk(&loops);
        let mut count = 0;
        let listed = disk.list_within(b"/workspace", 20_000, |_| {
            count += 1;
            true
        });
        assert!(matches!(listed, Err(DiskError::Fault(DiskFault::Directories))), "{listed:?}");
        assert!(count > 100, "{count}");
    }
}
