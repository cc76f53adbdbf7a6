//! Any bytes as an archive: records with sound paths, or a typed error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_core::testing::tar::{TarError, send};
use pyro_protocol::tree::{Batch, Record, Records};
use pyro_protocol::tree_path;

fuzz_target!(|bytes: &[u8]| {
    let _ = send(bytes, |batch: Batch| {
        for record in Records::new(batch.payload()) {
            if let Record::Entry { path, .. } = record.expect("our own record") {
                assert!(tree_path::check(path).is_ok());
            }
        }
        Ok::<(), TarError>(())
    });
});
