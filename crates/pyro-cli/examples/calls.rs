//! Calls of the Rust SDK, timed, for `bench/python.py`: each line of stdin is `list`, or `exec ID`,
//! and is answered by how many seconds the call took.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark's program reads stdin and the environment"
)]

use pyro_core::{CancellationToken, Config, Id, LineRequest, OutputTo, Pyro};
use std::time::Instant;

#[tokio::main]
async fn main() {
    let program = std::path::PathBuf::from(std::env::var_os("PYRO_PROGRAM").unwrap());
    let pyro = Pyro::new(Config::from_variables(program, |name| std::env::var_os(name)).unwrap());
    let cancel = CancellationToken::new();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let began = Instant::now();
        match line.split_once(' ') {
            None => drop(pyro.list_workspaces().await.unwrap()),
            Some((_, id)) => {
                let (id, line) = (Id::parse(id).unwrap(), LineRequest::new("true"));
                drop(pyro.exec_workspace(id, line, None, OutputTo::Result, &cancel).await.unwrap());
            }
        }
        println!("{}", began.elapsed().as_secs_f64());
    }
}
