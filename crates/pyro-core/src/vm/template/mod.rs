//! Templates: booted, paused vms from which others start.
//!
//! There are two kinds. A *bare* one has no disk mounted and serves every disk of its shape. A
//! *mounted* one has the disk that a new vm of one environment has, mounted and warm, and serves
//! the new vms of that environment: mounting is a third of an emulated start, since each vm's
//! processor translates that code anew.
//!
//! A template's directory is `<cache>/templates/<key>/`: `ram` (mapped privately by every vm that
//! starts from it), `state` (the devices), for a mounted one `layer.qcow2` (copied for each vm),
//! `template.json` (what they were when they were saved) and `used` (its times are those of the
//! last start). It is never written to again, belongs to one boot of the host, and can be removed
//! at any moment.

pub mod key;
pub mod save;
pub mod store;

pub use key::TemplateKey;
pub use store::{MakerLock, Template, TemplateStore};
