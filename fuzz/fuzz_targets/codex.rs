//! Any bytes as a patch in the form of Codex, and on a file: refused or applied, within bounds, never to a path outside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_core::workspace::patch::{Action, PatchLimits, Plan, parse::parse, resolve::resolve};
use pyro_core::workspace::side::Side;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (chunks, file) = input;
    let text = [b"*** Begin Patch\n*** Update File: f\n", chunks, b"\n*** End Patch\n"].concat();
    let Ok(patch) = parse(&text, &PatchLimits::default()) else { return };
    let plan = Plan::of(&patch);
    for path in plan.reads.iter().chain(&plan.parents) {
        let path = path.as_bytes();
        assert!(path.split(|byte| *byte == b'/').all(|name| !matches!(name, b"" | b"." | b"..") && !name.contains(&0)));
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
