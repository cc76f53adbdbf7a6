//! Any bytes as a patch in the form of Codex, and on a file: refused or applied, within bounds,
//! never to a path outside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_patch::patch::{Action, PatchLimits, Plan, parse, resolve};
use pyro_patch::{Side, TreePath};

fuzz_target!(|input: (&[u8], &[u8])| {
    let (chunks, file) = input;
    let text = [b"*** Begin Patch\n*** Update File: f\n", chunks, b"\n*** End Patch\n"].concat();
    let Ok(patch) = parse(&text, &PatchLimits::default()) else { return };
    let plan = Plan::of(&patch);
    for path in plan.reads.iter().chain(&plan.parents) {
        assert!(is_inside(path));
    }
    let sides = plan.reads.iter().map(|path| (path.clone(), Side::file(0o644, file))).collect();
    match resolve(&patch, &sides) {
        Err(rejected) => assert!(!rejected.to_string().contains('\x1b')),
        Ok(resolution) => {
            for action in resolution.actions {
                if let Action::WriteFile { bytes, .. } = action {
                    assert!(bytes.len() <= file.len() + text.len());
                }
            }
        }
    }
});

/// Whether a path leads to something below the root of its tree.
fn is_inside(path: &TreePath) -> bool {
    let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..") && !name.contains(&0);
    path.as_bytes().split(|byte| *byte == b'/').all(is_name)
}
