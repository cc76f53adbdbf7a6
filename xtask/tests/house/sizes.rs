//! No Rust file is long. `clippy.toml` holds the length of functions.

use crate::{assert_none, read, root, rust_files, shown};

/// Most lines of a file.
const MAX_LINES: usize = 450;

#[test]
fn no_file_is_long() {
    let files = ["crates", "fuzz", "xtask"].map(|name| rust_files(&root().join(name))).concat();
    assert!(files.len() > 400, "the walk found {} files only", files.len());
    let long = files.iter().filter_map(|path| {
        let lines = read(path).lines().count();
        (lines > MAX_LINES)
            .then(|| format!("{}: {lines} lines; at most {MAX_LINES}: split it", shown(path)))
    });
    assert_none(&long.collect::<Vec<_>>());
}

#[test]
fn clippy_holds_the_length_of_functions() {
    let settings = read(&root().join("clippy.toml"));
    assert!(settings.lines().any(|line| line == "too-many-lines-threshold = 80"));
}
