//! Single hunks that are moved, cut and repeated: our apply must agree with `git apply`.

use super::disk::{git, read, write};
use super::trees::{Tree, patched};
use proptest::prelude::*;
use pyro_core::workspace::git::path::RelPath;
use pyro_core::workspace::side::Side;

/// Files of few different lines, so that hunks find many places.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(&b"abc"[..]), 0..12)
}

#[derive(Clone, Debug)]
struct Cut {
    start: usize,
    old: Vec<(u8, u8)>,
}

fn hunk() -> impl Strategy<Value = Cut> {
    let line = (prop::sample::select(&b"    -+"[..]), prop::sample::select(&b"abc"[..]));
    (0..14usize, prop::collection::vec(line, 1..6)).prop_map(|(start, old)| Cut { start, old })
}

fn patch(hunks: &[Cut]) -> String {
    let mut text = "diff --git a/f b/f\nindex 1111111..2222222 100644\n--- a/f\n+++ b/f\n".to_owned();
    for hunk in hunks {
        let count = |mark: u8| hunk.old.iter().filter(|(found, _)| *found != mark).count();
        let (old, new) = (count(b'+'), count(b'-'));
        text += &format!("@@ -{},{old} +{},{new} @@\n", hunk.start, hunk.start);
        text.extend(hunk.old.iter().flat_map(|(mark, byte)| [char::from(*mark), char::from(*byte), '\n']));
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn hunks_find_the_places_that_git_finds(file in lines(), hunks in prop::collection::vec(hunk(), 1..4)) {
        // Lines without any context: git puts them where it likes, we do not (see `insertion`).
        prop_assume!(hunks.iter().all(|hunk| hunk.old.iter().any(|(mark, _)| *mark != b'+')));
        prop_assume!(hunks.iter().all(|hunk| hunk.old.iter().any(|(mark, _)| *mark != b' ')));
        let bytes: Vec<u8> = file.iter().flat_map(|byte| [*byte, b'\n']).collect();
        let tree: Tree = [(RelPath::parse(b"f").unwrap(), Side::file(0o644, bytes))].into();
        let text = patch(&hunks);
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("tree");
        std::fs::create_dir(&root).unwrap();
        write(&tree, &root);
        let output = git(&root, &["apply", "--whitespace=nowarn"], text.as_bytes());
        let ours = patched(&tree, text.as_bytes());
        prop_assert_eq!(
            output.status.success(), ours.is_ok(),
            "{}\n{:?}\n{}", String::from_utf8_lossy(&output.stderr), ours, text
        );
        if let Ok(ours) = ours {
            prop_assert_eq!(read(&root), ours, "{}", text);
        }
    }
}
