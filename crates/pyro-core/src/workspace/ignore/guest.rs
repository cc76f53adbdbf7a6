//! The rules of a guest's tree, from its manifest and the few files that say them. Pure.

use super::index::{Index, Tracked};
use super::rules::Rules;
use super::{Files, GITIGNORE, RULES_LEN, Repository};
use crate::workspace::ROOT;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Entry, Kind};
use std::collections::{BTreeSet, HashMap};

/// Longest index that is read of a guest, in bytes.
pub const INDEX_LEN: u64 = 64 << 20;

/// Bytes of rules and indexes that are read of a guest in all.
pub const TOTAL_LEN: u64 = 128 << 20;

/// How much work a guest's rules may make, in comparisons of names.
pub const WORK: u64 = 2_000_000_000;

/// Names in a git directory that tell what the rules are.
const TELLING: [&[u8]; 7] = [b".git", b"HEAD", b"objects", b"refs", b"index", b"exclude", b"commondir"];

/// The files of a guest that say what is ignored.
#[derive(Debug, Default)]
pub struct GuestFiles {
    nodes: HashMap<Vec<u8>, (Kind, u64)>,
    texts: HashMap<Vec<u8>, Vec<u8>>,
    left: u64,
}

impl GuestFiles {
    /// Those that a manifest names, still without what they hold.
    #[must_use]
    pub fn of(manifest: &[Entry]) -> Self {
        let tells = |path: &[u8]| {
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
            let is_git = || path.split(|byte| *byte == b'/').any(|part| part == b".git");
            name == GITIGNORE.as_bytes() || ((TELLING.contains(&name) || name.starts_with(b"sharedindex.")) && is_git())
        };
        let told = manifest.iter().filter(|entry| tells(entry.path.as_bytes()));
        let nodes = told.map(|entry| (entry.path.as_bytes().to_vec(), (entry.meta.kind, entry.meta.size)));
        Self { nodes: nodes.collect(), texts: HashMap::new(), left: TOTAL_LEN }
    }

    /// The files that are needed to judge what lies in these directories, as far as they can be told by now: asked again when
    /// these have been read, it names those that they lead to. None twice.
    #[must_use]
    pub fn wanted(&self, directories: &BTreeSet<Vec<u8>>) -> Vec<TreePath> {
        let mut wanted = BTreeSet::new();
        for directory in directories {
            let rules = at(directory, GITIGNORE.as_bytes());
            wanted.extend(self.is_file(&rules, RULES_LEN).then_some(rules));
            let dot = at(directory, b".git");
            wanted.extend(self.is_file(&dot, RULES_LEN).then_some(dot));
            let Some((own, common)) = self.git_dirs(directory) else { continue };
            let index = at(&own, b"index");
            if let Some(shared) = self.texts.get(&index).and_then(|text| Index::parse(text)?.shared) {
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

    fn text(&self, path: &[u8]) -> &[u8] {
        self.texts.get(path).map_or(b"", Vec::as_slice)
    }

    /// What the working tree in a directory has for itself, and what it shares with others.
    fn git_dirs(&self, directory: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let dot = at(directory, b".git");
        let own = match self.nodes.get(&dot)?.0 {
            Kind::Directory => dot,
            Kind::File => resolved(directory, self.text(&dot).strip_prefix(b"gitdir: ")?.trim_ascii_end())?,
            _ => return None,
        };
        // Where git puts the own directory of a linked worktree.
        let end = own.windows(11).rposition(|part| part == b"/worktrees/").unwrap_or(own.len());
        let common = own[..end].to_vec();
        let has = |path: Vec<u8>| self.nodes.contains_key(&path);
        let is_whole = has(at(&own, b"HEAD")) && has(at(&common, b"objects")) && has(at(&common, b"refs"));
        is_whole.then_some((own, common))
    }
}

impl Files for GuestFiles {
    fn rules(&mut self, directory: &[u8]) -> Rules {
        Rules::parse(self.text(&at(directory, GITIGNORE.as_bytes())))
    }

    fn repository(&mut self, directory: &[u8]) -> Option<Repository> {
        let (own, common) = self.git_dirs(directory)?;
        let exclude = Rules::parse(self.text(&at(&common, b"info/exclude")));
        let tracked = match Index::parse(self.text(&at(&own, b"index"))) {
            Some(index) => {
                let shared = index.shared.as_ref().map(|id| at(&own, format!("sharedindex.{id}").as_bytes()));
                index.tracked(shared.and_then(|path| Index::parse(self.text(&path))))
            }
            None => Tracked::default(),
        };
        Some(Repository { exclude, tracked })
    }
}

fn at(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
}

/// Where a path leads that a file in `directory` names; none where that is not in the tree.
fn resolved(directory: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    let mut names: Vec<&[u8]> = Vec::new();
    let parts = |path| <[u8]>::split(path, |byte: &u8| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
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
        let told =
            |files: &GuestFiles| -> Vec<_> { files.wanted(&directories).iter().map(ToString::to_string).collect() };
        assert_eq!(told(&files), [".git/info/exclude", ".gitignore", "m/.git"]);
        let put = |files: &mut GuestFiles, path: &str, text: &str| {
            files.put(&TreePath::parse(path.as_bytes()).unwrap(), text.as_bytes().to_vec());
        };
        put(&mut files, ".git/info/exclude", "by-super\n");
        put(&mut files, ".gitignore", "target\n");
        put(&mut files, "m/.git", "gitdir: ../.git/modules/m\n");
        assert_eq!(told(&files), [".git/modules/m/info/exclude"]);
        put(&mut files, ".git/modules/m/info/exclude", "by-sub\n");
        assert!(told(&files).is_empty());
        let mut rules = Ignored::new(files, b"", WORK);
        for (path, ignored) in
            [("by-super", true), ("target", true), ("m/by-super", false), ("m/target", false), ("m/by-sub", true)]
        {
            assert_eq!(rules.is_ignored(path.as_bytes(), false), ignored, "{path}");
        }
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
        let mut files = GuestFiles::of(&manifest(&[("", Kind::Directory), (".gitignore", Kind::File)]));
        let path = TreePath::parse(b".gitignore").unwrap();
        files.put(&path, b"**/a/**/a/**/a/**/b\n".repeat(1000));
        let mut rules = Ignored::new(files, b"", 1_000_000);
        for number in 0..100_000 {
            rules.is_ignored(format!("{number}/x").as_bytes(), false);
        }
        assert!(rules.is_exhausted());
    }
}
