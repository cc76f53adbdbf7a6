//! Arrows point down: a module of `pyro-core` uses only modules of rows below its own, and so do
//! the files inside the big modules.

use crate::inner_rows::{EXCEPTIONS, INNER};
use crate::uses::{Form, Use, module_of, resolved, uses};
use crate::{assert_none, read, root, rust_files, shown};
use std::fmt;
use std::path::Path;

/// The modules of `pyro-core`, top to bottom. Modules of one row do not use each other.
const ROWS: &[&[&str]] = &[
    &["lib"],
    &["testing"],
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
    &["backing", "execution_mode", "id", "redaction", "service_name", "snapshot_name", "timestamp"],
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

/// Every use of a module that this file may not use. `file` is its path below `src`.
fn violations(file: &Path, source: &str) -> Vec<Violation> {
    let at = module_of(file);
    let shown = file.display().to_string();
    let violation = |line, message| Violation { file: shown.clone(), line, message };
    if let Some(message) = without_row(&at) {
        return vec![violation(1, message)];
    }
    // A file of tests may reach for whatever it needs.
    if file.ends_with("tests.rs") {
        return Vec::new();
    }
    match uses(file, source) {
        Ok(uses) => {
            uses.iter().filter_map(|found| Some(violation(found.line, judged(found)?))).collect()
        }
        Err((line, message)) => vec![violation(line, message)],
    }
}

/// The module that code stands in.
fn module(at: &[String]) -> &str {
    at.first().map_or("lib", String::as_str)
}

/// The file or directory inside the module; `mod` for the module's own `mod.rs`.
fn inner(at: &[String]) -> &str {
    at.get(1).map_or("mod", String::as_str)
}

/// That a file has no row, if so.
fn without_row(at: &[String]) -> Option<String> {
    let (module, inner) = (module(at), inner(at));
    if row(ROWS, module).is_none() {
        return Some(format!("module `{module}` has no row in xtask/tests/house/layers.rs"));
    }
    let rows = inner_rows(module).filter(|_| inner != "tests")?;
    row(rows, inner)
        .is_none()
        .then(|| format!("`{module}/{inner}` has no row in xtask/tests/house/inner_rows.rs"))
}

/// What is wrong with a use.
fn judged(found: &Use) -> Option<String> {
    let (own, path) = (module(&found.at), used(found)?);
    let used = path.first()?.as_str();
    if used == own {
        return judged_inside(found, &path[1..]);
    }
    if own == "lib" {
        return None;
    }
    match row(ROWS, used) {
        None => Some(format!("`{own}` uses `crate::{used}`: name the module that it comes from")),
        Some(below) if row(ROWS, own) < Some(below) => None,
        Some(_) => Some(format!("`{own}` may not use `{used}`, which is not below it")),
    }
}

/// What is wrong with a use of something inside the same module: `names` begin below that.
fn judged_inside(found: &Use, names: &[String]) -> Option<String> {
    let (module, own) = (module(&found.at), inner(&found.at));
    let rows = inner_rows(module)?;
    // What a `mod.rs` gives on it does not use.
    if found.at.len() == 1 && matches!(found.form, Form::Reexport(_)) {
        return None;
    }
    // What is no file of the module stands in its `mod.rs`, or is given on there from somewhere.
    let used = names.first().filter(|name| row(rows, name).is_some()).map_or("mod", String::as_str);
    let is_below = row(rows, own) < row(rows, used);
    let is_fine = used == own || is_below || EXCEPTIONS.contains(&(module, own, used));
    (!is_fine)
        .then(|| format!("`{module}/{own}` may not use `{module}/{used}`, which is not below it"))
}

/// The whole path that a use leads to; none when it leads out of the crate.
fn used(found: &Use) -> Option<Vec<String>> {
    let first = found.names.first()?.as_str();
    if first == "crate" || first == "super" {
        return resolved(&found.at, &found.names);
    }
    // In a `mod.rs`, its own files.
    let is_own = found.at.len() == 1
        && inner_rows(module(&found.at)).is_some_and(|rows| row(rows, first).is_some());
    is_own.then(|| [&found.at[..], &found.names].concat())
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
        assert_eq!(
            lines(
                "vm.rs",
                "use self::state::State; mod state { use super::super::engine; use super::X; }"
            ),
            []
        );
        assert_eq!(lines("lib.rs", "pub mod vm; pub use vm::Vm; pub use crate::pyro::Pyro;"), []);
    }

    #[test]
    fn upwards_and_sideways_is_found_in_every_form() {
        let found = violations(Path::new("store/mod.rs"), "//! Rows.\nuse crate::vm::Vm;\n");
        assert_eq!(
            found[0].to_string(),
            "store/mod.rs:2: `store` may not use `vm`, which is not below it"
        );
        assert_eq!(found.len(), 1);
        assert_eq!(
            lines("engine/qemu/argv.rs", "use crate::{\n  host::fs,\n  guest::{self, client},\n};"),
            [3, 3]
        );
        assert_eq!(lines("host/fs.rs", "fn f() {\n  let _ = crate::store::open();\n}"), [2]);
        assert_eq!(lines("host/fs.rs", "fn f(_: &crate::store::Store) {}"), [1]);
        assert_eq!(lines("host/fs.rs", "use super::super::store::Store;"), [1]);
        assert_eq!(lines("host/mod.rs", "use super::store::*;"), [1]);
        assert_eq!(lines("host/fs.rs", "fn f() { println!(\"{}\",\n crate::vm::count()); }"), [2]);
        assert_eq!(
            lines("id.rs", "macro_rules! m { () => { ($crate::vm::x(), f(crate::store::y)) } }"),
            [1, 1]
        );
    }

    #[test]
    fn inside_a_big_module_arrows_point_down_as_well() {
        let source = "use super::error::VmError;\nuse crate::vm::exec::ExecIo;\nuse super::plan::{self, Plan};";
        assert_eq!(lines("vm/run.rs", source), []);
        let found = violations(Path::new("vm/exec/line.rs"), "use crate::vm::run::RunRequest;");
        let message = "vm/exec/line.rs:1: `vm/exec` may not use `vm/run`, which is not below it";
        assert_eq!(found[0].to_string(), message);
        assert_eq!(
            lines("vm/exec/line.rs", "use super::super::run;\nuse super::command::begun;"),
            [1]
        );
        assert_eq!(
            lines("vm/exec/line.rs", "use crate::vm::VmError;"),
            [1],
            "from where it stands"
        );
        assert_eq!(lines("vm/recover/reap.rs", "fn f() { super::super::lifecycle::open() }"), [1]);
        assert_eq!(lines("vm/paths.rs", "use super::shape;\nuse super::paths;"), [1], "sideways");
        assert_eq!(lines("store/schema.rs", "use super::Store;"), [1]);
        assert_eq!(
            lines("store/mod.rs", "use command::X;\npub use vm::Y;\nfn f() { schema::migrate() }"),
            [1]
        );
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
