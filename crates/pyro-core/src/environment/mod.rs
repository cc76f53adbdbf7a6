//! Environments: the named bases that vms boot from, installed on this machine from Debian's signed packages.
//!
//! [`EnvironmentStore`] is the door. The cache holds
//! `linux-x86_64/<name>-<version>/environment.json` (one per installed environment, the only truth about it),
//! `images/<digest>/` and `kernels/<digest>/` (never written to again), `initramfs/` and `downloads/` (both can be made
//! again), and `install.lock`.

mod blank;
mod build;
mod catalog;
mod deb;
mod digest;
mod error;
mod initramfs;
mod install;
mod kernel;
mod modules;
mod own_kernel;
mod partial;
mod prerequisites;
mod programs;
mod progress;
mod prune;
mod record;
mod sources;
mod store;
mod vmlinux;

pub use catalog::{CATALOG, CATALOG_VERSION, Environment, PLATFORM};
pub use error::EnvironmentError;
pub use initramfs::Agent;
pub use kernel::{Kernel, KernelAccel, KernelError};
pub use modules::ModulesError;
pub use own_kernel::OwnKernelError;
pub use prerequisites::MissingProgram;
pub use programs::elsewhere;
pub use progress::{Progress, Stage};
pub use store::{EnvironmentInfo, EnvironmentStore, Installed, InstalledInfo};
pub use vmlinux::VmlinuxError;
