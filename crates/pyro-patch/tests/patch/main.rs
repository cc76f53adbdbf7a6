//! Diffs and patches held against the real `git` (and `diff`), both ways, on random trees.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests run git and look at its files directly"
)]

mod both_ways;
mod disk;
mod history;
mod hunks;
mod imported;
mod random;
mod speed;
mod trees;
