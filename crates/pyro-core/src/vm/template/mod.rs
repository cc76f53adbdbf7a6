//! Templates: booted, paused vms without a disk, from which others start.
//!
//! A template's directory is `<cache>/templates/<key>/`: `ram` (mapped privately by every vm that starts from it),
//! `state` (the devices), `template.json` (what both were when they were saved) and `used` (its times are those of the
//! last start). It is never written to again, belongs to one boot of the host, and can be removed at any moment.

pub mod key;
pub mod save;
pub mod store;

pub use key::TemplateKey;
pub use store::{Template, TemplateStore};
