//! Any bytes as a patch, and on a file: refused or applied, within bounds, never to a path outside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_patch::patch::{PatchLimits, Plan, parse, resolve};
use pyro_patch::{Side, TreePath};

fuzz_target!(|input: (&[u8], &[u8], bool)| {
    let (text, file, there) = input;
    let Ok(patch) = parse(text, &PatchLimits::default()) else { return };
    let plan = Plan::of(&patch);
    for path in plan.reads.iter().chain(&plan.parents) {
        assert!(is_inside(path));
    }
    let sides = if there {
        plan.reads.iter().map(|path| (path.clone(), Side::file(0o644, file))).collect()
    } else {
        Default::default()
    };
    if let Err(rejected) = resolve(&patch, &sides) {
        assert!(!rejected.to_string().contains('\x1b'));
    }
});

/// Whether a path leads to something below the root of its tree.
fn is_inside(path: &TreePath) -> bool {
    let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..") && !name.contains(&0);
    path.as_bytes().split(|byte| *byte == b'/').all(is_name)
}
