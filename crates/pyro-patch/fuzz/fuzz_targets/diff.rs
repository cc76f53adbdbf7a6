//! Any two contents: our diff leads from one to the other by our patch.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_patch::diff::{DiffBuilder, DiffOptions};
use pyro_patch::patch::{Action, PatchLimits, parse, resolve};
use pyro_patch::{Side, TreePath};

fuzz_target!(|input: (&[u8], Option<&[u8]>, &[u8])| {
    let (name, old, new) = input;
    let Ok(path) = TreePath::parse(name) else { return };
    let is_git = |name: &[u8]| name.eq_ignore_ascii_case(b".git");
    if path.is_root() || name.split(|byte| *byte == b'/').any(is_git) {
        return;
    }
    let (old, new) = (old.map(|old| Side::file(0o644, old)), Side::file(0o755, new));
    let mut builder = DiffBuilder::new(DiffOptions::default());
    builder.push(&path, old.as_ref(), Some(&new));
    let text = builder.finish().patch();
    let patch = parse(text.as_bytes(), &PatchLimits::default()).expect("our own diff is a patch");
    assert_eq!(patch.files().next().expect("one file").change.target(), &path);
    let before = old.clone().map(|old| (path.clone(), old)).into_iter().collect();
    let found = match resolve(&patch, &before).expect("it fits").actions.as_slice() {
        [Action::WriteFile { path: at, mode, bytes }] if *at == path => {
            Side::file(*mode, bytes.as_slice())
        }
        [Action::Chmod { path: at, mode }] if *at == path => {
            let bytes = old.as_ref().and_then(Side::blob).expect("a file");
            Side::file(*mode, bytes)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(found, new);
});
