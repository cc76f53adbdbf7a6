//! Any bytes as git's index: none, or names within their room, each of them found.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_patch::git::Index;

const ROOM: usize = 1 << 20;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (bytes, name) = input;
    let index = [b"DIRC\0\0\0".as_slice(), bytes].concat();
    let Some(index) = Index::parse_within(&index, ROOM) else { return };
    let submodules = index.submodules.clone();
    let tracked = index.tracked(None);
    assert!(tracked.size() <= ROOM);
    assert!(submodules.iter().all(|name| name.is_empty() || tracked.has(name)));
    let _ = (tracked.has(name), tracked.has_below(name));
});
