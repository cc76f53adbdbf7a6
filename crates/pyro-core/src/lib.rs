//! The pyro runtime: environments that virtual machines boot from, and the machines' whole life.
//!
//! A module uses only modules below it in this list (`cargo xtask check` holds it):
//! [`environment`] > `disk`, `archive` > `store` > [`host`] > [`config`] > [`id`].

pub mod config;
pub mod environment;
pub mod host;
pub mod id;
