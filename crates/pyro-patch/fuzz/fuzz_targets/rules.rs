//! Any bytes as a file of ignore rules: judged within what it was said to cost.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_patch::git::Rules;

/// Rules that may cost more are not judged, as in a workspace, where there is a total.
const WORK: u64 = 1 << 24;

fuzz_target!(|input: (&[u8], &[u8], bool)| {
    let (text, path, is_dir) = input;
    let rules = Rules::parse(text);
    assert!(rules.count() <= 1 + text.iter().filter(|byte| **byte == b'\n').count());
    if rules.cost(path.len()) <= WORK {
        let judged = rules.judge(path, is_dir);
        assert_eq!(judged, rules.judge(path, is_dir));
    }
});
