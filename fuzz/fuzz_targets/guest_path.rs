//! Any bytes as a guest path: a normal path below the root, or a typed error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_protocol::GuestPath;

fuzz_target!(|bytes: &[u8]| {
    let Ok(path) = GuestPath::parse(bytes) else { return };
    let path = path.as_bytes();
    assert!(path.starts_with(b"/") && path.len() <= bytes.len() && !path.contains(&0));
    assert!(
        path == b"/"
            || path[1..]
                .split(|byte| *byte == b'/')
                .all(|part| !matches!(part, b"" | b"." | b".."))
    );
    assert_eq!(GuestPath::parse(path).expect("a normal path").as_bytes(), path);
});
