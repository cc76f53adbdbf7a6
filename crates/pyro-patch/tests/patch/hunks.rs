//! Single hunks that are moved, cut and repeated: our apply must agree with `git apply` wherever it
//! does not refuse.

use super::disk::{git, scratch, write};
use super::trees::{Tree, patched};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use pyro_patch::Side;
use pyro_patch::TreePath;
use pyro_patch::patch::PatchError;
use pyro_patch::patch::{Note, Reason};
use std::path::Path;

const CASES: usize = 1000;

/// Files of few different lines, so that hunks find many places.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(&b"abc"[..]), 4..14)
}

#[derive(Clone, Debug)]
struct Cut {
    start: usize,
    lines: Vec<(u8, u8)>,
}

impl Cut {
    fn count(&self, without: u8) -> usize {
        self.lines.iter().filter(|(mark, _)| *mark != without).count()
    }

    fn is_trimmed(&self) -> bool {
        self.lines[0].0 != b' ' || self.lines[self.lines.len() - 1].0 != b' ' || self.start <= 1
    }
}

/// A change somewhere in a file: often what is there, with one line changed or put in.
fn case() -> impl Strategy<Value = (Vec<u8>, Vec<Cut>)> {
    let marks = prop::collection::vec(prop::sample::select(&b"    -+"[..]), 1..6);
    let other = prop::collection::vec(prop::sample::select(&b"abc"[..]), 5);
    let exact = prop::bool::weighted(0.8);
    let cut = (0..12usize, prop_oneof![3 => Just(0), 1 => -2..3isize], exact, marks, other);
    (lines(), prop::collection::vec(cut, 1..3)).prop_map(|(file, cuts)| {
        let of_file =
            |(start, off, exact, marks, other): (usize, isize, bool, Vec<u8>, Vec<u8>)| {
                let mut at = start;
                let mut lines = Vec::new();
                for (index, mark) in marks.into_iter().enumerate() {
                    let there = file.get(at).copied().filter(|_| exact && mark != b'+');
                    lines.push((mark, there.unwrap_or(other[index])));
                    at += usize::from(mark != b'+');
                }
                let is_pure = lines.iter().all(|(mark, _)| *mark == b'+');
                let said = (start + usize::from(!is_pure)).saturating_add_signed(off);
                Cut { start: said.max(usize::from(!is_pure)), lines }
            };
        let cuts = cuts
            .into_iter()
            .map(of_file)
            .filter(|cut: &Cut| cut.lines.iter().any(|(mark, _)| *mark != b' '));
        (file.clone(), cuts.collect())
    })
}

/// A patch whose numbers agree with each other.
fn patch(name: &str, hunks: &[Cut]) -> String {
    let mut text = format!(
        "diff --git a/{name} b/{name}\nindex 1111111..2222222 100644\n--- a/{name}\n+++ b/{name}\n"
    );
    for (index, hunk) in hunks.iter().enumerate() {
        let (old, new) = (hunk.count(b'+'), hunk.count(b'-'));
        let before = hunks[..index].iter().filter(|other| other.start <= hunk.start);
        let shift: isize = before
            .map(|other| other.count(b'-').cast_signed() - other.count(b'+').cast_signed())
            .sum();
        let start = hunk.start + usize::from(old == 0) - usize::from(new == 0);
        text +=
            &format!("@@ -{},{old} +{},{new} @@\n", hunk.start, start.saturating_add_signed(shift));
        text.extend(
            hunk.lines.iter().flat_map(|(mark, byte)| [char::from(*mark), char::from(*byte), '\n']),
        );
    }
    text
}

/// What git makes of each file, none where it refuses a hunk; in one call.
fn by_git(root: &Path, files: &Tree, flags: &[&str], text: &str) -> Vec<Option<Vec<u8>>> {
    std::fs::create_dir(root).unwrap();
    write(files, root);
    let output = git(
        root,
        &[&["apply", "--whitespace=nowarn", "--reject"], flags].concat(),
        text.as_bytes(),
    );
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (0..files.len())
        .map(|number| {
            let rejected = root.join(format!("f{number}.rej")).exists();
            (!rejected).then(|| std::fs::read(root.join(format!("f{number}"))).unwrap())
        })
        .collect()
}

#[test]
fn a_thousand_hunks_find_the_places_that_git_finds_or_are_refused() {
    let mut runner = TestRunner::deterministic();
    let mut cases = Vec::new();
    while cases.len() < CASES {
        let (file, hunks) = case().new_tree(&mut runner).unwrap().current();
        if !hunks.is_empty() {
            cases.push((file.iter().flat_map(|byte| [*byte, b'\n']).collect::<Vec<u8>>(), hunks));
        }
    }
    let name = |number: usize| TreePath::parse(format!("f{number}").as_bytes()).unwrap();
    let files: Tree = cases
        .iter()
        .enumerate()
        .map(|(number, (file, _))| (name(number), Side::file(0o644, file.clone())))
        .collect();
    let texts: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(number, (_, hunks))| patch(&format!("f{number}"), hunks))
        .collect();
    let home = scratch();
    let strict = by_git(&home.path().join("strict"), &files, &[], &texts.concat());
    let loose = by_git(&home.path().join("loose"), &files, &["--unidiff-zero"], &texts.concat());
    let (mut both, mut ours_alone, mut ambiguous) = (0, 0, 0);
    for (number, (_, hunks)) in cases.iter().enumerate() {
        let path = name(number);
        let tree = Tree::from([(path.clone(), files[&path].clone())]);
        let ours = patched(&tree, texts[number].as_bytes());
        let told =
            || format!("{:?}\n{ours:?}\n{:?}\n{}", files[&path], loose[number], texts[number]);
        match (&ours, &loose[number], &strict[number]) {
            (Ok(ours), Some(loose), strict) => {
                assert_eq!(ours[&path].blob().unwrap(), loose, "{}", told());
                // git puts what lacks context at one end to that edge of the file, whatever line it
                // names.
                let as_strict = strict.as_ref() == Some(loose);
                assert!(as_strict || hunks.iter().any(Cut::is_trimmed), "{}", told());
                both += usize::from(as_strict);
                ours_alone += usize::from(!as_strict);
            }
            (Ok(_), None, _) => panic!("{}", told()),
            (Err(_), None, None) => {}
            (Err(PatchError::Rejected(rejected)), ..) => {
                let Reason::Hunk(reject) = &rejected.rejects[0].reason else {
                    panic!("{}", told())
                };
                let doubtful = matches!(
                    reject.note,
                    Some(Note::Several { .. } | Note::NoContext | Note::Applied { .. })
                );
                assert!(doubtful || loose[number].is_none(), "{}", told());
                ambiguous += 1;
            }
            (Err(PatchError::Parse(_)), ..) => panic!("{}", told()),
        }
    }
    println!(
        "{both} as git apply does, {ours_alone} as with --unidiff-zero only, {ambiguous} refused \
         that git takes"
    );
    assert!(
        both > CASES / 8 && ours_alone > CASES / 8 && ambiguous > 0,
        "{both} {ours_alone} {ambiguous}"
    );
}
