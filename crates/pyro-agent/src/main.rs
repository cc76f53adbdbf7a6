//! PID 1 of a pyro guest, and the same program as a plain process for the `host` engine.
//!
//! One thread, one task for the channel, one task for each operation; what blocks on the disk has
//! threads of its own. It knows nothing of workspaces.
#![allow(
    clippy::disallowed_methods,
    reason = "the agent is a program of its own, with no host layer beneath it"
)]

mod agent;
mod background;
mod boot;
mod boundary;
mod cgroup;
mod channel;
mod child;
mod console;
mod descendants;
mod dial;
mod environment;
mod exec;
mod failure;
mod files;
mod greeting;
mod guardian;
mod guest;
mod host;
mod identity;
mod input;
mod launch;
mod memory;
mod modules;
mod mount;
mod output;
mod person;
mod place;
mod port;
mod power;
mod prepare;
mod raw;
mod reaper;
mod root;
mod running;
mod session;
mod spawn;
mod sys;
mod terminal;
mod text;
mod tree;
mod user;
mod wire;
mod workers;
mod world;

use std::io::Write;
use std::process::ExitCode;

/// musl's allocator gives every buffer of a transfer back to the kernel and takes it anew, a fault
/// for each of its pages: a tenth of what an emulated guest did while it took a tree.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let begun_us = sys::monotonic_us();
    let args: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if std::process::id() == 1 {
        // Words on the kernel's command line that it does not know arrive as arguments; none is for
        // the agent.
        return guest::run(begun_us);
    }
    match args.as_slice() {
        ["--host", "--fd", number] => host::run(number, None, begun_us),
        ["--host", "--fd", number, "--root-fd", root] => host::run(number, Some(root), begun_us),
        ["--version"] => {
            let _ = writeln!(std::io::stdout(), "pyro-agent {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        _ => {
            let _ = writeln!(
                std::io::stderr(),
                "usage: pyro-agent --host --fd N [--root-fd N] | --version; it runs as PID 1 otherwise"
            );
            ExitCode::from(2)
        }
    }
}
