//! Arrows point down: a module of `pyro-core` uses only modules of rows below its own, and so do the
//! files inside the big modules.

use crate::inner_rows::{EXCEPTIONS, INNER};
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

/// Rows of names, top to bottom.
pub(crate) type Rows = &'static [&'static [&'static str]];

fn row(rows: Rows, name: &str) -> Option<usize> {
    rows.iter().position(|row| row.contains(&name))
}

/// The rows inside a module, where it has some.
fn inner_rows(module: &str) -> Option<Rows> {
    INNER.iter().find(|(name, _)| *name == module).map(|(_, rows)| *rows)
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
    if let Some(message) = reader.without_row() {
        return vec![Violation { file: reader.file, line: 1, message }];
    }
    // A file of tests may reach for whatever it needs.
    if file.ends_with("tests.rs") {
        return Vec::new();
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

    /// The file or directory inside the module; `mod` for the module's own `mod.rs`.
    fn inner(&self) -> &str {
        self.at.get(1).map_or("mod", String::as_str)
    }

    /// That this file has no row, if so.
    fn without_row(&self) -> Option<String> {
        let module = self.module();
        if row(ROWS, module).is_none() {
            return Some(format!("module `{module}` has no row in xtask/tests/house/layers.rs"));
        }
        let is_test = self.inner() == "tests";
        inner_rows(module).filter(|rows| !is_test && row(rows, self.inner()).is_none()).map(|_| {
            let inner = self.inner();
            format!("`{module}/{inner}` has no row in xtask/tests/house/inner_rows.rs")
        })
    }

    fn find(&mut self, line: usize, message: String) {
        self.found.push(Violation { file: self.file.clone(), line, message });
    }

    /// Judge one path, given as its names.
    fn judge(&mut self, names: &[String], line: usize) {
        let Some(path) = self.resolve(names) else { return };
        let Some(used) = path.first() else { return };
        let own = self.module();
        if used == own {
            return self.judge_inner(&path[1..], line);
        }
        if own == "lib" {
            return;
        }
        let message = match row(ROWS, used) {
            None => format!("`{own}` uses `crate::{used}`: name the module that it comes from"),
            Some(below) if row(ROWS, own) < Some(below) => return,
            Some(_) => format!("`{own}` may not use `{used}`, which is not below it"),
        };
        self.find(line, message);
    }

    /// Judge the path of something inside the same module: `names` begin below that.
    fn judge_inner(&mut self, names: &[String], line: usize) {
        let (module, own) = (self.module(), self.inner());
        let Some(rows) = inner_rows(module) else { return };
        // What is no file of the module stands in its `mod.rs`, or is given on there from somewhere.
        let used = names.first().filter(|name| row(rows, name).is_some()).map_or("mod", String::as_str);
        let is_below = row(rows, own) < row(rows, used);
        if used == own || is_below || EXCEPTIONS.contains(&(module, own, used)) {
            return;
        }
        let message = format!("`{module}/{own}` may not use `{module}/{used}`, which is not below it");
        self.find(line, message);
    }

    /// The whole path that these names lead to; none when it leads out of the crate.
    fn resolve(&self, names: &[String]) -> Option<Vec<String>> {
        let supers = names.iter().take_while(|name| *name == "super").count();
        match names.first()?.as_str() {
            "crate" => Some(names[1..].to_vec()),
            "super" => {
                let above = self.at.len().checked_sub(supers)?;
                Some([&self.at[..above], &names[supers..]].concat())
            }
            // In a `mod.rs`, its own files.
            name if self.at.len() == 1 && inner_rows(self.module()).is_some_and(|rows| row(rows, name).is_some()) => {
                Some([&self.at[..], names].concat())
            }
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

/// Whether a path begins in the module itself.
fn is_relative(tree: &syn::UseTree) -> bool {
    matches!(tree, syn::UseTree::Path(path) if path.ident != "crate" && path.ident != "super")
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
        // What a `mod.rs` gives on it does not use.
        let is_door = self.at.len() == 1 && !matches!(item.vis, syn::Visibility::Inherited);
        if is_test(&item.attrs) || is_door && inner_rows(self.module()).is_some() && is_relative(&item.tree) {
            return;
        }
        self.use_tree(&item.tree, &[]);
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
        let source = "use crate::{host::fs, id::Id, vm::shape};\nuse super::shape;\nuse std::fs;\n\
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
    fn inside_a_big_module_arrows_point_down_as_well() {
        let source = "use super::error::VmError;\nuse crate::vm::exec::ExecIo;\nuse super::plan::{self, Plan};";
        assert_eq!(lines("vm/run.rs", source), []);
        let found = violations(Path::new("vm/exec/line.rs"), "use crate::vm::run::RunRequest;");
        let message = "vm/exec/line.rs:1: `vm/exec` may not use `vm/run`, which is not below it";
        assert_eq!(found[0].to_string(), message);
        assert_eq!(lines("vm/exec/line.rs", "use super::super::run;\nuse super::command::begun;"), [1]);
        assert_eq!(lines("vm/exec/line.rs", "use crate::vm::VmError;"), [1], "from where it stands");
        assert_eq!(lines("vm/recover/reap.rs", "fn f() { super::super::lifecycle::open() }"), [1]);
        assert_eq!(lines("vm/paths.rs", "use super::shape;\nuse super::paths;"), [1], "sideways");
        assert_eq!(lines("store/schema.rs", "use super::Store;"), [1]);
        assert_eq!(lines("store/mod.rs", "use command::X;\npub use vm::Y;\nfn f() { schema::migrate() }"), [1]);
        let found = violations(Path::new("vm/helper.rs"), "");
        assert!(found[0].message.contains("`vm/helper` has no row"), "{found:?}");
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
