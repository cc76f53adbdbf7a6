//! `Grafts`: the parts of repositories that lie outside of a tree and that git needs in it.
//!
//! The `.git` of a linked worktree, and of some submodules, is a file that names a directory
//! elsewhere; a shared clone borrows objects. Carried as they are, no git command would work in the
//! guest: so what they name takes their place.

use super::error::SourceError;
use super::git_paths::{is_object, is_own, is_shared};
use crate::host::fs;
use crate::host::path::{HostPath, HostPathError, of_descriptor};
use crate::host::tree::{self, HostTreeError};
use crate::workspace::git_dir::{GitDir, GitDirError};
use crate::workspace::ignore::INDEX_LEN;
use crate::workspace::place::joined;
use pyro_patch::git::Index;
use pyro_patch::git::config;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Batch, Entry, Kind, Meta};
use pyro_tree::walk::Skip;
use rustix::fs::OFlags;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Submodules in submodules that are looked at.
const MAX_DEPTH: usize = 8;

/// Repositories that are looked at.
const MAX_REPOSITORIES: usize = 1000;

/// Directories that one repository may borrow objects from.
const MAX_ALTERNATES: usize = 32;

/// Longest file of settings, or of alternates, in bytes.
const TEXT_LEN: u64 = 1 << 20;

/// Where git finds the directories that objects are borrowed from.
const ALTERNATES: &str = "info/alternates";

/// What is put into a tree, and what it takes the place of.
#[derive(Debug, Default)]
pub struct Grafts {
    parts: Vec<Part>,
    /// Files that are made: where, what, and what they hold.
    made: Vec<(TreePath, Meta, Vec<u8>)>,
    /// Every path that is put in.
    places: HashMap<TreePath, Place>,
    /// Paths of the tree that are not carried.
    covered: HashSet<Vec<u8>>,
    notes: Vec<String>,
}

/// A directory of the host, some of which is put in.
#[derive(Debug)]
struct Part {
    held: OwnedFd,
    at: TreePath,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
enum Place {
    /// A path of a part.
    Part(usize, TreePath),
    /// One that is made.
    Made(usize),
}

impl Grafts {
    /// What git needs in the tree at `root`, without the directories that `leaves_out` names.
    /// Blocking.
    ///
    /// # Errors
    /// [`SourceError`] for a directory that cannot be read.
    pub fn of(root: &HostPath, leaves_out: &dyn Fn(&[u8]) -> bool) -> Result<Self, SourceError> {
        let mut grafts = Self::default();
        let mut left = MAX_REPOSITORIES;
        grafts.repository(root, &TreePath::root(), MAX_DEPTH, &mut left, leaves_out)?;
        Ok(grafts)
    }

    /// Whether a path of the tree is not carried, because something takes its place.
    #[must_use]
    pub fn covers(&self, path: &[u8]) -> bool {
        self.covered.contains(path)
    }

    /// Why git does not work in all of the tree, where it does not.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The nodes of a tree with those that are put in, in the order of a walk.
    #[must_use]
    pub fn merged(&self, mut entries: Vec<Entry>) -> Vec<Entry> {
        if self.places.is_empty() {
            return entries;
        }
        let of_parts = self.parts.iter().flat_map(|part| {
            let relocated =
                |entry: &Entry| Entry { path: joined(&part.at, &entry.path), ..entry.clone() };
            part.entries.iter().map(relocated)
        });
        let made = self.made.iter().map(|(path, meta, _)| Entry {
            path: path.clone(),
            meta: *meta,
            target: Vec::new(),
        });
        entries.extend(of_parts.chain(made));
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    }

    /// Whether a path is put in, and no file of the tree's own.
    #[must_use]
    pub fn puts(&self, path: &TreePath) -> bool {
        self.places.contains_key(path)
    }

    /// The paths of a list that are the tree's own.
    #[must_use]
    pub fn own(&self, paths: Vec<TreePath>) -> Vec<TreePath> {
        paths.into_iter().filter(|path| !self.places.contains_key(path)).collect()
    }

    /// Send what is put in, or of a list what of it is put in. `out` gets batches and where their
    /// paths begin. Blocking.
    ///
    /// # Errors
    /// [`SourceError`], and what `out` answers.
    pub fn send(
        &self,
        listed: Option<&[TreePath]>,
        out: &mut dyn FnMut(&Batch, &TreePath) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let wanted: Option<HashSet<&TreePath>> = listed.map(|paths| paths.iter().collect());
        let is_wanted =
            |path: &TreePath| wanted.as_ref().is_none_or(|wanted| wanted.contains(path));
        for part in &self.parts {
            let wanted =
                part.entries.iter().filter(|entry| is_wanted(&joined(&part.at, &entry.path)));
            let (tops, below): (Vec<&Entry>, Vec<&Entry>) =
                wanted.partition(|entry| entry.path.is_root());
            for top in tops {
                let mut batch = Batch::default();
                batch.entry(b"", &top.meta, b"");
                out(&batch, &part.at)?;
            }
            let paths: Vec<TreePath> = below.into_iter().map(|entry| entry.path.clone()).collect();
            tree::send_listed::<SourceError>(
                &of_descriptor(&part.held),
                paths,
                |batch| out(&batch, &part.at),
                |_| (),
            )?;
        }
        for (path, meta, text) in self.made.iter().filter(|(path, ..)| is_wanted(path)) {
            let mut batch = Batch::with_room();
            batch.entry(path.as_bytes(), meta, b"");
            for (at, bytes) in (0_u64..).step_by(16 * 1024).zip(text.chunks(16 * 1024)) {
                if batch.data_room() < bytes.len() {
                    out(&std::mem::replace(&mut batch, Batch::with_room()), &TreePath::root())?;
                }
                batch.data(at, bytes);
            }
            batch.end(meta.size, false, 0);
            out(&batch, &TreePath::root())?;
        }
        Ok(())
    }

    /// Digests of the files of a list, those of the tree's own by `own`. Blocking.
    ///
    /// # Errors
    /// [`SourceError`], and what `own` answers.
    pub fn digests(
        &self,
        paths: &[TreePath],
        own: impl FnOnce(&[TreePath]) -> Result<Vec<Option<[u8; 32]>>, SourceError>,
    ) -> Result<Vec<Option<[u8; 32]>>, SourceError> {
        if self.places.is_empty() {
            return own(paths);
        }
        let mut digests = own(&self.own(paths.to_vec()))?.into_iter();
        let mut all = Vec::with_capacity(paths.len());
        for path in paths {
            all.push(match self.places.get(path) {
                None => digests.next().flatten(),
                Some(Place::Made(index)) => Some(*blake3::hash(&self.made[*index].2).as_bytes()),
                Some(Place::Part(index, path)) => {
                    let held = of_descriptor(&self.parts[*index].held);
                    tree::digests(&held, std::slice::from_ref(path))?.pop().flatten()
                }
            });
        }
        Ok(all)
    }

    /// Look at the repository of a directory of the tree, and at its submodules.
    fn repository(
        &mut self,
        root: &HostPath,
        path: &TreePath,
        depth: usize,
        left: &mut usize,
        leaves_out: &dyn Fn(&[u8]) -> bool,
    ) -> Result<(), SourceError> {
        let at = if path.is_root() {
            root.clone()
        } else {
            root.join(OsStr::from_bytes(path.as_bytes()))
        };
        let found = match GitDir::find(&at) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(()),
            Err(error @ (GitDirError::NotGranted { .. } | GitDirError::Nowhere { .. })) => {
                self.notes.push(format!("git will not work in the workspace: {error}"));
                return Ok(());
            }
        };
        let dot = below(path, b".git");
        let is_in = |path: &HostPath| path.as_path().starts_with(root.as_path());
        // Whoever wrote the checkout may name any repository of this user's.
        let is_within = is_in(&found.own) && is_in(&found.common);
        if !is_within && !found.points_back(&at) {
            let (at, to) = (at.as_path().display(), found.own.as_path().display());
            self.notes.push(format!(
                "git will not work in the workspace: {at}/.git points to {to}, which does not point back to it; \
                 run 'git worktree repair' there, or use a clone"
            ));
            return Ok(());
        }
        let within = found
            .own
            .as_path()
            .strip_prefix(root.as_path())
            .ok()
            .filter(|_| found.common.as_path() == found.own.as_path() && !found.is_absolute);
        let objects = if let Some(within) = within {
            TreePath::parse(within.as_os_str().as_bytes()).map(|own| below(&own, b"objects"))
        } else {
            self.whole(&found, &dot)?;
            Ok(below(&dot, b"objects"))
        };
        if let Ok(objects) = objects {
            let borrowed = found.common.join(OsStr::new("objects"));
            self.alternates(root, &borrowed, &objects, &mut MAX_ALTERNATES.clone())?;
        }
        for linked in linked(root, &found.common) {
            *left = left.saturating_sub(1);
            if depth > 0 && *left > 0 && linked != *path && !leaves_out(linked.as_bytes()) {
                self.repository(root, &linked, 0, left, leaves_out)?;
            }
        }
        let index = found.own.join(OsStr::new("index")).read_regular(INDEX_LEN, true);
        for submodule in index
            .as_deref()
            .and_then(Index::parse)
            .map(|index| index.submodules)
            .unwrap_or_default()
        {
            *left = left.saturating_sub(1);
            if depth > 0
                && *left > 0
                && let Ok(submodule) = TreePath::parse(&submodule)
            {
                let path = joined(path, &submodule);
                if !leaves_out(path.as_bytes()) {
                    self.repository(root, &path, depth - 1, left, leaves_out)?;
                }
            }
        }
        Ok(())
    }

    /// Put a whole git directory in the place of what leads to it.
    fn whole(&mut self, found: &GitDir, dot: &TreePath) -> Result<(), SourceError> {
        let is_linked = found.common.as_path() != found.own.as_path();
        if is_linked && found.common.join(OsStr::new("reftable")).kind().is_some() {
            let at = found.common.as_path().display();
            self.notes.push(format!(
                "git will not work in the workspace: {at} keeps its references in reftables"
            ));
            return Ok(());
        }
        let path = found.common.join(OsStr::new("config"));
        let Some(mut settings) =
            path.read_regular(TEXT_LEN, false).as_deref().and_then(config::parse)
        else {
            let shown = path.as_path().display();
            self.notes.push(format!("git will not work in the workspace: {shown} cannot be read"));
            return Ok(());
        };
        settings.retain(|setting| {
            !(setting.is("core", "worktree") || is_linked && setting.is("core", "bare"))
        });
        self.covered.insert(dot.as_bytes().to_vec());
        // What is the working tree's own comes first: of two the first one stays.
        self.part(&found.own, dot, Box::new(|path, _| !is_own(path)), |_| false)?;
        if is_linked {
            self.part(&found.common, dot, Box::new(|path, _| !is_shared(path)), |_| false)?;
        }
        let text = config::write(&settings);
        let meta = tree::look(path.canonical().as_path())?;
        let meta = Meta {
            kind: Kind::File,
            errno: 0,
            size: text.len() as u64,
            blocks: text.len() as u64 / 512 + 1,
            nlink: 1,
            ..meta
        };
        let at = below(dot, b"config");
        self.places.insert(at.clone(), Place::Made(self.made.len()));
        self.made.push((at, meta, text));
        Ok(())
    }

    /// Put in the objects that a directory of objects borrows. It stands at `at` in the tree, or
    /// will.
    fn alternates(
        &mut self,
        root: &HostPath,
        objects: &HostPath,
        at: &TreePath,
        left: &mut usize,
    ) -> Result<(), SourceError> {
        let Some(text) = objects.join(OsStr::new(ALTERNATES)).read_regular(TEXT_LEN, false) else {
            return Ok(());
        };
        self.covered.insert(below(at, ALTERNATES.as_bytes()).as_bytes().to_vec());
        for line in text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        {
            let to = objects.as_path().join(OsStr::from_bytes(line));
            *left = left.saturating_sub(1);
            let Some(lender) = objects.reach(&to).or_else(|| root.reach(&to)).filter(|_| *left > 0)
            else {
                let (objects, to) = (objects.as_path().display(), to.display());
                self.notes.push(format!(
                    "git may lack objects in the workspace: {objects} borrows from {to}, which may not be read"
                ));
                continue;
            };
            let there = root.join(OsStr::from_bytes(at.as_bytes()));
            let is_own =
                |path: &TreePath| there.join(OsStr::from_bytes(path.as_bytes())).kind().is_some();
            self.part(&lender, at, Box::new(|path, kind| !is_object(path, kind)), is_own)?;
            self.alternates(root, &lender, at, left)?;
        }
        Ok(())
    }

    /// Put in what is below a directory, without what is left out, and what the tree has itself or
    /// got before.
    fn part(
        &mut self,
        from: &HostPath,
        at: &TreePath,
        skip: Skip<'_>,
        is_own: impl Fn(&TreePath) -> bool,
    ) -> Result<(), SourceError> {
        let lacks = |error: &dyn std::fmt::Display| {
            format!("git may lack objects in the workspace: {}: {error}", from.as_path().display())
        };
        let held = match from.open("read", OFlags::PATH | OFlags::DIRECTORY) {
            Ok(held) => held,
            Err(HostPathError::Fs(error)) => {
                self.notes.push(lacks(&error.source));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let index = self.parts.len();
        let mut entries = Vec::new();
        let listed = tree::list(&of_descriptor(&held), Some(skip), |entry| {
            let place = joined(at, &entry.path);
            if entry.meta.errno != 0 {
                let errno = std::io::Error::from_raw_os_error(i32::from(entry.meta.errno));
                let path = from.join(OsStr::from_bytes(entry.path.as_bytes()));
                self.notes.push(format!(
                    "git may not work in the workspace: {}: {errno}",
                    path.as_path().display()
                ));
            } else if entry.meta.kind.is_carried()
                && !self.places.contains_key(&place)
                && !is_own(&entry.path)
            {
                self.places.insert(place, Place::Part(index, entry.path.clone()));
                entries.push(entry);
            }
            Ok::<(), HostTreeError>(())
        });
        match listed {
            Err(HostTreeError::Root { source, .. }) => self.notes.push(lacks(&source)),
            listed => listed?,
        }
        self.parts.push(Part { held, at: at.clone(), entries });
        Ok(())
    }
}

/// Working trees of a repository that lie in the tree.
fn linked(root: &HostPath, common: &HostPath) -> Vec<TreePath> {
    let names = fs::names_in(common.join(OsStr::new("worktrees")).as_path()).unwrap_or_default();
    let within = |name: &String| {
        let pointer =
            common.join(OsStr::new("worktrees")).join(OsStr::new(name)).join(OsStr::new("gitdir"));
        let text = pointer.read_regular(TEXT_LEN, true)?;
        let dot = Path::new(OsStr::from_bytes(text.trim_ascii_end()));
        let path = fs::canonical(dot.parent()?);
        TreePath::parse(path.strip_prefix(root.as_path()).ok()?.as_os_str().as_bytes()).ok()
    };
    names.iter().filter_map(within).filter(|path| !path.is_root()).collect()
}

fn below(path: &TreePath, name: &[u8]) -> TreePath {
    TreePath::parse(name).map_or_else(|_| path.clone(), |name| joined(path, &name))
}
