//! Crates that promise no I/O name nothing of the standard library that does it.

use crate::{assert_none, read, root, rust_files, shown};
use syn::visit::{self, Visit};

/// The crates.
const PURE: &[&str] = &["pyro-patch", "pyro-protocol"];

/// Modules of `std` that reach outside of values. `std::io` is not one: its traits write to memory
/// too.
const OUTSIDE: &[&str] = &["env", "fs", "net", "os", "process", "thread"];

/// The lines of a source that name one of them.
fn offences(source: &str) -> Vec<usize> {
    let mut reader = Reader { lines: Vec::new() };
    reader.visit_file(&syn::parse_file(source).expect("a source file is Rust"));
    reader.lines
}

struct Reader {
    lines: Vec<usize>,
}

impl Reader {
    /// Judge `std::second`.
    fn judge(&mut self, first: &syn::Ident, second: &syn::Ident) {
        if first == "std" && OUTSIDE.iter().any(|module| second == module) {
            self.lines.push(second.span().start().line);
        }
    }

    fn below(&mut self, first: &syn::Ident, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => self.judge(first, &path.ident),
            syn::UseTree::Name(name) => self.judge(first, &name.ident),
            syn::UseTree::Rename(name) => self.judge(first, &name.ident),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.below(first, item));
            }
            syn::UseTree::Glob(_) => {}
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_use_tree(&mut self, tree: &'ast syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => self.below(&path.ident, &path.tree),
            _ => visit::visit_use_tree(self, tree),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut names = path.segments.iter().map(|segment| &segment.ident);
        if let (Some(first), Some(second)) = (names.next(), names.next()) {
            self.judge(first, second);
        }
        visit::visit_path(self, path);
    }
}

#[test]
fn pure_crates_reach_nothing_outside() {
    let mut findings = Vec::new();
    for name in PURE {
        let files = rust_files(&root().join("crates").join(name).join("src"));
        assert!(!files.is_empty(), "there is no crate {name}");
        for file in files {
            let lines = offences(&read(&file));
            let shown = shown(&file);
            findings.extend(
                lines.iter().map(|line| format!("{shown}:{line}: {name} is values only, no I/O")),
            );
        }
    }
    assert_none(&findings);
}

#[test]
fn a_use_of_the_outside_is_found_in_every_form() {
    let source = "use std::fs;\nuse std::{fmt, env::var};\nuse std::fmt::Write;\n\
                  fn f() { std::process::exit(1) }\nuse std::io::Write;\n\
                  use std::thread as t;";
    assert_eq!(offences(source), [1, 2, 4, 6]);
}
