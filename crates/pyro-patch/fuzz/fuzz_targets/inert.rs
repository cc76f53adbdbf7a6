//! Any bytes as a file of a git directory: what is left of it runs nothing, looked at again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_patch::git::BareRepositories;
use pyro_patch::git::inert::{Kept, Node, Verdict, judge, keep};

fuzz_target!(|input: (&[u8], &[u8], &[u8])| {
    let (root, path, text) = input;
    let bare = BareRepositories::default().judge(path, Node::File);
    for verdict in bare.into_iter().chain([judge(root, path, Node::File)]) {
        let Verdict::Look(look) = verdict else { continue };
        if let Kept::Part(left, why) = keep(look, text) {
            assert_eq!(keep(look, &left), Kept::Whole);
            assert!(why.chars().all(|char| !char.is_control()), "{why:?}");
        }
    }
});
