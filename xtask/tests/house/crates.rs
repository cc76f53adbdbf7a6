//! Which crate may use which other crate of the house.

use crate::{assert_none, read, root};
use std::collections::BTreeSet;

/// Each crate and the house's crates that its manifest may name outside `[dev-dependencies]`.
const CRATES: &[(&str, &[&str])] = &[
    ("pyro-cli", &["pyro-contract", "pyro-core", "pyro-mcp"]),
    ("pyro-mcp", &["pyro-contract", "pyro-core"]),
    ("pyro-python", &["pyro-contract", "pyro-core", "pyro-mcp"]),
    ("pyro-contract", &["pyro-core"]),
    ("pyro-core", &["pyro-patch", "pyro-protocol", "pyro-tree"]),
    ("pyro-agent", &["pyro-protocol", "pyro-tree"]),
    ("pyro-patch", &["pyro-protocol"]),
    ("pyro-tree", &["pyro-protocol"]),
    ("pyro-protocol", &[]),
];

/// The house's crates that a manifest may not name, given the table's row for it.
fn forbidden(manifest: &str, allowed: &[&str]) -> BTreeSet<String> {
    let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
    let sections = ["dependencies", "build-dependencies"]
        .into_iter()
        .filter_map(|name| manifest.get(name)?.as_table());
    let names = sections.flat_map(|section| section.keys());
    names
        .filter(|name| name.starts_with("pyro-") && !allowed.contains(&name.as_str()))
        .cloned()
        .collect()
}

#[test]
fn every_crate_stands_in_the_table_and_uses_what_it_may() {
    let mut findings = Vec::new();
    for member in crate::entries(&root().join("crates")) {
        let name = member.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((_, allowed)) = CRATES.iter().find(|(listed, _)| *listed == name) else {
            findings.push(format!("crates/{name} has no row in xtask/tests/house/crates.rs"));
            continue;
        };
        for used in forbidden(&read(&member.join("Cargo.toml")), allowed) {
            findings.push(format!("crates/{name}/Cargo.toml: {name} may not use {used}"));
        }
    }
    assert_none(&findings);
}

#[test]
fn a_crate_out_of_line_is_found() {
    let manifest = "[dependencies]\npyro-core.workspace = true\nserde = \"1\"\n[dev-dependencies]\npyro-cli = \"1\"\n";
    assert_eq!(forbidden(manifest, &["pyro-protocol"]), BTreeSet::from(["pyro-core".to_owned()]));
    assert!(forbidden(manifest, &["pyro-core"]).is_empty());
}
