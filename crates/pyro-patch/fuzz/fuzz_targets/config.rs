//! Any bytes as a file of git settings: refused, or settings that are read from what is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_patch::git::config;

fuzz_target!(|text: &[u8]| {
    let Some(settings) = config::parse(text) else { return };
    let written = config::write(&settings);
    assert_eq!(config::parse(&written).as_ref(), Some(&settings));
    assert_eq!(config::write(&settings), written);
});
