//! Arrows point down: a module of `pyro-core` uses only modules of rows below its own.

use crate::{assert_none, read, root, rust_files, shown};
use proc_macro2::{TokenStream, TokenTree};
use std::fmt;
use std::path::Path;
use syn::visit::{self, Visit};

/// The modules of `pyro-core`, top to bottom. Modules of one row do not use each other.
const ROWS: &[&[&str]] = &[
    &["lib"],
    &["pyro"],
    &["doctor"],
    &["error"],
    &["bench"],
    &["workspace"],
    &["vm"],
    &["environment"],
    &["engine", "guest"],
    &["network"],
    &["disk", "archive"],
    &["store"],
    &["host"],
    &["config"],
    &["backing", "execution_mode", "id", "timestamp"],
];

#[derive(Debug, PartialEq, Eq)]
struct Violation {
    file: String,
    line: usize,
    message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.file, self.line, self.message)
    }
}

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

/// Module path of a file, from its path below `src`: `vm/run.rs` is `["vm", "run"]`, `lib.rs` is `[]`.
fn module_of(file: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        file.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|last| last == "mod" || names.len() == 1 && last == "lib") {
        names.pop();
    }
    names
}

/// Every use of a module that this file may not use. `file` is its path below `src`.
fn violations(file: &Path, source: &str) -> Vec<Violation> {
    let mut reader = Reader { file: file.display().to_string(), at: module_of(file), found: Vec::new() };
    if row(reader.module()).is_none() {
        let message = format!("module `{}` has no row in xtask/tests/house/layers.rs", reader.module());
        return vec![Violation { file: reader.file, line: 1, message }];
    }
    match syn::parse_file(source) {
        Ok(parsed) => reader.visit_file(&parsed),
        Err(error) => reader.find(error.span().start().line, format!("not Rust: {error}")),
    }
    reader.found
}

struct Reader {
    file: String,
    /// Where in the module tree the visit is.
    at: Vec<String>,
    found: Vec<Violation>,
}

impl Reader {
    fn module(&self) -> &str {
        self.at.first().map_or("lib", String::as_str)
    }

    fn find(&mut self, line: usize, message: String) {
        self.found.push(Violation { file: self.file.clone(), line, message });
    }

    /// Judge one path, given as its names.
    fn judge(&mut self, names: &[String], line: usize) {
        let Some(used) = self.resolve(names) else { return };
        let own = self.module();
        if used == own || own == "lib" {
            return;
        }
        let message = match row(&used) {
            None => format!("`{own}` uses `crate::{used}`: name the module that it comes from"),
            Some(below) if row(own) < Some(below) => return,
            Some(_) => format!("`{own}` may not use `{used}`, which is not below it"),
        };
        self.find(line, message);
    }

    /// The top module that a path leads to; none when it leads out of the crate or stays where it is.
    fn resolve(&self, names: &[String]) -> Option<String> {
        let supers = names.iter().take_while(|name| *name == "super").count();
        match names.first()?.as_str() {
            "crate" => names.get(1).cloned(),
            "super" if supers >= self.at.len() => names.get(supers).cloned(),
            _ => None,
        }
    }

    fn use_tree(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&path.tree, &with(&path.ident)),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.use_tree(item, before)),
            syn::UseTree::Name(name) => self.judge(&with(&name.ident), name.ident.span().start().line),
            syn::UseTree::Rename(name) => self.judge(&with(&name.ident), name.ident.span().start().line),
            syn::UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                self.judge(before, line);
            }
        }
    }

    /// Macro arguments are not parsed as Rust: look for `crate::name` in their tokens.
    fn tokens(&mut self, stream: TokenStream) {
        let mut names: Vec<String> = Vec::new();
        for token in stream {
            match token {
                TokenTree::Ident(ident) => {
                    names.push(ident.to_string());
                    if names.len() == 2 && names[0] == "crate" {
                        self.judge(&names, ident.span().start().line);
                    }
                    if names[0] != "crate" {
                        names.clear();
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {}
                TokenTree::Group(group) => {
                    names.clear();
                    self.tokens(group.stream());
                }
                _ => names.clear(),
            }
        }
    }
}

/// Tests may reach for whatever they need.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.use_tree(&item.tree, &[]);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            self.at.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.at.pop();
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_test(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some(last) = path.segments.last() {
            self.judge(&names, last.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    // `pub(in crate::vm)` says who may look in, not what is used.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.visit_path(&item.path);
        self.tokens(item.tokens.clone());
    }
}

#[test]
fn core_uses_only_what_lies_below() {
    let source = root().join("crates/pyro-core/src");
    let mut findings = Vec::new();
    for file in rust_files(&source) {
        let below = file.strip_prefix(&source).expect("it was found there");
        findings.extend(violations(below, &read(&file)));
    }
    for finding in &mut findings {
        finding.file = shown(&source.join(&finding.file));
    }
    assert_none(&findings);
}

#[cfg(test)]
mod tests {
    use super::violations;
    use std::path::Path;

    /// The lines of the violations in a file.
    fn lines(file: &str, source: &str) -> Vec<usize> {
        violations(Path::new(file), source).into_iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn downwards_and_within_is_allowed() {
        let source = "use crate::{host::fs, id::Id, vm::state};\nuse super::state;\nuse std::fs;\n\
                      fn f() -> crate::config::Config { crate::engine::start() }";
        assert_eq!(lines("vm/run.rs", source), []);
        assert_eq!(lines("vm.rs", "use self::state::State; mod state { use super::super::engine; use super::X; }"), []);
        assert_eq!(lines("lib.rs", "pub mod vm; pub use vm::Vm; pub use crate::pyro::Pyro;"), []);
    }

    #[test]
    fn upwards_and_sideways_is_found_in_every_form() {
        let found = violations(Path::new("store/mod.rs"), "//! Rows.\nuse crate::vm::Vm;\n");
        assert_eq!(found[0].to_string(), "store/mod.rs:2: `store` may not use `vm`, which is not below it");
        assert_eq!(found.len(), 1);
        assert_eq!(lines("engine/qemu/argv.rs", "use crate::{\n  host::fs,\n  guest::{self, client},\n};"), [3, 3]);
        assert_eq!(lines("host/fs.rs", "fn f() {\n  let _ = crate::store::open();\n}"), [2]);
        assert_eq!(lines("host/fs.rs", "fn f(_: &crate::store::Store) {}"), [1]);
        assert_eq!(lines("host/fs.rs", "use super::super::store::Store;"), [1]);
        assert_eq!(lines("host/mod.rs", "use super::store::*;"), [1]);
        assert_eq!(lines("host/fs.rs", "fn f() { println!(\"{}\",\n crate::vm::count()); }"), [2]);
        assert_eq!(lines("id.rs", "macro_rules! m { () => { ($crate::vm::x(), f(crate::store::y)) } }"), [1, 1]);
    }

    #[test]
    fn a_way_round_through_the_root_is_found() {
        assert_eq!(lines("store/mod.rs", "use crate::Vm;"), [1]);
    }

    #[test]
    fn a_module_without_a_row_is_found() {
        let found = violations(Path::new("helper.rs"), "");
        assert!(found[0].message.contains("`helper` has no row"), "{found:?}");
    }

    #[test]
    fn words_strings_and_tests_do_not_count() {
        let source = "// crate::vm\n/// crate::vm\nconst A: &str = \"crate::vm\";\n\
                      #[cfg(test)]\nmod tests { use crate::vm::Vm; }\n#[cfg(test)]\nuse crate::vm;\n\
                      #[test]\nfn t() { crate::vm::x(); }\npub(in crate::host) fn f() {}";
        assert_eq!(lines("host/fs.rs", source), []);
    }
}
