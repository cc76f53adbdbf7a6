//! Our diff to `git apply`, git's and GNU's diff to our apply: the trees must come out equal.

use super::disk::{clear, git, git_ok, read, run, scratch, write};
use super::trees::{Tree, diff, differing, patched, trees};
use proptest::prelude::*;
use pyro_patch::diff::DiffOptions;
use pyro_patch::{Content, Side, TreePath};
use std::process::Command;

fn shown(patch: &[u8]) -> String {
    String::from_utf8_lossy(patch).into_owned()
}

/// The ways in which git may be asked for a patch.
const WAYS: &[&[&str]] = &[
    &["-M"],
    &["-M", "-C", "--find-copies-harder", "-U1"],
    &["--no-renames", "--no-prefix", "--full-index"],
    &["-M30%", "--src-prefix=i/", "--dst-prefix=w/", "--patience"],
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn our_own_diff_comes_back((old, new) in trees(), renames: bool, context in 1..5usize) {
        let options = DiffOptions { renames, context, ..DiffOptions::default() };
        let patch = diff(&old, &new, options).patch();
        if old == new {
            prop_assert_eq!(patch, "");
        } else {
            let found = patched(&old, patch.as_bytes());
            prop_assert!(found.as_ref().is_ok_and(|found| *found == new), "{found:?}\n{patch}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn git_takes_our_diff((old, new) in trees(), renames: bool) {
        prop_assume!(old != new);
        let patch = diff(&old, &new, DiffOptions { renames, ..DiffOptions::default() }).patch();
        let home = scratch();
        let root = home.path().join("tree");
        std::fs::create_dir(&root).unwrap();
        write(&old, &root);
        for arguments in [&["apply", "--check"][..], &["apply", "--whitespace=nowarn"]] {
            let output = git(&root, arguments, patch.as_bytes());
            prop_assert!(output.status.success(), "{}\n{patch}", shown(&output.stderr));
        }
        prop_assert!(read(&root) == new, "{:?}\n{}", differing(&read(&root), &new), patch);
        // Backwards too: the patch holds both sides. (Of what was deleted git gives back
        // no mode, not even that of a link: it comes back as a file.)
        let output = git(&root, &["apply", "-R", "--whitespace=nowarn"], patch.as_bytes());
        prop_assert!(output.status.success(), "{}\n{patch}", shown(&output.stderr));
        let (back, old) = (without_modes(&read(&root)), without_modes(&old));
        prop_assert!(back == old, "back {:?}\n{}", differing(&back, &old), patch);
    }

    #[test]
    fn we_take_the_diff_of_git((old, new) in trees(), way in prop::sample::select(WAYS)) {
        prop_assume!(old != new);
        let home = scratch();
        let root = home.path().join("tree");
        std::fs::create_dir(&root).unwrap();
        write(&old, &root);
        git_ok(&root, &["init", "-q"], b"");
        git_ok(&root, &["add", "-A", "-f"], b"");
        git_ok(&root, &["commit", "-q", "--allow-empty", "-m", "old"], b"");
        clear(&root);
        write(&new, &root);
        git_ok(&root, &["add", "-A", "-f"], b"");
        let arguments = [&["diff", "--cached", "HEAD", "--binary"], way].concat();
        let patch = git_ok(&root, &arguments, b"");
        let found = patched(&old, &patch);
        let is_new = found.as_ref().is_ok_and(|found| *found == new);
        prop_assert!(is_new, "{found:?}\n{}", shown(&patch));
        // And as a mail.
        let message = "new\n\ndiff --git a/x b/x\n--- a dash\n+++ a plus\n-- \nsigned";
        git_ok(&root, &["commit", "-q", "-m", message], b"");
        let mail = git_ok(&root, &["format-patch", "-1", "--stdout", "--binary"], b"");
        let found = patched(&old, &mail);
        let is_new = found.as_ref().is_ok_and(|found| *found == new);
        prop_assert!(is_new, "{found:?}\n{}", shown(&mail));
    }

    #[test]
    fn we_take_the_plain_diff_of_gnu((old, new) in trees()) {
        let is_plain = |(path, side): &(&TreePath, &Side)| {
            plain(path.as_bytes(), side.blob().unwrap_or_default(), side)
        };
        let text = |tree: &Tree| -> Tree {
            let plain = tree.iter().filter(is_plain);
            plain.map(|(path, side)| (path.clone(), side.clone())).collect()
        };
        let (old, new) = (text(&old), text(&new));
        // What is empty on one side leaves no trace in a plain patch; neither do modes, which the
        // filter has made equal.
        prop_assume!(old != new);
        let home = scratch();
        for (name, tree) in [("a", &old), ("b", &new)] {
            std::fs::create_dir(home.path().join(name)).unwrap();
            write(tree, &home.path().join(name));
        }
        let mut gnu = Command::new("diff");
        let output = run(gnu.args(["-ruN", "--text"]), home.path(), &["a", "b"], b"");
        prop_assert_eq!(output.status.code(), Some(1));
        let found = patched(&old, &output.stdout);
        let is_new = found.as_ref().is_ok_and(|found| *found == new);
        prop_assert!(is_new, "{found:?}\n{}", shown(&output.stdout));
    }
}

fn without_modes(tree: &Tree) -> Tree {
    let same = |side: &Side| match side {
        Side::File { content, .. } => Side::File { mode: 0o644, content: content.clone() },
        Side::Symlink { target } => {
            Side::File { mode: 0o644, content: Content::Held(target.clone()) }
        }
        side => side.clone(),
    };
    tree.iter().map(|(path, side)| (path.clone(), same(side))).collect()
}

/// Whether GNU diff can carry it: a plain file with text, and no directory that is a file on the
/// other side.
fn plain(path: &[u8], bytes: &[u8], side: &Side) -> bool {
    *side == Side::file(0o644, bytes) && !bytes.is_empty() && path != b"d" && !path.contains(&b'\n')
}
