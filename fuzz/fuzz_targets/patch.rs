//! Any bytes as a patch, and on a file: refused or applied, within bounds, never to a path outside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_core::workspace::patch::{PatchLimits, Plan, parse::parse, resolve::resolve};
use pyro_core::workspace::side::Side;

fuzz_target!(|input: (&[u8], &[u8], bool)| {
    let (text, file, there) = input;
    let Ok(patch) = parse(text, &PatchLimits::default()) else { return };
    let plan = Plan::of(&patch);
    for path in plan.reads.iter().chain(&plan.parents) {
        let path = path.as_bytes();
        assert!(path.split(|byte| *byte == b'/').all(|name| !matches!(name, b"" | b"." | b"..") && !name.contains(&0)));
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
