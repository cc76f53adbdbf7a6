//! The surface of `pyro-core` is its root, and stays small.

use crate::uses::{Use, uses};
use crate::{assert_none, read, root, rust_files, shown};
use std::path::Path;
use syn::{Attribute, Item, UseTree, Visibility};

/// Names that a user of `pyro-core` can reach are fewer than this.
const LIMIT: usize = 250;

/// What the root of a crate offers.
#[derive(Default)]
struct Surface {
    /// Paths of the names below the root, in the order of the file: items, and the namespaces that
    /// hold some. Not counted are methods, associated functions, fields and variants: a reader
    /// meets them on the page of their type.
    names: Vec<String>,
    /// What makes names impossible to count.
    findings: Vec<String>,
}

impl Surface {
    /// Read the source of a root.
    fn of(source: &str) -> Self {
        let mut surface = Self::default();
        surface.items("", &syn::parse_file(source).expect("a root is Rust").items);
        surface
    }

    fn items(&mut self, below: &str, items: &[Item]) {
        for item in items {
            let Some((visibility, attributes)) = outside(item) else { continue };
            if !matches!(visibility, Visibility::Public(_)) || is_hidden(attributes) {
                continue;
            }
            match item {
                Item::Use(item) => self.tree(below, &item.tree),
                Item::Mod(module) => {
                    let name = format!("{below}{}", module.ident);
                    match &module.content {
                        Some((_, items)) => self.items(&format!("{name}::"), items),
                        None => self.findings.push(format!(
                            "module `{name}` is public: re-export what is needed of it"
                        )),
                    }
                    self.names.push(name);
                }
                item => self.names.extend(named(item).map(|name| format!("{below}{name}"))),
            }
        }
    }

    fn tree(&mut self, below: &str, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.tree(below, &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(below, tree)),
            UseTree::Name(name) => self.names.push(format!("{below}{}", name.ident)),
            UseTree::Rename(name) => self.names.push(format!("{below}{}", name.rename)),
            UseTree::Glob(_) => {
                self.findings.push("a `*` is re-exported: name what is needed".to_owned());
            }
        }
    }
}

/// Who may use an item, and its attributes; none for what has no name of its own.
fn outside(item: &Item) -> Option<(&Visibility, &[Attribute])> {
    Some(match item {
        Item::Const(item) => (&item.vis, &item.attrs),
        Item::Enum(item) => (&item.vis, &item.attrs),
        Item::Fn(item) => (&item.vis, &item.attrs),
        Item::Mod(item) => (&item.vis, &item.attrs),
        Item::Static(item) => (&item.vis, &item.attrs),
        Item::Struct(item) => (&item.vis, &item.attrs),
        Item::Trait(item) => (&item.vis, &item.attrs),
        Item::Type(item) => (&item.vis, &item.attrs),
        Item::Use(item) => (&item.vis, &item.attrs),
        _ => return None,
    })
}

fn named(item: &Item) -> Option<&syn::Ident> {
    Some(match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    })
}

/// Whether documentation leaves it out: it is for the house's own programs and tests.
fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("doc")
            && attribute.parse_args::<syn::Path>().is_ok_and(|word| word.is_ident("hidden"))
    })
}

#[test]
fn core_offers_few_names() {
    let surface = Surface::of(&read(&root().join("crates/pyro-core/src/lib.rs")));
    let mut findings = surface.findings;
    let count = surface.names.len();
    println!("pyro-core offers {count} names");
    if count >= LIMIT {
        findings.push(format!("pyro-core offers {count} names, {LIMIT} or more"));
    }
    assert_none(&findings);
}

/// Whether code of another crate uses what is for tests.
fn is_for_tests(found: &Use) -> bool {
    found.names.iter().zip(["pyro_core", "testing"]).filter(|(name, part)| name == part).count()
        == 2
}

#[test]
fn other_crates_use_what_is_for_tests_only_in_tests() {
    let mut findings = Vec::new();
    for member in ["pyro-cli", "pyro-contract", "pyro-mcp", "pyro-python"] {
        let source = root().join("crates").join(member).join("src");
        for file in rust_files(&source) {
            let below = file.strip_prefix(&source).expect("it was found there");
            let uses = uses(below, &read(&file)).expect("it is Rust");
            findings.extend(uses.iter().filter(|found| is_for_tests(found)).map(|found| {
                format!("{}:{}: `pyro_core::testing` is for tests", shown(&file), found.line)
            }));
        }
    }
    assert_none(&findings);
}

#[test]
fn a_use_of_what_is_for_tests_is_found() {
    let count = |source| {
        let uses = uses(Path::new("a.rs"), source).expect("it is Rust");
        uses.iter().filter(|found| is_for_tests(found)).count()
    };
    assert_eq!(
        count("use pyro_core::{Id, testing::Store};\nfn f() { pyro_core::testing::f() }"),
        2
    );
    assert_eq!(
        count("use pyro_core::Id;\n#[cfg(test)]\nmod tests { use pyro_core::testing::A; }"),
        0
    );
}

#[test]
fn names_are_counted_as_a_user_meets_them() {
    let surface = Surface::of(
        "mod a; pub use a::{b::C, D as E}; use a::F; pub(crate) use a::G; pub fn h() {}\n\
         #[doc(hidden)] pub use a::I; #[doc(hidden)] pub mod j; #[doc = \"K\"] pub struct K;\n\
         pub mod l { pub use crate::a::M; fn n() {} }",
    );
    assert_eq!(surface.names, ["C", "E", "h", "K", "l::M", "l"]);
    assert!(surface.findings.is_empty(), "{:?}", surface.findings);
}

#[test]
fn what_cannot_be_counted_is_found() {
    assert_eq!(Surface::of("pub mod a; pub use b::*;").findings.len(), 2);
}
