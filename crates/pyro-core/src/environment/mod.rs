//! Environments: the named bases that vms boot from, installed on this machine.
//!
//! An environment comes from an `Origin`; the one that there is builds images from Debian's signed
//! packages (`debian/`). What follows is the same for every origin: `image/` and `kernel/` store
//! what was built under its digest.
//!
//! [`EnvironmentStore`] is the door. The cache holds
//! `linux-x86_64/<name>-<version>/environment.json` (one per installed environment, the only truth
//! about it), `images/<digest>/` and `kernels/<digest>/` (never written to again), `initramfs/` and
//! `downloads/` (both can be made again), and `install.lock`.

mod catalog;
mod debian;
mod digest;
mod error;
mod image;
mod initramfs;
mod install;
mod kernel;
mod missing_program;
mod partial;
mod programs;
mod progress;
mod prune;
mod record;
mod reference;
mod store;

pub use catalog::{CATALOG_VERSION, PLATFORM, catalog};
pub use error::EnvironmentError;
pub use initramfs::Agent;
pub use kernel::KernelAccel;
pub use missing_program::MissingProgram;
pub use programs::find_missing_program;
pub use progress::{InstallStage, Progress};
pub use reference::Environment;
pub use store::{EnvironmentInfo, EnvironmentStore, Installed, InstalledInfo};
