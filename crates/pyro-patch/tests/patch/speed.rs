//! Large and hostile inputs: the work stays bounded.

use super::trees::{Tree, diff, patched};
use pyro_patch::Side;
use pyro_patch::TreePath;
use pyro_patch::diff::DiffOptions;
use std::time::{Duration, Instant};

fn tree(bytes: Vec<u8>) -> Tree {
    [(TreePath::parse(b"f").unwrap(), Side::file(0o644, bytes))].into()
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> Vec<u8> {
    (0..count).map(line).collect::<String>().into_bytes()
}

#[test]
fn large_files_are_compared_and_patched_in_bounded_time() {
    // Far above what they take: a work that is not bounded takes hours here.
    let limit = Duration::from_secs(60);
    let cases: [(&str, Vec<u8>, Vec<u8>); 4] = [
        (
            "scattered changes in 200,000 lines",
            lines(200_000, |n| format!("line number {n}\n")),
            lines(200_000, |n| format!("line number {}\n", if n % 50 == 0 { n * 7 } else { n })),
        ),
        (
            "two permutations of 100,000 lines",
            lines(100_000, |n| format!("{}\n", n * 7919 % 100_000)),
            lines(100_000, |n| format!("{}\n", n * 104_729 % 100_000)),
        ),
        (
            "a million lines of two kinds",
            lines(1_000_000, |n| format!("{}\n", n * 7919 % 17 % 2)),
            lines(1_000_000, |n| format!("{}\n", n * 7907 % 13 % 2)),
        ),
        ("one line of 8 MiB", vec![b'x'; 8 << 20], vec![b'y'; 8 << 20]),
    ];
    for (name, old, new) in cases {
        let (old, new) = (tree(old), tree(new));
        let start = Instant::now();
        let patch = diff(&old, &new, DiffOptions::default()).patch();
        let compared = start.elapsed();
        let found = patched(&old, patch.as_bytes()).unwrap();
        println!(
            "{name}: {compared:?} to compare, {:?} to apply {} bytes",
            start.elapsed() - compared,
            patch.len()
        );
        assert_eq!(found, new);
        assert!(start.elapsed() < limit, "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn a_hostile_patch_is_given_up() {
    let file = tree(lines(1_000_000, |_| "a\n".to_owned()));
    let hunk = format!("@@ -2,1001 +2,1000 @@\n{}-b\n a\n", " a\n".repeat(999));
    let patch = format!("--- a/f\n+++ b/f\n{}", hunk.repeat(50));
    let start = Instant::now();
    let error = patched(&file, patch.as_bytes()).unwrap_err().to_string();
    println!("given up after {:?}: {error}", start.elapsed());
    assert!(error.contains("takes too long"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(60));
}
