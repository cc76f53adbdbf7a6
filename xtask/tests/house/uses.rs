//! What a file of a crate uses: every path in its code, tests aside.

use proc_macro2::{TokenStream, TokenTree};
use std::path::Path;
use syn::visit::{self, Visit};

/// A path that a file's code names.
#[derive(Debug)]
pub(crate) struct Use {
    /// The module that it stands in.
    pub(crate) at: Vec<String>,
    /// Its names, as they are written.
    pub(crate) names: Vec<String>,
    /// The line of its last name.
    pub(crate) line: usize,
    /// What form it has.
    pub(crate) form: Form,
}

/// In which form code names a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `use`: the name under which it is known from there on; none for a `*`.
    Import(Option<String>),
    /// `pub use`, with any visibility.
    Reexport(Option<String>),
    /// Anything else.
    Code,
    /// The arguments of a macro, which are not parsed as Rust.
    Macro,
}

/// Module path of a file, from its path below `src`: `vm/run.rs` is `["vm", "run"]`, and that of a
/// crate's root is `[]`.
pub(crate) fn module_of(file: &Path) -> Vec<String> {
    let file = file.with_extension("");
    let mut names: Vec<String> =
        file.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let is_root = names.len() == 1 && ["lib", "main"].contains(&names[0].as_str());
    if is_root || names.last().is_some_and(|last| last == "mod") {
        names.pop();
    }
    names
}

/// Every path that a file names; what is wrong where it is not Rust. `file` is its path below
/// `src`.
pub(crate) fn uses(file: &Path, source: &str) -> Result<Vec<Use>, (usize, String)> {
    let parsed = syn::parse_file(source)
        .map_err(|error| (error.span().start().line, format!("not Rust: {error}")))?;
    let mut reader = Reader { at: module_of(file), found: Vec::new() };
    reader.visit_file(&parsed);
    Ok(reader.found)
}

/// The names of a path from the root of its crate; none when it may lead out of it.
pub(crate) fn resolved(at: &[String], names: &[String]) -> Option<Vec<String>> {
    let supers = names.iter().take_while(|name| *name == "super").count();
    match names.first()?.as_str() {
        "crate" => Some(names[1..].to_vec()),
        "self" => Some([at, &names[1..]].concat()),
        "super" => Some([&at[..at.len().checked_sub(supers)?], &names[supers..]].concat()),
        _ => None,
    }
}

struct Reader {
    /// Where in the module tree the visit is.
    at: Vec<String>,
    found: Vec<Use>,
}

impl Reader {
    fn find(&mut self, names: Vec<String>, line: usize, form: Form) {
        self.found.push(Use { at: self.at.clone(), names, line, form });
    }

    fn use_tree(
        &mut self,
        tree: &syn::UseTree,
        before: &[String],
        form: fn(Option<String>) -> Form,
    ) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&path.tree, &with(&path.ident), form),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.use_tree(item, before, form));
            }
            syn::UseTree::Name(name) => {
                let line = name.ident.span().start().line;
                let known = [name.ident.to_string()];
                // `use a::{self}` is `use a`.
                let (names, known) = match known[0] == "self" {
                    true => (before.to_vec(), before.last().cloned()),
                    false => (with(&name.ident), Some(known[0].clone())),
                };
                self.find(names, line, form(known));
            }
            syn::UseTree::Rename(name) => {
                let line = name.ident.span().start().line;
                self.find(with(&name.ident), line, form(Some(name.rename.to_string())));
            }
            syn::UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                self.find(before.to_vec(), line, form(None));
            }
        }
    }

    /// Look for paths among tokens.
    fn tokens(&mut self, stream: TokenStream) {
        let (mut names, mut line, mut colons) = (Vec::new(), 0, 0);
        for token in stream {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end(&mut names, line);
                    }
                    (line, colons) = (ident.span().start().line, 0);
                    names.push(ident.to_string());
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.end(&mut names, line);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.end(&mut names, line);
    }

    fn end(&mut self, names: &mut Vec<String>, line: usize) {
        if !names.is_empty() {
            self.find(std::mem::take(names), line, Form::Macro);
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
            let form = match item.vis {
                syn::Visibility::Inherited => Form::Import,
                _ => Form::Reexport,
            };
            self.use_tree(&item.tree, &[], form);
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
        let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some(last) = path.segments.last() {
            self.find(names, last.ident.span().start().line, Form::Code);
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
