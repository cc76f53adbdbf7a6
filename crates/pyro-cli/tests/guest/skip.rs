//! Tests that cannot run here say so, and fail where they must not be skipped.

use std::io::Write;

/// Say why the calling test does not run; with `PYRO_TEST_STRICT=1` that is a failure.
pub fn skip(reason: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    assert!(
        std::env::var_os("PYRO_TEST_STRICT").is_none_or(|strict| strict != "1"),
        "{test} cannot run: {reason}"
    );
    println!("skipped: {test}: {reason}");
    if let Some(path) = std::env::var_os("PYRO_TEST_SKIPS") {
        let file = std::fs::File::options().append(true).create(true).open(path);
        file.and_then(|mut file| writeln!(file, "{test}: {reason}"))
            .expect("PYRO_TEST_SKIPS names a writable file");
    }
}
