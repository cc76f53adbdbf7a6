//! Files of a crate do not use each other in a circle: each can be read after those that it uses.

use crate::uses::{Form, Use, module_of, resolved, uses};
use crate::{assert_none, read, root, rust_files};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The crates whose files are held to it.
const CRATES: &[&str] = &[
    "pyro-agent",
    "pyro-cli",
    "pyro-contract",
    "pyro-core",
    "pyro-mcp",
    "pyro-patch",
    "pyro-protocol",
    "pyro-python",
    "pyro-tree",
];

/// Circles that stay: the crate, its files, why.
const ALLOWED: &[(&str, &[&str], &str)] = &[];

type Module = Vec<String>;

/// The files of a crate by their modules.
struct Files {
    /// Each with its path below `src`, and what it uses.
    files: BTreeMap<Module, (String, Vec<Use>)>,
}

impl Files {
    fn new<'a>(sources: impl IntoIterator<Item = (&'a Path, String)>) -> Self {
        let file = |(path, source): (&Path, String)| {
            let uses = uses(path, &source).unwrap_or_else(|(line, message)| {
                panic!("{}:{line}: {message}", path.display());
            });
            (module_of(path), (path.display().to_string(), uses))
        };
        Self { files: sources.into_iter().map(file).collect() }
    }

    /// The module of the file that holds a module, and what of its path is left.
    fn holder<'a>(&self, module: &'a [String]) -> (&'a [String], &'a [String]) {
        let depth =
            (0..=module.len()).rev().find(|depth| self.files.contains_key(&module[..*depth]));
        module.split_at(depth.unwrap_or(0))
    }

    /// The file that has what a path leads to, through all `pub use`; none where it leads out of
    /// the crate. `seen` are the paths that it came by.
    fn target(&self, path: Module, seen: &mut BTreeSet<Module>) -> Option<Module> {
        if !seen.insert(path.clone()) {
            return None;
        }
        let (file, rest) = self.holder(&path);
        match rest.first().and_then(|name| self.import(file, name)) {
            Some(import) => {
                let path = self.path(import).map(|path| [&path, &rest[1..]].concat());
                path.and_then(|path| self.target(path, seen))
            }
            None => Some(file.to_vec()),
        }
    }

    /// The `use` by which a file has a name, for itself or for others.
    fn import(&self, file: &[String], name: &str) -> Option<&Use> {
        let (_, uses) = self.files.get(file)?;
        uses.iter().find(|one| match &one.form {
            Form::Import(known) | Form::Reexport(known) => known.as_deref() == Some(name),
            Form::Code | Form::Macro => false,
        })
    }

    /// The path from the crate's root that stands in a file; none where it leads out of the crate.
    fn path(&self, one: &Use) -> Option<Module> {
        if let Some(path) = resolved(&one.at, &one.names) {
            return Some(path);
        }
        let first = one.names.first()?;
        let here = [&one.at[..], &one.names].concat();
        let is_child = self.files.contains_key(&here[..=one.at.len()]);
        // A local variable may have a module's name.
        let is_module = is_child && (one.names.len() > 1 || matches!(one.form, Form::Import(_)));
        // What a file only hands on it may use as well.
        let is_known = !matches!(one.form, Form::Import(_) | Form::Reexport(_))
            && self.import(self.holder(&one.at).0, first).is_some();
        (is_module || is_known).then_some(here)
    }

    /// For each file those that it uses, with the first line that does.
    fn edges(&self) -> BTreeMap<&Module, BTreeMap<Module, usize>> {
        let mut all: BTreeMap<&Module, BTreeMap<Module, usize>> = BTreeMap::new();
        for (module, (_, uses)) in &self.files {
            let edges = all.entry(module).or_default();
            // What only hands a name on does not use it.
            for one in uses.iter().filter(|one| !matches!(one.form, Form::Reexport(_))) {
                let target =
                    self.path(one).and_then(|path| self.target(path, &mut BTreeSet::new()));
                if let Some(target) = target.filter(|target| target != module) {
                    edges.entry(target).or_insert(one.line);
                }
            }
        }
        all
    }

    fn name(&self, module: &Module) -> &str {
        self.files.get(module).map_or("", |(name, _)| name)
    }

    /// Each set of files that all use each other, with its shortest circle in words.
    fn circles(&self) -> Vec<(Vec<&str>, String)> {
        let edges = self.edges();
        let mut found: BTreeMap<Vec<&str>, String> = BTreeMap::new();
        for module in self.files.keys() {
            let Some(way) = way_back(&edges, module) else { continue };
            let below = reached(&edges, module);
            let all = below.iter().filter(|other| reached(&edges, other).contains(module));
            let all = all.map(|module| self.name(module)).collect();
            let steps = way.windows(2).map(|pair| {
                let line = edges.get(&pair[0]).and_then(|used| used.get(&pair[1]));
                format!(
                    "{}:{} uses {}",
                    self.name(&pair[0]),
                    line.unwrap_or(&0),
                    self.name(&pair[1])
                )
            });
            let told = steps.collect::<Vec<_>>().join(", ");
            let shortest = found.entry(all).or_insert_with(|| told.clone());
            if told.matches(" uses ").count() < shortest.matches(" uses ").count() {
                *shortest = told;
            }
        }
        found.into_iter().collect()
    }
}

/// All that a file uses, directly or not.
fn reached(edges: &BTreeMap<&Module, BTreeMap<Module, usize>>, from: &Module) -> BTreeSet<Module> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from.clone()]);
    while let Some(module) = next.pop() {
        for used in edges.get(&module).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(used.clone()) {
                next.push(used.clone());
            }
        }
    }
    reached
}

/// The shortest way from a file back to itself.
fn way_back(
    edges: &BTreeMap<&Module, BTreeMap<Module, usize>>,
    from: &Module,
) -> Option<Vec<Module>> {
    let (mut seen, mut ways) = (BTreeSet::new(), vec![vec![from.clone()]]);
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for used in edges.get(&way[way.len() - 1]).into_iter().flat_map(BTreeMap::keys) {
                let way = [&way[..], std::slice::from_ref(used)].concat();
                if used == from {
                    return Some(way);
                }
                if seen.insert(used.clone()) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let mut findings = Vec::new();
    for name in CRATES {
        let source = root().join("crates").join(name).join("src");
        let paths = rust_files(&source);
        let sources = paths
            .iter()
            .map(|path| (path.strip_prefix(&source).expect("it was found there"), read(path)));
        let files = Files::new(sources);
        let circles = files.circles();
        let is_allowed = |circle: &[&str]| {
            ALLOWED.iter().any(|(of, allowed, _)| of == name && *allowed == circle)
        };
        for (circle, way) in circles.iter().filter(|(circle, _)| !is_allowed(circle)) {
            findings.push(format!("{name}: {} are a circle: {way}", circle.join(", ")));
        }
        for (_, allowed, _) in ALLOWED.iter().filter(|(of, ..)| of == name) {
            if !circles.iter().any(|(circle, _)| circle == allowed) {
                let allowed = allowed.join(", ");
                findings.push(format!("{name}: {allowed} are no circle any more: take it off"));
            }
        }
    }
    assert_none(&findings);
}

#[cfg(test)]
mod tests {
    use super::Files;
    use std::path::Path;

    /// The circles among some files.
    fn circles(sources: &[(&str, &str)]) -> Vec<String> {
        let sources = sources.iter().map(|(path, source)| (Path::new(*path), (*source).to_owned()));
        Files::new(sources).circles().into_iter().map(|(_, way)| way).collect()
    }

    #[test]
    fn a_circle_is_found_and_each_step_named() {
        let found = circles(&[
            ("a.rs", "use crate::b::B;"),
            ("b/mod.rs", "\nfn f() { super::c::d::f() }"),
            ("c/d.rs", "fn f() { g!(x, crate::a::A) }"),
        ]);
        assert_eq!(found, ["a.rs:1 uses b/mod.rs, b/mod.rs:2 uses c/d.rs, c/d.rs:1 uses a.rs"]);
    }

    #[test]
    fn a_parent_that_uses_a_child_which_uses_it_is_a_circle() {
        let child = ("a/b.rs", "use super::Shared;");
        assert_eq!(circles(&[("a.rs", "mod b; fn f() { b::g() }"), child]).len(), 1);
        assert!(circles(&[("a.rs", "mod b; struct Shared;"), child]).is_empty());
    }

    #[test]
    fn a_name_that_is_handed_on_is_used_where_it_comes_from() {
        let facade = ("a/mod.rs", "mod b; mod c; pub(crate) use b::B;");
        let child = ("a/b.rs", "struct B;");
        assert!(circles(&[facade, child, ("a/c.rs", "use super::B;")]).is_empty());
        let through = ("a/b.rs", "use super::c::C;");
        assert_eq!(circles(&[facade, through, ("a/c.rs", "use super::B;")]).len(), 1);
        let own = ("a/mod.rs", "mod b; pub(crate) use b::B; fn f(_: B) {}");
        assert_eq!(circles(&[own, ("a/b.rs", "use super::f;")]).len(), 1);
    }

    #[test]
    fn tests_words_and_variables_do_not_count() {
        let source = "// crate::a\n#[cfg(test)]\nmod tests { use crate::a::A; }";
        assert!(circles(&[("a.rs", "use crate::b;"), ("b.rs", source)]).is_empty());
        let root = ("main.rs", "mod b; fn f(b: u8) -> u8 { b }");
        assert!(circles(&[root, ("b.rs", "use crate::f;")]).is_empty());
    }
}
