//! Arrows point down: a module of `pyro-core` uses only modules of rows below its own.

use crate::uses::{Use, module_of, resolved, uses};
use crate::{assert_none, read, root, rust_files, shown};
use std::fmt;
use std::path::Path;

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

/// Every use of a module that this file may not use. `file` is its path below `src`.
fn violations(file: &Path, source: &str) -> Vec<Violation> {
    let at = module_of(file);
    let own = at.first().map_or("lib", String::as_str);
    let shown = file.display().to_string();
    let violation = |line, message| Violation { file: shown.clone(), line, message };
    if row(own).is_none() {
        let message = format!("module `{own}` has no row in xtask/tests/house/layers.rs");
        return vec![violation(1, message)];
    }
    match uses(file, source) {
        Ok(uses) => uses.iter().filter_map(|found| Some(violation(found.line, judged(own, &used(found)?)?))).collect(),
        Err((line, message)) => vec![violation(line, message)],
    }
}

/// What is wrong with a module that uses another one.
fn judged(own: &str, used: &str) -> Option<String> {
    if used == own || own == "lib" {
        return None;
    }
    match row(used) {
        None => Some(format!("`{own}` uses `crate::{used}`: name the module that it comes from")),
        Some(below) if row(own) < Some(below) => None,
        Some(_) => Some(format!("`{own}` may not use `{used}`, which is not below it")),
    }
}

/// The top module that a path leads to; none when it leads out of the crate or stays where it is.
fn used(found: &Use) -> Option<String> {
    let is_outward = found.names.first().is_some_and(|first| first == "crate" || first == "super");
    resolved(&found.at, &found.names).filter(|_| is_outward)?.into_iter().next()
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
