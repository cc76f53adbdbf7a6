//! Any bytes as tree records: each is understood, said again and understood as the same, or a typed
//! error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyro_protocol::tree::{Batch, Record, Records};
use pyro_protocol::tree_path;

fuzz_target!(|bytes: &[u8]| {
    for record in Records::new(bytes).flatten() {
        if let Record::Entry { path, .. } | Record::Path(path) = &record {
            assert!(tree_path::check(path).is_ok());
        }
        let mut batch = Batch::default();
        batch.record(&record);
        assert_eq!(Records::new(batch.payload()).next(), Some(Ok(record)));
    }
});
