//! A thousand random changes: git's patch of each by our apply and by `git apply`, and ours by `git
//! apply`.

use super::disk::{git, git_ok, read, scratch, write};
use super::imported::{import, split};
use super::trees::{Tree, diff, differing, patched, trees};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use pyro_patch::TreePath;
use pyro_patch::diff::DiffOptions;
use std::path::Path;

const CASES: usize = 1000;

/// Patches that one `git apply` takes: starting it is what costs time.
const BATCH: usize = 50;

/// How git is asked for a patch.
const WAYS: [&[&str]; 4] = [
    &["-M"],
    &["-M", "-C", "--find-copies-harder", "-U1"],
    &["--no-renames", "--full-index", "-U5"],
    &["-M30%", "--patience"],
];

struct Case {
    old: Tree,
    new: Tree,
}

/// Each in a directory of its own, so that many fit into one tree.
fn cases() -> Vec<Case> {
    let mut runner = TestRunner::deterministic();
    let within = |number: usize, tree: Tree| -> Tree {
        let moved = |path: &TreePath| {
            TreePath::parse(&[format!("c{number}/").as_bytes(), path.as_bytes()].concat()).unwrap()
        };
        tree.into_iter().map(|(path, side)| (moved(&path), side)).collect()
    };
    let mut cases = Vec::new();
    while cases.len() < CASES {
        let (old, new) = trees().new_tree(&mut runner).unwrap().current();
        if old != new {
            let number = cases.len();
            cases.push(Case { old: within(number, old), new: within(number, new) });
        }
    }
    cases
}

fn union<'t>(trees: impl Iterator<Item = &'t Tree>) -> Tree {
    trees.flatten().map(|(path, side)| (path.clone(), side.clone())).collect()
}

/// What `git apply` makes of the cases, by these patches; some of git's own patches it refuses
/// itself.
fn applied_by_git(cases: &[Case], patches: &[Vec<u8>]) -> (Tree, Vec<usize>) {
    let home = scratch();
    let root = home.path().join("tree");
    let names: Vec<String> =
        (0..patches.len()).map(|number| format!("../{number}.patch")).collect();
    for (number, patch) in patches.iter().enumerate() {
        std::fs::write(home.path().join(format!("{number}.patch")), patch).unwrap();
    }
    let start = || {
        _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir(&root).unwrap();
        write(&union(cases.iter().map(|case| &case.old)), &root);
    };
    let apply = |names: &[String]| {
        let arguments: Vec<&str> = ["apply", "--whitespace=nowarn"]
            .into_iter()
            .chain(names.iter().map(String::as_str))
            .collect();
        git(&root, &arguments, b"").status.success()
    };
    start();
    let mut refused = Vec::new();
    if !apply(&names) {
        start();
        refused = (0..names.len()).filter(|number| !apply(&names[*number..=*number])).collect();
    }
    (read(&root), refused)
}

/// git's patches of every case, in a few calls.
fn patches_of_git(at: &Path, cases: &[Case]) -> Vec<Vec<u8>> {
    let commits = cases
        .iter()
        .enumerate()
        .flat_map(|(number, case)| [&case.old, &case.new].map(|tree| (format!("c{number}"), tree)));
    let ids = import(at, commits);
    let mut patches = vec![Vec::new(); cases.len()];
    for (way, arguments) in WAYS.iter().enumerate() {
        let numbers: Vec<usize> = (way..cases.len()).step_by(WAYS.len()).collect();
        let asked: String =
            numbers.iter().map(|number| format!("{}\n", ids[2 * number + 1])).collect();
        let arguments = [&["diff-tree", "--stdin", "-r", "-p", "--binary"], *arguments].concat();
        let text = git_ok(at, &arguments, asked.as_bytes());
        let is_id = |line: &[u8]| line.len() == 41 && line[..40].iter().all(u8::is_ascii_hexdigit);
        let parts = split(&text, is_id);
        assert_eq!(parts.len(), numbers.len());
        for (number, part) in numbers.into_iter().zip(parts) {
            patches[number] = part[41..].to_vec();
        }
    }
    patches
}

#[test]
fn a_thousand_random_patches_of_git_make_what_git_apply_makes() {
    let home = scratch();
    let cases = cases();
    let patches = patches_of_git(&home.path().join("repo"), &cases);
    let mut refused = 0;
    for (cases, patches) in cases.chunks(BATCH).zip(patches.chunks(BATCH)) {
        let (of_git, unfit) = applied_by_git(cases, patches);
        refused += unfit.len();
        let mut ours = Tree::new();
        for (number, (case, patch)) in cases.iter().zip(patches).enumerate() {
            let found = patched(&case.old, patch)
                .unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(patch)));
            assert!(
                found == case.new,
                "{:?}\n{}",
                differing(&found, &case.new),
                String::from_utf8_lossy(patch)
            );
            ours.extend(if unfit.contains(&number) { case.old.clone() } else { found });
        }
        assert!(of_git == ours, "{:?}", differing(&of_git, &ours));
    }
    println!("{CASES} patches, of which git apply refuses {refused} of git's own");
    assert!(refused * 20 < CASES, "{refused}");
}

#[test]
fn a_thousand_random_patches_of_ours_are_taken_by_git_apply() {
    let cases = cases();
    for (at, cases) in cases.chunks(BATCH).enumerate() {
        let options =
            DiffOptions { renames: at % 2 == 0, context: 1 + at % 4, ..DiffOptions::default() };
        let patches: Vec<_> = cases
            .iter()
            .map(|case| diff(&case.old, &case.new, options).patch().into_bytes())
            .collect();
        let (of_git, refused) = applied_by_git(cases, &patches);
        assert!(refused.is_empty(), "{}", String::from_utf8_lossy(&patches[refused[0]]));
        let new = union(cases.iter().map(|case| &case.new));
        assert!(of_git == new, "{:?}", differing(&of_git, &new));
    }
}
