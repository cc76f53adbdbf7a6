//! One map, and the tree agrees: every file says what it is for, and `ARCHITECTURE.md` names every
//! module folder.

use crate::{assert_none, entries, read, root, rust_files, shown};

#[test]
fn every_file_opens_with_its_purpose() {
    let files =
        ["crates", "xtask", "fuzz"].into_iter().flat_map(|folder| rust_files(&root().join(folder)));
    let silent: Vec<String> = files
        .filter(|file| !read(file).starts_with("//! "))
        .map(|file| {
            format!(
                "{}:1: does not open with one `//!` sentence that says what it is for",
                shown(&file)
            )
        })
        .collect();
    assert_none(&silent);
}

#[test]
fn the_map_names_every_crate_and_module_folder() {
    let map = read(&root().join("ARCHITECTURE.md"));
    let members = entries(&root().join("crates"));
    let modules = members.iter().flat_map(|member| entries(&member.join("src")));
    let folders = members.iter().cloned().chain(modules.filter(|path| path.is_dir()));
    let missing: Vec<String> = folders
        .filter(|folder| {
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            !map.contains(&format!("`{name}`")) && !map.contains(&format!("`{name}/`"))
        })
        .map(|folder| format!("ARCHITECTURE.md does not name {}", shown(&folder)))
        .collect();
    assert_none(&missing);
}
