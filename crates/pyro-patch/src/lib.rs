//! Diffs and patches of trees as values: nothing here reads or writes a file.
//!
//! A tree is whatever says what is at a [`TreePath`]: a [`Side`]. A patch is read, it names what it
//! depends on, and it is decided as a whole before anything is written; a diff is made of the two
//! sides of each path.
//!
//! ```
//! use pyro_patch::diff::{DiffBuilder, DiffOptions};
//! use pyro_patch::patch::{Action, PatchLimits, Plan, parse, resolve};
//! use pyro_patch::{Side, TreePath};
//! use std::collections::BTreeMap;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let greeting = TreePath::parse(b"greeting")?;
//! let mut tree = BTreeMap::from([(greeting.clone(), Side::file(0o644, "hello\n"))]);
//!
//! // Apply a patch: read it, look up what it depends on, decide it, then do what it says.
//! let text = b"--- a/greeting\n+++ b/greeting\n@@ -1 +1 @@\n-hello\n+good morning\n";
//! let patch = parse(text, &PatchLimits::default())?;
//! let plan = Plan::of(&patch);
//! let before: BTreeMap<_, _> = plan
//!     .reads
//!     .iter()
//!     .filter_map(|path| Some((path.clone(), tree.get(path)?.clone())))
//!     .collect();
//! for action in resolve(&patch, &before)?.actions {
//!     match action {
//!         Action::WriteFile { path, mode, bytes } => {
//!             tree.insert(path, Side::file(mode, bytes));
//!         }
//!         other => unreachable!("the patch changes one file: {other:?}"),
//!     }
//! }
//! assert_eq!(tree[&greeting], Side::file(0o644, "good morning\n"));
//!
//! // Make a diff of what was there and what is there now: it is the same patch, as git writes it.
//! let mut diff = DiffBuilder::new(DiffOptions::default());
//! diff.push(&greeting, before.get(&greeting), tree.get(&greeting));
//! assert!(diff.finish().patch().ends_with(std::str::from_utf8(text)?));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod diff;
pub mod git;
pub mod patch;
mod side;

pub use pyro_protocol::TreePath;
pub use side::{ArtifactType, Content, Side};
