//! The flag for output that programs read.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Json {
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
