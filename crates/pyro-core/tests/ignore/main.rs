//! Ignore rules held against the real `git`, on random trees and on the layouts that repositories
//! come in.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests run git and look at its files directly"
)]

mod git;
mod layouts;
mod random;

use git::{carried_by_git, carried_by_us};
use std::path::Path;

/// Trees that are compared.
const TREES: u64 = 1000;

#[test]
fn a_thousand_random_trees_are_carried_as_git_would() {
    let home = tempfile::tempdir().unwrap();
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8) as u64;
    let counts: Vec<_> = std::thread::scope(|scope| {
        let home = home.path();
        let workers: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || compare(home, thread, threads)))
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let (carried, left_out) =
        counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    println!("{TREES} trees: {carried} files carried, {left_out} left out");
    // Rules that ignore everything, or nothing, would show nothing.
    assert!(
        carried > TREES as usize && left_out > TREES as usize,
        "{carried} carried, {left_out} left out"
    );
}

fn compare(home: &Path, first: u64, step: u64) -> (usize, usize) {
    let (mut carried, mut left_out) = (0, 0);
    for seed in (first..TREES).step_by(usize::try_from(step).unwrap()) {
        let root = home.join(seed.to_string());
        let files = random::tree(&root, seed);
        let (git, ours) = (carried_by_git(&root), carried_by_us(&root));
        let shown = |paths: &[&Vec<u8>]| {
            paths.iter().map(|path| path.escape_ascii().to_string()).collect::<Vec<_>>()
        };
        let only =
            (git.difference(&ours).collect::<Vec<_>>(), ours.difference(&git).collect::<Vec<_>>());
        let told = || random::told(&root);
        assert!(
            git == ours,
            "tree {seed}: only git carries {:?}, only pyro {:?}\n{}",
            shown(&only.0),
            shown(&only.1),
            told()
        );
        carried += ours.len();
        left_out += files - ours.len();
        std::fs::remove_dir_all(&root).unwrap();
    }
    (carried, left_out)
}
