//! `Source`: what is carried into a workspace, looked at before anything is written.

mod error;
mod git_paths;
pub mod graft;
mod left_out;
mod steady;

pub use error::SourceError;

use super::place::joined;
use crate::archive;
use crate::guest::archive::Outlet;
use crate::host::fs::{self, FsError, Stamp};
use crate::host::path::{HostPath, of_descriptor};
use crate::host::tree::{self, HostTreeError, Refusal};
use crate::store::workspace::LeftOut;
use crate::workspace::ignore::Ignored;
use crate::workspace::ignore::host::{HostFiles, ignored};
use graft::Grafts;
use left_out::NotCarried;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Batch, Entry, Kind, Meta, Record, Records};
use pyro_tree::walk::Skip;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use steady::Steady;

/// Nodes that are named when they are refused; more are counted.
const MAX_NAMED: usize = 10;

/// Names of archives.
const ARCHIVES: [&str; 11] = [
    ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tbz",
    ".tb2",
];

/// A directory or an archive on the host, held from the look at it on: what its path leads to may
/// change.
#[derive(Clone, Debug)]
pub struct Source {
    path: PathBuf,
    held: Arc<OwnedFd>,
    kind: SourceKind,
    not_carried: Arc<Mutex<NotCarried>>,
    /// What git needs of other places; nothing in an archive.
    grafts: Arc<Grafts>,
}

#[derive(Clone, Debug)]
enum SourceKind {
    Directory(Option<Arc<Mutex<Ignored<HostFiles>>>>),
    Archive,
}

/// What becomes of files that git ignores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignore {
    /// They are carried.
    Carry,
    /// They are left out; an archive, which has no rules, is refused.
    LeaveOut,
    /// They are left out of a directory.
    LeaveOutIfDirectory,
}

impl Ignore {
    /// What was asked for.
    #[must_use]
    pub fn asked(respect: bool) -> Self {
        if respect { Self::LeaveOut } else { Self::Carry }
    }
}

/// What was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Files, directories and links.
    pub entry_count: u64,
    /// Bytes of files.
    pub bytes_written: u64,
    /// The files of a directory as they were when they were read, in the order of a walk.
    pub files: Vec<(TreePath, Meta)>,
    /// The directories that an archive names; others are made for what they hold.
    pub directories: HashSet<TreePath>,
}

impl Tally {
    fn add(&mut self, entry: &Record<'_>) {
        if let Record::Entry { path, meta, .. } = entry
            && !path.is_empty()
        {
            self.entry_count += 1;
            let bytes = if meta.kind == Kind::File { meta.size } else { 0 };
            // An archive may tell of sparse files that are longer than any disk.
            self.bytes_written = self.bytes_written.saturating_add(bytes);
        }
    }
}

impl Source {
    /// Look at what is to be carried.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn open(path: &HostPath, ignore: Ignore) -> Result<Self, SourceError> {
        let respect_ignore = ignore != Ignore::Carry;
        let whole = path.canonical();
        let (path, held) = (whole.as_path(), Arc::new(whole.open("look at", OFlags::PATH)?));
        let is_dir = fs::metadata(&of_descriptor(&held))?.is_dir();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let kind = if is_dir {
            SourceKind::Directory(respect_ignore.then(|| Arc::new(Mutex::new(ignored(&whole)))))
        } else if !ARCHIVES.iter().any(|ending| name.ends_with(ending)) {
            return Err(SourceError::Neither(path.to_owned()));
        } else if ignore == Ignore::LeaveOut {
            return Err(SourceError::NoRules(path.to_owned()));
        } else {
            fs::open(&of_descriptor(&held))
                .map_err(|error| FsError { path: path.to_owned(), ..error })?;
            SourceKind::Archive
        };
        let leaves_out = |path: &[u8]| match &kind {
            SourceKind::Directory(Some(rules)) => is_ignored(rules, path, true),
            _ => false,
        };
        let grafts =
            Arc::new(if is_dir { Grafts::of(&whole, &leaves_out)? } else { Grafts::default() });
        Ok(Self { path: path.to_owned(), held, kind, not_carried: Arc::default(), grafts })
    }

    /// Its name in results.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        if self.is_directory() { "directory" } else { "tar_archive" }
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, SourceKind::Directory(_))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether what git ignores is left out.
    #[must_use]
    pub fn respects_ignore(&self) -> bool {
        matches!(self.kind, SourceKind::Directory(Some(_)))
    }

    /// That the rules have said of every path whether it is left out.
    ///
    /// # Errors
    /// [`SourceError::Rules`].
    pub(super) fn knows_rules(&self) -> Result<(), SourceError> {
        match &self.kind {
            SourceKind::Directory(Some(rules))
                if rules.lock().unwrap_or_else(PoisonError::into_inner).is_exhausted() =>
            {
                Err(SourceError::Rules(self.path.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Whether its rules leave a path out.
    #[must_use]
    pub fn leaves_out(&self, path: &[u8], is_dir: bool) -> bool {
        match &self.kind {
            SourceKind::Directory(Some(rules)) => is_ignored(rules, path, is_dir),
            _ => false,
        }
    }

    /// Every node of a directory that is not left out, its root first; sockets, pipes and devices
    /// always are. What cannot be read is refused, all of it by name. Blocking.
    ///
    /// # Errors
    /// [`HostTreeError::Refused`]; [`SourceError`].
    pub fn list(&self) -> Result<Vec<Entry>, SourceError> {
        let mut entries = Vec::new();
        let (mut named, mut count) = (Vec::new(), 0);
        tree::list(&self.at(), Some(self.skip()), |entry| {
            let refusal = match entry.meta.errno {
                0 if entry.meta.kind.is_carried() => None,
                0 => Some(Refusal::Special(entry.meta.kind)),
                errno => Some(Refusal::Unreadable(Errno::from_raw_os_error(i32::from(errno)))),
            };
            if let Some(refusal) = refusal {
                count += 1;
                if named.len() < MAX_NAMED {
                    named.push((entry.path, refusal));
                }
            } else {
                entries.push(entry);
            }
            Ok::<(), HostTreeError>(())
        })?;
        self.knows_rules()?;
        if count > 0 {
            Err(HostTreeError::Refused(named, count).into())
        } else {
            Ok(self.grafts.merged(entries))
        }
    }

    /// Refuse what cannot be carried before a guest is started for it. Blocking; archives are
    /// looked at as they are sent.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn check(&self) -> Result<(), SourceError> {
        if self.is_directory() {
            tree::measure(&self.at(), Some(self.skip()))?;
            self.knows_rules()?;
        }
        Ok(())
    }

    /// The file system of a directory, where whatever writes to a file of it changes the file's
    /// ctime. Others may keep times of their own or of another machine; on tmpfs a write through a
    /// mapping changes none.
    #[must_use]
    pub fn device(&self) -> Option<u64> {
        // ext2 to ext4, XFS, Btrfs, overlayfs, F2FS, ZFS, bcachefs (linux/magic.h and the projects'
        // own).
        const KNOWN: [u64; 7] =
            [0xef53, 0x5846_5342, 0x9123_683e, 0x794c_7630, 0xf2f5_2010, 0x2fc1_2fc1, 0xca45_1a4e];
        let kind = rustix::fs::fstatfs(&self.held).ok()?.f_type;
        let is_known = self.is_directory() && KNOWN.contains(&u64::try_from(kind).ok()?);
        is_known.then(|| rustix::fs::fstat(&self.held).ok().map(|stat| stat.st_dev))?
    }

    /// Whether a path's file lies on that file system: what git needs of other places need not.
    #[must_use]
    pub fn is_own(&self, path: &TreePath) -> bool {
        !self.grafts.puts(path)
    }

    /// Send all of it, to stand at `dest`. Blocking.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn send(&self, outlet: &Outlet, dest: &TreePath) -> Result<Tally, SourceError> {
        let (mut tally, mut steady) = (Tally::default(), Steady::default());
        let out = |batch: Batch| {
            let mut moved = Batch::with_room();
            for record in Records::new(batch.payload()) {
                let record = record.map_err(HostTreeError::from)?;
                tally.add(&record);
                if let Record::Entry { path, meta, .. } = &record {
                    match (self.is_directory(), meta.kind) {
                        (true, Kind::File) => {
                            tally.files.push((TreePath::parse(path).unwrap_or_default(), *meta))
                        }
                        (false, Kind::Directory) => {
                            tally.directories.insert(TreePath::parse(path).unwrap_or_default());
                        }
                        _ => {}
                    }
                }
                steady.check(&record)?;
                if !dest.is_root() {
                    relocate(&mut moved, &record, &|path| joined(dest, path));
                }
            }
            Ok(outlet.send(if dest.is_root() { batch } else { moved })?)
        };
        let before = self.stamp()?;
        match &self.kind {
            SourceKind::Directory(_) => {
                let skip = self.skip();
                tree::send_watched::<SourceError>(&self.at(), Some(skip), out, |path| {
                    self.lost().attributes(path)
                })?;
                self.knows_rules()?;
                self.send_grafts(outlet, dest, None, &mut tally)?;
            }
            SourceKind::Archive => {
                let sent = archive::send::<SourceError>(fs::open(&self.at())?, out)?;
                self.lost().archive(&sent);
            }
        }
        match self.stamp()? == before {
            true => Ok(tally),
            false => Err(SourceError::Changed(self.path.display().to_string())),
        }
    }

    /// Send what git needs of other places, or of a list what of it that is.
    fn send_grafts(
        &self,
        outlet: &Outlet,
        dest: &TreePath,
        listed: Option<&[TreePath]>,
        tally: &mut Tally,
    ) -> Result<(), SourceError> {
        let mut steady = Steady::default();
        self.grafts.send(listed, &mut |batch, at| {
            let mut moved = Batch::with_room();
            for record in Records::new(batch.payload()) {
                let record = record.map_err(HostTreeError::from)?;
                tally.add(&record);
                steady.check(&record)?;
                relocate(&mut moved, &record, &|path| joined(dest, &joined(at, path)));
            }
            Ok(outlet.send(moved)?)
        })
    }

    /// Why git does not work in all of it once it is carried, where it does not.
    #[must_use]
    pub fn git_note(&self) -> Option<String> {
        let notes = self.grafts.notes();
        let more = notes.len().saturating_sub(1);
        let first = notes.first()?;
        Some(if more > 0 { format!("{first} (and {more} more)") } else { first.clone() })
    }

    /// That of an archive: of a directory each file is watched.
    fn stamp(&self) -> Result<Option<Stamp>, FsError> {
        (!self.is_directory()).then(|| Stamp::of(&self.at())).transpose()
    }

    /// Send the nodes of a list to stand at `dest`, the tree's root itself first where the list
    /// begins with it. Blocking.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn send_listed(
        &self,
        outlet: &Outlet,
        mut paths: Vec<TreePath>,
        dest: &TreePath,
    ) -> Result<(), SourceError> {
        if paths.first().is_some_and(TreePath::is_root) {
            paths.remove(0);
            let mut batch = Batch::default();
            let root = tree::look(&self.at())?;
            batch.entry(dest.as_bytes(), &root, b"");
            outlet.send(batch)?;
        }
        self.send_grafts(outlet, dest, Some(&paths), &mut Tally::default())?;
        let paths = self.grafts.own(paths);
        let mut steady = Steady::default();
        let out = |batch: Batch| {
            let mut moved = Batch::with_room();
            for record in Records::new(batch.payload()) {
                let record = record.map_err(HostTreeError::from)?;
                steady.check(&record)?;
                relocate(&mut moved, &record, &|path| joined(dest, path));
            }
            Ok(outlet.send(moved)?)
        };
        tree::send_listed::<SourceError>(&self.at(), paths, out, |path| {
            self.lost().attributes(path)
        })
    }

    /// What the last listing or transfer has left out: the first few, and how many there are.
    #[must_use]
    pub fn not_carried(&self) -> (Vec<LeftOut>, u64) {
        self.lost().told()
    }

    fn lost(&self) -> MutexGuard<'_, NotCarried> {
        self.not_carried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Digests of a directory's files; none of what cannot be read. Blocking.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn digests(&self, paths: &[TreePath]) -> Result<Vec<Option<[u8; 32]>>, SourceError> {
        self.grafts.digests(paths, |paths| Ok(tree::digests(&self.at(), paths)?))
    }

    /// Where what is held is found, wherever its path leads by now.
    fn at(&self) -> PathBuf {
        of_descriptor(&self.held)
    }

    /// What is ignored, and what is neither a file nor a directory nor a link: sockets and pipes
    /// are nothing without the processes that made them. These are noted anew.
    fn skip(&self) -> Skip<'static> {
        *self.lost() = NotCarried::default();
        let not_carried = Arc::clone(&self.not_carried);
        let rules = match &self.kind {
            SourceKind::Directory(rules) => rules.clone(),
            SourceKind::Archive => None,
        };
        let grafts = Arc::clone(&self.grafts);
        Box::new(move |path, kind| {
            if grafts.covers(path) {
                return true;
            }
            if rules.as_ref().is_some_and(|rules| is_ignored(rules, path, kind == Kind::Directory))
            {
                return true;
            }
            let is_special =
                matches!(kind, Kind::Socket | Kind::Fifo | Kind::CharDevice | Kind::BlockDevice);
            if is_special && !path.is_empty() {
                not_carried.lock().unwrap_or_else(PoisonError::into_inner).special(path, kind);
            }
            is_special
        })
    }
}

fn is_ignored(rules: &Mutex<Ignored<HostFiles>>, path: &[u8], is_dir: bool) -> bool {
    rules.lock().unwrap_or_else(PoisonError::into_inner).is_ignored(path, is_dir)
}

/// A record with its paths at their new places.
fn relocate(batch: &mut Batch, record: &Record<'_>, place: &impl Fn(&TreePath) -> TreePath) {
    let moved = |path: &[u8]| place(&TreePath::parse(path).unwrap_or_default()).as_bytes().to_vec();
    match record {
        Record::Entry { path, meta, target } if meta.kind == Kind::HardLink => {
            batch.entry(&moved(path), meta, &moved(target));
        }
        Record::Entry { path, meta, target } => batch.entry(&moved(path), meta, target),
        other => batch.record(other),
    }
}
