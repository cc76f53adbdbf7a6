//! The rules of a guest's tree, from its manifest and the few files that say them. Pure.

use super::{Files, GITIGNORE, RULES_LEN, Repository};
use crate::workspace::paths::ROOT;
use pyro_patch::git::{Index, Rules, Tracked};
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Entry, Kind};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Longest index that is read of a guest, in bytes.
pub const INDEX_LEN: u64 = 64 << 20;

/// Bytes of rules and indexes that are read of a guest in all.
pub const TOTAL_LEN: u64 = 128 << 20;

/// How much work a guest's rules may make, in comparisons of names.
pub const WORK: u64 = 1_000_000_000;

/// Most repositories of a guest whose indexes are read.
const MAX_REPOSITORIES: usize = 1000;

/// Most bytes of memory that the names in a guest's indexes take.
const MAX_NAMES: usize = 64 << 20;

/// Most rules of a guest.
const MAX_RULES: usize = 1_000_000;

/// Names in a git directory that tell what the rules are.
const TELLING: [&[u8]; 7] =
    [b".git", b"HEAD", b"objects", b"refs", b"index", b"exclude", b"commondir"];

/// The files of a guest that say what is ignored.
#[derive(Debug, Default)]
pub struct GuestFiles {
    nodes: HashMap<Vec<u8>, (Kind, u64)>,
    texts: HashMap<Vec<u8>, Vec<u8>>,
    left: u64,
    /// Of each index that was read, the id of the shared one that holds the rest of its names.
    shared: HashMap<Vec<u8>, Option<String>>,
    /// What each index names, none of one that cannot be read: many `.git` files may lead to one
    /// repository.
    tracked: HashMap<Vec<u8>, Option<Arc<Tracked>>>,
    /// The rules of each `info/exclude`.
    excludes: HashMap<Vec<u8>, Arc<Rules>>,
    names_left: usize,
    rules_left: usize,
}

impl GuestFiles {
    /// Those that a manifest names, still without what they hold.
    #[must_use]
    pub fn of(manifest: &[Entry]) -> Self {
        let tells = |path: &[u8]| {
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
            let is_git = || path.split(|byte| *byte == b'/').any(|part| part == b".git");
            name == GITIGNORE.as_bytes()
                || ((TELLING.contains(&name) || name.starts_with(b"sharedindex.")) && is_git())
        };
        let told = manifest.iter().filter(|entry| tells(entry.path.as_bytes()));
        let nodes =
            told.map(|entry| (entry.path.as_bytes().to_vec(), (entry.meta.kind, entry.meta.size)));
        let nodes = nodes.collect();
        Self {
            nodes,
            left: TOTAL_LEN,
            names_left: MAX_NAMES,
            rules_left: MAX_RULES,
            ..Self::default()
        }
    }

    /// The files that are needed to judge what lies in these directories, as far as they can be
    /// told by now: asked again when these have been read, it names those that they lead to. None
    /// twice.
    #[must_use]
    pub fn wanted(&mut self, directories: &BTreeSet<Vec<u8>>) -> Vec<TreePath> {
        let mut wanted = BTreeSet::new();
        for directory in directories {
            let rules = at(directory, GITIGNORE.as_bytes());
            wanted.extend(self.is_file(&rules, RULES_LEN).then_some(rules));
            let dot = at(directory, b".git");
            wanted.extend(self.is_file(&dot, RULES_LEN).then_some(dot));
            let Some((own, common)) = self.git_dirs(directory) else { continue };
            let index = at(&own, b"index");
            if let Some(shared) = self.shared(&index) {
                let shared = at(&own, format!("sharedindex.{shared}").as_bytes());
                wanted.extend(self.is_file(&shared, INDEX_LEN).then_some(shared));
            }
            wanted.extend(self.is_file(&index, INDEX_LEN).then_some(index));
            let exclude = at(&common, b"info/exclude");
            wanted.extend(self.is_file(&exclude, RULES_LEN).then_some(exclude));
        }
        let unread = wanted.into_iter().filter(|path| !self.texts.contains_key(path));
        unread.filter_map(|path| TreePath::parse(&path).ok()).collect()
    }

    /// Keep what a file holds, as long as there is room.
    pub fn put(&mut self, path: &TreePath, text: Vec<u8>) {
        let room = self.left.checked_sub(text.len() as u64);
        self.left = room.unwrap_or(0);
        self.texts.insert(path.as_bytes().to_vec(), if room.is_some() { text } else { Vec::new() });
    }

    /// Whether a file was read, or could not be.
    #[must_use]
    pub fn has(&self, path: &TreePath) -> bool {
        self.texts.contains_key(path.as_bytes())
    }

    fn is_file(&self, path: &[u8], limit: u64) -> bool {
        self.nodes.get(path).is_some_and(|(kind, size)| *kind == Kind::File && *size <= limit)
    }

    fn shared(&mut self, index: &[u8]) -> Option<String> {
        if let Some(known) = self.shared.get(index) {
            return known.clone();
        }
        let text = self.texts.get(index).filter(|_| self.shared.len() < MAX_REPOSITORIES)?;
        let shared = Index::parse_within(text, MAX_NAMES).and_then(|index| index.shared);
        self.shared.insert(index.to_vec(), shared.clone());
        shared
    }

    fn tracked(&mut self, own: &[u8]) -> Option<Arc<Tracked>> {
        let path = at(own, b"index");
        if let Some(known) = self.tracked.get(&path) {
            return known.clone();
        }
        if self.tracked.len() >= MAX_REPOSITORIES {
            return None;
        }
        let tracked = Index::parse_within(self.text(&path), self.names_left).map(|index| {
            let shared =
                index.shared.as_ref().map(|id| at(own, format!("sharedindex.{id}").as_bytes()));
            let shared =
                shared.and_then(|path| Index::parse_within(self.text(&path), self.names_left));
            Arc::new(index.tracked(shared))
        });
        let size = tracked.as_ref().map_or(0, |tracked| tracked.size());
        self.names_left = self.names_left.saturating_sub(size);
        self.tracked.insert(path, tracked.clone());
        tracked
    }

    /// The rules of a file, while there is room.
    fn parsed(&mut self, path: &[u8]) -> Rules {
        let rules = Rules::parse(self.text(path));
        match self.rules_left.checked_sub(rules.count()) {
            Some(left) => {
                self.rules_left = left;
                rules
            }
            None => Rules::default(),
        }
    }

    fn text(&self, path: &[u8]) -> &[u8] {
        self.texts.get(path).map_or(b"", Vec::as_slice)
    }

    /// What the working tree in a directory has for itself, and what it shares with others.
    fn git_dirs(&self, directory: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let dot = at(directory, b".git");
        let own = match self.nodes.get(&dot)?.0 {
            Kind::Directory => dot,
            Kind::File => {
                resolved(directory, self.text(&dot).strip_prefix(b"gitdir: ")?.trim_ascii_end())?
            }
            _ => return None,
        };
        // Where git puts the own directory of a linked worktree.
        let end = own.windows(11).rposition(|part| part == b"/worktrees/").unwrap_or(own.len());
        let common = own[..end].to_vec();
        let has = |path: Vec<u8>| self.nodes.contains_key(&path);
        let is_whole =
            has(at(&own, b"HEAD")) && has(at(&common, b"objects")) && has(at(&common, b"refs"));
        is_whole.then_some((own, common))
    }
}

impl Files for GuestFiles {
    fn rules(&mut self, directory: &[u8]) -> Rules {
        self.parsed(&at(directory, GITIGNORE.as_bytes()))
    }

    fn repository(&mut self, directory: &[u8]) -> Option<Repository> {
        let (own, common) = self.git_dirs(directory)?;
        let path = at(&common, b"info/exclude");
        let exclude = match self.excludes.get(&path) {
            Some(known) => Arc::clone(known),
            None => {
                let exclude = Arc::new(self.parsed(&path));
                self.excludes.insert(path, Arc::clone(&exclude));
                exclude
            }
        };
        let tracked = self.tracked(&own);
        Some(Repository {
            exclude,
            is_indexed: tracked.is_some(),
            tracked: tracked.unwrap_or_default(),
        })
    }
}

fn at(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
}

/// Where a path leads that a file in `directory` names; none where that is not in the tree.
fn resolved(directory: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    let mut names: Vec<&[u8]> = Vec::new();
    let parts = |path| {
        <[u8]>::split(path, |byte: &u8| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."))
    };
    let path = match path.strip_prefix(ROOT.as_bytes()) {
        Some(rest) if rest.starts_with(b"/") => rest,
        _ if path.starts_with(b"/") => return None,
        _ => {
            names.extend(parts(directory));
            path
        }
    };
    for name in parts(path) {
        match name {
            b".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    Some(names.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::ignore::Ignored;
    use pyro_protocol::tree::Meta;

    fn manifest(nodes: &[(&str, Kind)]) -> Vec<Entry> {
        let entry = |(path, kind): &(&str, Kind)| {
            let path = TreePath::parse(path.as_bytes()).unwrap();
            Entry { path, meta: Meta::new(*kind, 0o644), target: Vec::new() }
        };
        nodes.iter().map(entry).collect()
    }

    fn directories(names: &[&str]) -> BTreeSet<Vec<u8>> {
        names.iter().map(|name| name.as_bytes().to_vec()).collect()
    }

    #[test]
    fn a_submodules_own_rules_hold_in_it_and_are_asked_for_in_turn() {
        use Kind::{Directory as D, File as F, Symlink as L};
        let manifest = manifest(&[
            ("", D),
            (".git", D),
            (".git/HEAD", F),
            (".git/info/exclude", F),
            (".git/modules/m/HEAD", F),
            (".git/modules/m/info/exclude", F),
            (".git/modules/m/objects", D),
            (".git/modules/m/refs", D),
            (".git/objects", D),
            (".git/refs", D),
            (".gitignore", F),
            ("link/.gitignore", L),
            ("m/.git", F),
        ]);
        let mut files = GuestFiles::of(&manifest);
        let directories = directories(&["", "link", "m"]);
        let told = |files: &mut GuestFiles| -> Vec<_> {
            files.wanted(&directories).iter().map(ToString::to_string).collect()
        };
        assert_eq!(told(&mut files), [".git/info/exclude", ".gitignore", "m/.git"]);
        let put = |files: &mut GuestFiles, path: &str, text: &str| {
            files.put(&TreePath::parse(path.as_bytes()).unwrap(), text.as_bytes().to_vec());
        };
        put(&mut files, ".git/info/exclude", "by-super\n");
        put(&mut files, ".gitignore", "target\n");
        put(&mut files, "m/.git", "gitdir: ../.git/modules/m\n");
        assert_eq!(told(&mut files), [".git/modules/m/info/exclude"]);
        put(&mut files, ".git/modules/m/info/exclude", "by-sub\n");
        assert!(told(&mut files).is_empty());
        let mut rules = Ignored::new(files, b"", WORK);
        for (path, ignored) in [
            ("by-super", true),
            ("target", true),
            ("m/by-super", false),
            ("m/target", false),
            ("m/by-sub", true),
        ] {
            assert_eq!(rules.is_ignored(path.as_bytes(), false), ignored, "{path}");
        }
    }

    #[test]
    fn what_many_pointers_lead_to_is_read_once_and_only_so_many_are() {
        use Kind::{Directory as D, File as F};
        let mut nodes = vec![
            (".git", D),
            (".git/HEAD", F),
            (".git/index", F),
            (".git/objects", D),
            (".git/refs", D),
        ];
        let names: Vec<String> = (0..2000).map(|number| format!("m{number}/.git")).collect();
        nodes.extend(names.iter().map(|name| (name.as_str(), F)));
        let mut files = GuestFiles::of(&manifest(&nodes));
        let put = |files: &mut GuestFiles, path: &str, text: &[u8]| {
            files.put(&TreePath::parse(path.as_bytes()).unwrap(), text.to_vec());
        };
        put(&mut files, ".git/index", &[b"DIRC\0\0\0\x02\0\0\0\0".as_slice(), &[0; 20]].concat());
        for name in &names {
            put(&mut files, name, b"gitdir: ../.git\n");
        }
        let directories =
            names.iter().map(|name| name.as_bytes()[..name.len() - 5].to_vec()).collect();
        assert!(files.wanted(&directories).is_empty());
        let first = files.repository(b"m0").unwrap();
        let last = files.repository(b"m1999").unwrap();
        assert!(
            first.is_indexed
                && Arc::ptr_eq(&first.tracked, &last.tracked)
                && Arc::ptr_eq(&first.exclude, &last.exclude)
        );
        assert_eq!((files.tracked.len(), files.shared.len(), files.excludes.len()), (1, 1, 1));
        files.names_left = 0;
        files
            .tracked
            .extend((0..MAX_REPOSITORIES).map(|number| (number.to_string().into_bytes(), None)));
        files.tracked.remove(b".git/index".as_slice());
        assert!(!files.repository(b"m0").unwrap().is_indexed, "there is no room for one more");
    }

    #[test]
    fn a_pointer_leads_nowhere_but_into_the_tree() {
        for (directory, path, leads) in [
            ("a/b", "../../.git/modules/x", Some(".git/modules/x")),
            ("", "/workspace/.git/worktrees/x", Some(".git/worktrees/x")),
            ("a", "../../x", None),
            ("a", "/workspaces/x", None),
            ("a", "/etc", None),
        ] {
            let resolved = resolved(directory.as_bytes(), path.as_bytes());
            assert_eq!(resolved.as_deref(), leads.map(str::as_bytes), "{path}");
        }
    }

    #[test]
    fn rules_that_are_too_much_work_end_with_nothing_ignored() {
        let mut files =
            GuestFiles::of(&manifest(&[("", Kind::Directory), (".gitignore", Kind::File)]));
        let path = TreePath::parse(b".gitignore").unwrap();
        files.put(&path, b"**/a/**/a/**/a/**/b\n".repeat(1000));
        let mut rules = Ignored::new(files, b"", 1_000_000);
        for number in 0..100_000 {
            rules.is_ignored(format!("{number}/x").as_bytes(), false);
        }
        assert!(rules.is_exhausted());
    }
}
