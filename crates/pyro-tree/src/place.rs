//! Placing: a tree made from records, in a directory that is ours alone until it is whole.
//!
//! No link is followed: each name is made anew, in a directory that was opened name by name. Of a
//! file or a link that comes twice, as archives have what was appended to them, the later one is
//! kept.

use crate::descent::Descent;
use crate::error::{TreeError, owned};
use crate::node;
use pyro_protocol::tree::{Kind, Meta, Record, Time};
use pyro_protocol::{TreePath, tree_path};
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// Odd nodes that are told by name; more are counted.
const MAX_TOLD: usize = 1000;

/// How a tree is made.
#[derive(Clone, Debug)]
pub struct Placing {
    /// Give nodes their entries' owner and group.
    pub owners: bool,
    /// Keep set-user-id and set-group-id bits; the sticky bit always is.
    pub special_bits: bool,
    /// Leave out what cannot be made or was not readable, and tell it; otherwise it is an error.
    pub keep_going: bool,
    /// Permission bits that the process's umask takes from a new file; [`umask`] knows.
    pub umask: u32,
    /// Most entries.
    pub max_entries: u64,
    /// Most bytes of content.
    pub max_bytes: u64,
}

/// Something about a node that its receiver should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Odd {
    /// It could not be read, for this Linux error number; it was left out.
    Unreadable(u16),
    /// It is neither a file nor a directory nor a link; it was left out.
    Special(Kind),
    /// Its reading failed on the way, with this Linux error number; it ends there.
    CutShort(u16),
    /// It changed while it was read.
    Changed,
    /// Its extended attributes were not carried.
    Attributes,
    /// It was made without these bits of its mode: set-user-id, set-group-id.
    Bits(u32),
}

/// Bits of a mode that make a program run as somebody else; the sticky bit only protects.
pub const IDENTITY_BITS: u32 = 0o6000;

/// What was made.
#[derive(Clone, Debug, Default)]
pub struct Placed {
    /// Number of nodes, without what was left out.
    pub entries: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// Odd nodes, at most a thousand of them.
    pub odd: Vec<(TreePath, Odd)>,
    /// Number of odd nodes.
    pub odd_count: u64,
}

/// What a directory gets when all is in it.
struct Later {
    mode: Option<u32>,
    owner: Option<(u32, u32)>,
    mtime: Time,
}

/// The file whose content comes.
struct Open {
    file: OwnedFd,
    meta: Meta,
    /// Where the data so far ends.
    position: u64,
}

/// A tree that is being made.
pub struct Placer {
    descent: Descent<Option<Later>>,
    /// What the tree's root gets, where it is the directory that was given.
    root: Option<Later>,
    /// Name of the tree's root in the directory that was given.
    name: Option<Vec<u8>>,
    open: Option<Open>,
    /// Path of the last entry.
    last: Vec<u8>,
    placing: Placing,
    /// Number of entries that came.
    came: u64,
    placed: Placed,
}

impl Placer {
    /// Make the tree in `dir`, an empty directory that becomes its root.
    #[must_use]
    pub fn into_directory(dir: OwnedFd, placing: Placing) -> Self {
        Self::new(dir, None, placing)
    }

    /// Make the tree as `name` in `dir`: a file, a link or a directory, as its root is.
    #[must_use]
    pub fn as_name(dir: OwnedFd, name: &[u8], placing: Placing) -> Self {
        Self::new(dir, Some(name.to_vec()), placing)
    }

    fn new(dir: OwnedFd, name: Option<Vec<u8>>, placing: Placing) -> Self {
        let placed = Placed::default();
        Self {
            descent: Descent::new(dir),
            root: None,
            name,
            open: None,
            last: Vec::new(),
            placing,
            came: 0,
            placed,
        }
    }

    /// What was made so far.
    #[must_use]
    pub fn placed(&self) -> &Placed {
        &self.placed
    }

    /// Take one record.
    ///
    /// # Errors
    /// [`TreeError`]; the tree is then incomplete, and to be removed.
    pub fn put(&mut self, record: &Record<'_>) -> Result<(), TreeError> {
        match (record, self.open.is_some()) {
            (Record::Entry { path, meta, target }, false) => self.entry(path, meta, target),
            (Record::Data { offset, bytes }, true) => self.data(*offset, bytes),
            (Record::End { size, changed, errno }, true) => self.end(*size, *changed, *errno),
            (Record::Attributes, false) => self.odd(Odd::Attributes),
            _ => Err(TreeError::Order { path: owned(&self.last) }),
        }
    }

    /// The stream is over: give all directories their modes and times.
    ///
    /// # Errors
    /// [`TreeError`], also when a file has not ended.
    pub fn finish(mut self) -> Result<Placed, TreeError> {
        if self.open.is_some() {
            return Err(TreeError::Order { path: owned(&self.last) });
        }
        while self.leave()? {}
        if let Some(later) = self.root.take() {
            complete(&self.descent.dir(), &later)
                .map_err(|errno| TreeError::system("complete", b"", errno))?;
        }
        Ok(self.placed)
    }

    fn entry(&mut self, path: &[u8], meta: &Meta, target: &[u8]) -> Result<(), TreeError> {
        self.came += 1;
        if self.came > self.placing.max_entries {
            return Err(TreeError::TooMuch { limit: self.placing.max_entries, unit: "files" });
        }
        path.clone_into(&mut self.last);
        if meta.errno != 0 && meta.kind != Kind::Directory {
            return self.odd(Odd::Unreadable(meta.errno));
        }
        if !meta.kind.is_carried() {
            return self.odd(Odd::Special(meta.kind));
        }
        let full = self.full(path);
        let Some((dir, name)) = tree_path::split(&full) else {
            if meta.kind != Kind::Directory {
                return Err(TreeError::Beyond { path: owned(path) });
            }
            self.root = Some(self.later(meta));
            self.placed.entries += 1;
            return Ok(());
        };
        self.go(dir)?;
        let made = match meta.kind {
            Kind::Directory => self.directory(name, meta),
            Kind::Symlink => self.symlink(name, meta, target),
            Kind::HardLink => return self.hard_link(name, target),
            _ => self.file(name, meta),
        };
        made.map_err(|errno| self.failed(errno))?;
        self.placed.entries += 1;
        let lost = meta.mode & !self.mode(meta);
        if lost != 0 && meta.kind != Kind::Symlink {
            self.odd(Odd::Bits(lost))?;
        }
        // What a directory could not say of itself is told, and what it did is kept.
        if meta.errno == 0 { Ok(()) } else { self.odd(Odd::Unreadable(meta.errno)) }
    }

    fn full(&self, path: &[u8]) -> Vec<u8> {
        match &self.name {
            None => path.to_vec(),
            Some(name) if path.is_empty() => name.clone(),
            Some(name) => [name, b"/".as_slice(), path].concat(),
        }
    }

    fn failed(&self, errno: Errno) -> TreeError {
        match errno {
            Errno::EXIST => TreeError::Exists { path: owned(&self.last) },
            Errno::LOOP | Errno::NOTDIR => TreeError::Beyond { path: owned(&self.last) },
            errno => TreeError::system("make", &self.last, errno),
        }
    }

    fn odd(&mut self, odd: Odd) -> Result<(), TreeError> {
        let path = owned(&self.last);
        if !self.placing.keep_going {
            return match odd {
                Odd::Special(kind) => Err(TreeError::Special { path, kind }),
                Odd::Unreadable(errno) | Odd::CutShort(errno) => {
                    let source = Errno::from_raw_os_error(i32::from(errno));
                    Err(TreeError::System { action: "read", path, source })
                }
                Odd::Changed | Odd::Attributes | Odd::Bits(_) => {
                    self.tell(path, odd);
                    Ok(())
                }
            };
        }
        self.tell(path, odd);
        Ok(())
    }

    fn tell(&mut self, path: TreePath, odd: Odd) {
        self.placed.odd_count += 1;
        if self.placed.odd.len() < MAX_TOLD {
            self.placed.odd.push((path, odd));
        }
    }

    fn mode(&self, meta: &Meta) -> u32 {
        if self.placing.special_bits { meta.mode } else { meta.mode & !IDENTITY_BITS }
    }

    fn later(&self, meta: &Meta) -> Later {
        let owner = self.placing.owners.then_some((meta.uid, meta.gid));
        Later { mode: Some(self.mode(meta)), owner, mtime: meta.mtime }
    }

    /// Leave the directory at hand and complete it; false at the base.
    fn leave(&mut self) -> Result<bool, TreeError> {
        let Some((level, path)) = self.descent.leave() else { return Ok(false) };
        if let Some(later) = &level.kept {
            complete(&level.dir, later)
                .map_err(|errno| TreeError::system("complete", &path, errno))?;
        }
        Ok(true)
    }

    /// Go to a directory; one that no entry has named yet is made.
    fn go(&mut self, dir: &[u8]) -> Result<(), TreeError> {
        while !self.descent.leads_to(dir) {
            self.leave()?;
        }
        while let Some(name) = self.descent.next_name(dir) {
            let (opened, kept) = match node::enter(self.descent.dir(), name) {
                Ok(opened) => {
                    // Left before and met again: its time is as its entry said, whatever is still
                    // put in.
                    let stat = rustix::fs::fstat(&opened).map_err(|errno| self.failed(errno))?;
                    let mtime = node::meta(&stat).mtime;
                    (opened, Some(Later { mode: None, owner: None, mtime }))
                }
                Err(Errno::NOENT) => {
                    let made =
                        rustix::fs::mkdirat(self.descent.dir(), name, Mode::from_raw_mode(0o755));
                    let opened = made.and_then(|()| node::enter(self.descent.dir(), name));
                    (opened.map_err(|errno| self.failed(errno))?, None)
                }
                Err(errno) => return Err(self.failed(errno)),
            };
            self.descent.enter(name, opened, kept);
        }
        Ok(())
    }

    fn directory(&mut self, name: &[u8], meta: &Meta) -> Result<(), Errno> {
        match rustix::fs::mkdirat(self.descent.dir(), name, Mode::RWXU) {
            // Made for what it holds, before its own entry came.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        let opened = match node::enter(self.descent.dir(), name) {
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(Errno::EXIST),
            opened => opened?,
        };
        let later = self.later(meta);
        self.descent.enter(name, opened, Some(later));
        Ok(())
    }

    fn symlink(&self, name: &[u8], meta: &Meta, target: &[u8]) -> Result<(), Errno> {
        let dir = self.descent.dir();
        anew(&dir, name, || rustix::fs::symlinkat(target, dir, name))?;
        if self.placing.owners {
            let (uid, gid) = (Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid)));
            rustix::fs::chownat(dir, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        rustix::fs::utimensat(dir, name, &node::modified(meta.mtime), AtFlags::SYMLINK_NOFOLLOW)
    }

    fn hard_link(&mut self, name: &[u8], target: &[u8]) -> Result<(), TreeError> {
        let full = self.full(target);
        let beyond = || TreeError::Beyond { path: owned(target) };
        let (dir, target_name) = tree_path::split(&full).ok_or_else(beyond)?;
        // By a way of its own, name by name: the one at hand stays where it is.
        let base = rustix::fs::openat(self.base(), ".", node::DIRECTORY, Mode::empty());
        let mut way = Descent::new(base.map_err(|errno| self.failed(errno))?);
        let found = way.go(dir).and_then(|dir| Ok((node::look(dir, target_name)?, dir)));
        match found {
            Ok((meta, dir)) if meta.kind == Kind::File => {
                let into = self.descent.dir();
                let linked = anew(&into, name, || {
                    rustix::fs::linkat(dir, target_name, into, name, AtFlags::empty())
                });
                linked.map_err(|errno| self.failed(errno))?;
                self.placed.entries += 1;
                Ok(())
            }
            // What it is another name of was left out.
            Err(Errno::NOENT) if self.placing.keep_going => {
                self.odd(Odd::Unreadable(node::number(Errno::NOENT)))
            }
            Err(Errno::NOENT) => Err(TreeError::system("link to", target, Errno::NOENT)),
            Ok(_) | Err(_) => Err(beyond()),
        }
    }

    fn base(&self) -> std::os::fd::BorrowedFd<'_> {
        self.descent.base()
    }

    fn file(&mut self, name: &[u8], meta: &Meta) -> Result<(), Errno> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = self.mode(meta);
        let dir = self.descent.dir();
        let file = anew(&dir, name, || {
            rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(mode & 0o777))
        })?;
        if self.placing.owners {
            rustix::fs::fchown(
                &file,
                Some(Uid::from_raw(meta.uid)),
                Some(Gid::from_raw(meta.gid)),
            )?;
        }
        // Most modes come whole through open(2): a call less for each file. A change of the owner
        // clears bits.
        if mode & (self.placing.umask | 0o7000) != 0 {
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        }
        self.open = Some(Open { file, meta: *meta, position: 0 });
        Ok(())
    }

    fn data(&mut self, offset: u64, bytes: &[u8]) -> Result<(), TreeError> {
        self.placed.bytes = self.placed.bytes.saturating_add(bytes.len() as u64);
        if self.placed.bytes > self.placing.max_bytes {
            return Err(TreeError::TooMuch { limit: self.placing.max_bytes, unit: "bytes" });
        }
        let open = self.open.as_mut().filter(|open| offset >= open.position);
        let Some(open) = open else { return Err(TreeError::Order { path: owned(&self.last) }) };
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::pwrite(&open.file, rest, at) {
                Ok(len) => {
                    at += len as u64;
                    rest = &rest[len..];
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(TreeError::system("write", &self.last, errno)),
            }
        }
        open.position = at;
        Ok(())
    }

    fn end(&mut self, size: u64, changed: bool, errno: u16) -> Result<(), TreeError> {
        let Some(Open { file, meta, position }) = self.open.take() else { return Ok(()) };
        let failed = |errno| TreeError::system("complete", &self.last, errno);
        if position > size {
            return Err(TreeError::Order { path: owned(&self.last) });
        }
        if position != size {
            rustix::fs::ftruncate(&file, size).map_err(failed)?;
        }
        rustix::fs::futimens(&file, &node::modified(meta.mtime)).map_err(failed)?;
        if errno != 0 {
            self.odd(Odd::CutShort(errno))?;
        } else if changed {
            self.odd(Odd::Changed)?;
        }
        Ok(())
    }
}

/// Make `name`; what stands there gives way, unless it is a directory.
fn anew<T>(dir: &impl AsFd, name: &[u8], make: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
    match make() {
        Err(Errno::EXIST) => {
            rustix::fs::unlinkat(dir, name, AtFlags::empty()).map_err(|_| Errno::EXIST)?;
            make()
        }
        made => made,
    }
}

fn complete(dir: &impl AsFd, later: &Later) -> Result<(), Errno> {
    if let Some((uid, gid)) = later.owner {
        rustix::fs::fchown(dir, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    if let Some(mode) = later.mode {
        rustix::fs::fchmod(dir, Mode::from_raw_mode(mode))?;
    }
    rustix::fs::futimens(dir, &node::modified(later.mtime))
}

/// This process's umask; all bits where it cannot be had, which costs a call for each file.
#[must_use]
pub fn umask() -> u32 {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let mut text = [0; 512];
    let read = rustix::fs::open("/proc/thread-self/status", flags, Mode::empty())
        .and_then(|status| rustix::io::read(status, &mut text));
    let text = String::from_utf8_lossy(&text[..read.unwrap_or(0)]);
    let line = text.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok()).unwrap_or(0o777)
}
