//! `pyro output` as clap reads it.

use super::whole;
use clap::{Args, Subcommand};

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
    #[arg(long, value_name = "BYTES", default_value_t = 0, allow_negative_numbers = true, value_parser = whole(0..=u64::MAX))]
    pub(crate) offset: u64,
    /// Bytes to read at most [default: all; with --json 65536, of 1048576 at most].
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true, value_parser = whole(1..=u64::MAX))]
    pub(crate) length: Option<u64>,
    /// Print one JSON object on stdout, with where the next page begins.
    #[arg(long)]
    pub(crate) json: bool,
}
