//! `cargo xtask check`: what can be held without a guest.

use crate::cargo::{answers, cargo, finish};
use crate::{Result, system, test};
use std::collections::BTreeSet;
use std::path::Path;

/// The end-to-end binary that starts real guests; it runs in `cargo xtask test` only.
const GUEST_TESTS: &str = "guest";

/// Checks that are not tests.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) failed: Vec<String>,
    pub(crate) skipped: Vec<String>,
}

impl Findings {
    /// Add what somebody else found.
    pub(crate) fn add(&mut self, other: Self) {
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
    }
}

pub(crate) fn check() -> Result {
    let findings = without_tests();
    let mut args: Vec<String> =
        ["test", "--workspace", "--no-fail-fast", "--locked", "--lib", "--bins"]
            .map(str::to_owned)
            .into();
    // `--lib` would link a test of it, for which there is no interpreter.
    args.extend(["--exclude", "pyro-python"].map(str::to_owned));
    for name in test_targets(&crate::cargo::root()).into_iter().filter(|name| name != GUEST_TESTS) {
        args.extend(["--test".to_owned(), name]);
    }
    test::close(findings, test::run_tests(cargo(args))?)
}

/// Format, clippy, documentation and licences; all of them run, whatever the first one says.
pub(crate) fn without_tests() -> Findings {
    let mut findings = Findings::default();
    let mut step = |name: &str, tool: &[&str], args: &[&str], hint: &str| {
        if !answers(&mut cargo(tool)) {
            findings.skipped.push(format!("{name}: not installed; {hint}"));
        } else if let Err(error) = finish(name, cargo(args).env("RUSTDOCFLAGS", "-D warnings")) {
            findings.failed.push(error);
        }
    };
    let formatter = (&["fmt", "--version"], "rustup component add rustfmt");
    step("cargo fmt", formatter.0, &["fmt", "--all", "--check"], formatter.1);
    // A workspace of its own.
    let fuzz = ["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"];
    step("cargo fmt of fuzz", formatter.0, &fuzz, formatter.1);
    let clippy =
        ["clippy", "--quiet", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    step("cargo clippy", &["clippy", "--version"], &clippy, "rustup component add clippy");
    let doc = ["doc", "--quiet", "--workspace", "--no-deps", "--locked"];
    step("cargo doc", &["doc", "--help"], &doc, "rustup component add rustc");
    // Building cargo-deny takes longer than everything else here: it runs where someone has it.
    // Advisories need a database from the network, so they are a person's `cargo deny check`, not a
    // step that fails offline.
    let deny = ["deny", "--locked", "check", "bans", "licenses", "sources"];
    if system::find("cargo-deny").is_some() {
        step("cargo deny", &["deny", "--version"], &deny, "");
    } else {
        findings
            .skipped
            .push("cargo deny: not installed; cargo install --locked cargo-deny".to_owned());
    }
    findings
}

/// Names of the integration tests of all members: `tests/NAME.rs` and `tests/NAME/main.rs`.
fn test_targets(root: &Path) -> BTreeSet<String> {
    let members = list(&root.join("crates")).into_iter().chain([root.join("xtask")]);
    let entries = members.flat_map(|member| list(&member.join("tests")));
    let targets = entries.filter(|entry| {
        entry.extension().is_some_and(|end| end == "rs") || entry.join("main.rs").is_file()
    });
    targets.filter_map(|entry| Some(entry.file_stem()?.to_str()?.to_owned())).collect()
}

fn list(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::test_targets;

    #[test]
    fn own_test_binaries_are_found() {
        let targets = test_targets(&crate::cargo::root());
        assert!(targets.contains("house"), "{targets:?}");
    }
}
