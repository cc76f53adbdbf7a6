//! Random trees as values: odd names, modes, links, text of every ending, and binary content.

use proptest::prelude::*;
use pyro_patch::TreePath;
use pyro_patch::diff::{Diff, DiffBuilder, DiffOptions};
use pyro_patch::patch::{Action, resolve};
use pyro_patch::patch::{PatchError, PatchLimits, Plan, parse};
use pyro_patch::{Content, Side};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) type Tree = BTreeMap<TreePath, Side>;

const NAMES: &[&[u8]] = &[
    b"a",
    b"d",
    b"d/x",
    b"d/e/y",
    b"d-z",
    b"sp ace",
    b"b b/b b",
    b"ta\tb",
    b"q\"uo\\te",
    "\u{e9}t\u{e9}".as_bytes(),
    b"\xff\xfe",
    b"new\nline",
    b"-- dash",
    b"i/w",
    b"b/a",
    b".gitignore",
];

const TARGETS: &[&[u8]] = &[b"to", b"../..//etc\xff", b"to\nnowhere"];

fn line() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just("same\n"),
        4 => Just("other\n"),
        2 => Just("\n"),
        1 => Just("-- dashes\n"),
        1 => Just("++ pluses\n"),
        1 => Just("crlf\r\n"),
        1 => Just("form\x0cfeed\u{2028}\n"),
        1 => Just("@@ -1 +1 @@\n"),
        1 => Just("diff --git a/a b/a\n"),
        1 => Just("\\ No newline at end of file\n"),
        1 => Just("    deep\n"),
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    (prop::collection::vec(line(), 0..30), any::<bool>()).prop_map(|(lines, newline)| {
        let text = lines.concat();
        let text =
            if newline { text.as_str() } else { text.strip_suffix('\n').unwrap_or_default() };
        text.as_bytes().to_vec()
    })
}

fn side() -> impl Strategy<Value = Side> {
    let content = prop_oneof![
        6 => text(),
        1 => Just(Vec::new()),
        1 => prop::collection::vec(any::<u8>(), 1..300),
        1 => Just(b"latin \xe9\n".to_vec()),
        1 => (any::<u8>(), 1..3000usize)
            .prop_map(|(byte, size)| [vec![0, byte], vec![byte; size]].concat()),
    ];
    prop_oneof![
        5 => (content, prop_oneof![Just(0o644), Just(0o755)])
            .prop_map(|(bytes, mode)| Side::file(mode, bytes)),
        1 => prop::sample::select(TARGETS).prop_map(Side::symlink),
    ]
}

/// A tree without files on the way to others.
pub(crate) fn tree() -> impl Strategy<Value = Tree> {
    prop::collection::btree_map(prop::sample::select(NAMES), side(), 0..10).prop_map(possible)
}

fn possible(entries: BTreeMap<&'static [u8], Side>) -> Tree {
    let mut tree = Tree::new();
    for (name, side) in entries {
        let path = TreePath::parse(name).unwrap();
        if path.parents().all(|parent| !tree.contains_key(&parent)) {
            tree.insert(path, side);
        }
    }
    tree
}

/// Two trees, of which the second keeps some of the first: as it was, with a few lines changed, or
/// moved.
pub(crate) fn trees() -> impl Strategy<Value = (Tree, Tree)> {
    (tree(), tree(), any::<u16>(), 0..40usize).prop_map(|(old, fresh, keep, at)| {
        let mut entries: BTreeMap<&'static [u8], Side> = BTreeMap::new();
        let name = |path: &TreePath| *NAMES.iter().find(|name| **name == path.as_bytes()).unwrap();
        for (path, side) in &fresh {
            entries.insert(name(path), side.clone());
        }
        for (index, (path, side)) in old.iter().enumerate() {
            match keep >> (2 * (index % 8)) & 3 {
                0 => _ = entries.insert(name(path), side.clone()),
                1 => _ = entries.insert(name(path), edited(side, at)),
                2 => _ = entries.insert(NAMES[(at + index) % NAMES.len()], side.clone()),
                _ => {}
            }
        }
        (old, possible(entries))
    })
}

fn edited(side: &Side, at: usize) -> Side {
    match side {
        Side::File { mode, content: Content::Held(bytes) } => {
            let mut lines: Vec<Vec<u8>> =
                bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            lines.insert(at % (lines.len() + 1), b"edited\n".to_vec());
            Side::file(*mode, lines.concat())
        }
        side => side.clone(),
    }
}

/// What leads from one tree to the other.
pub(crate) fn diff(old: &Tree, new: &Tree, options: DiffOptions) -> Diff {
    let mut builder = DiffBuilder::new(options);
    let paths: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for path in paths {
        builder.push(path, old.get(path), new.get(path));
    }
    builder.finish()
}

/// The tree with a patch applied.
pub(crate) fn patched(tree: &Tree, patch: &[u8]) -> Result<Tree, PatchError> {
    let patch = parse(patch, &PatchLimits::default())?;
    let plan = Plan::of(&patch);
    let mut sides: Tree = plan
        .reads
        .iter()
        .filter_map(|path| Some((path.clone(), tree.get(path)?.clone())))
        .collect();
    for path in plan.parents.iter().chain(&plan.reads) {
        let known = tree.get(path).cloned();
        let directory = tree.keys().any(|other| other.is_below(path)).then_some(Side::Directory);
        sides.extend(known.or(directory).map(|side| (path.clone(), side)));
    }
    let mut after = tree.clone();
    for action in resolve(&patch, &sides)?.actions {
        match action {
            Action::Remove { path } => _ = after.remove(&path).unwrap(),
            Action::RemoveDirectory { path } => {
                assert!(!after.keys().any(|other| other.is_below(&path)))
            }
            Action::WriteFile { path, mode, bytes } => {
                _ = after.insert(path, Side::file(mode, bytes))
            }
            Action::Symlink { path, target } => _ = after.insert(path, Side::symlink(target)),
            Action::Chmod { path, mode } => {
                let Side::File { content, .. } = after.remove(&path).unwrap() else {
                    panic!("chmod of no file")
                };
                after.insert(path, Side::File { mode, content });
            }
        }
    }
    Ok(after)
}

/// The paths on which two trees differ, with what is there.
pub(crate) fn differing(a: &Tree, b: &Tree) -> Vec<String> {
    let paths: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let differ = paths.into_iter().filter(|path| a.get(path) != b.get(path));
    differ
        .map(|path| {
            format!(
                "{path}: {:?} / {:?}",
                a.get(path).map(Side::blob_id),
                b.get(path).map(Side::blob_id)
            )
        })
        .collect()
}
