//! `pyro output` as clap reads it.

use clap::{Args, Subcommand, value_parser};

#[derive(Debug, Subcommand)]
pub(crate) enum Output {
    /// Read what a command printed beyond what its result holds.
    Read(Read),
}

#[derive(Debug, Args)]
pub(crate) struct Read {
    /// The stdout_file or stderr_file of a result.
    pub(crate) name: String,
    /// Begin at this byte.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub(crate) offset: u64,
    /// Bytes to read at most [default: all; with --json 65536, of 1048576 at most].
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(1..))]
    pub(crate) length: Option<u64>,
    /// Print one JSON object on stdout, with where the next page begins.
    #[arg(long)]
    pub(crate) json: bool,
}
