//! Any two contents: our diff leads from one to the other by our apply.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_core::workspace::diff::{DiffBuilder, DiffOptions};
use pyro_protocol::TreePath;
use pyro_core::workspace::patch::{PatchLimits, apply::apply, budget::Budget, parse::parse};
use pyro_core::workspace::side::Side;

fuzz_target!(|input: (&[u8], Option<&[u8]>, &[u8])| {
    let (name, old, new) = input;
    let Ok(path) = TreePath::parse(name) else { return };
    let (old, new) = (old.map(|old| Side::file(0o644, old)), Side::file(0o755, new));
    let mut builder = DiffBuilder::new(DiffOptions::default());
    builder.push(&path, old.as_ref(), Some(&new));
    if path.is_in_git_directory() {
        return;
    }
    let text = builder.finish().patch();
    let patch = parse(text.as_bytes(), &PatchLimits::default()).expect("our own diff is a patch");
    let file = patch.files().next().expect("one file");
    assert_eq!(file.change.target(), &path);
    let found = apply(file, old.as_ref(), &mut Budget::default());
    assert_eq!(found, Ok(Some(new)));
});
