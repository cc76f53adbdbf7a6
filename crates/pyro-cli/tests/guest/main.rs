//! End to end: the `pyro` executable and real guests, the same tests on each engine that the
//! machine has.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "tests start processes and read the environment"
)]

mod bench;
mod boot;
mod commands;
mod differential;
mod disk;
mod docs;
mod faults;
mod frameworks;
mod home;
mod hostile;
mod installation;
mod life;
mod mcp;
mod ollama;
mod output;
mod python;
mod run;
mod secrets;
mod service;
mod shell;
mod skip;
mod snapshot;
mod template;
mod user;
mod vm;
mod workspace;
mod workspace_files;

/// The same tests on a host that can run no guest.
#[macro_export]
macro_rules! on_the_host {
    ($($name:ident),+ $(,)?) => {
        mod host {
            $(#[test] fn $name() { super::$name(&$crate::home::Home::host()); })+
        }
    };
}

/// The same tests under TCG and, where the machine has it, on KVM.
#[macro_export]
macro_rules! on_each_engine {
    ($($name:ident),+ $(,)?) => {
        mod tcg {
            $(#[test] fn $name() { super::$name(&$crate::home::Home::tcg()); })+
        }
        mod kvm {
            $(#[test] fn $name() { if let Some(home) = $crate::home::Home::kvm() { super::$name(&home); } })+
        }
    };
}
