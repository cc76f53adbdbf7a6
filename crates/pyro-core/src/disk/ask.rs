//! Reading a disk in a process of its own.
//!
//! A guest wrote what is on it. Its reader keeps to no limit of time: a tree of extents of no
//! length can have more branches than anybody waits for. Here the kernel sets one, of time and of
//! memory, and ends the reader with whoever asked.

use super::error::DiskError;
use super::fault::DiskFault;
use super::offline::OfflineDisk;
use super::page::{Page, PageQuery};
use super::part::{Part, PartQuery};
use crate::config::PyroProgram;
use crate::host::process;
use crate::host::program::{Program, ProgramError};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The command of `pyro` that answers.
const COMMAND: &str = "read-disk";

/// Processor time that a reader may take, in seconds.
const CPU_SECONDS: u64 = 60;

/// Memory that a reader may take, in bytes.
const MEMORY: u64 = 1 << 30;

/// How long an answer may take, also where the host has no processor free.
const PATIENCE: Duration = Duration::from_secs(300);

/// Longest answer, in bytes: a page of names that are written as numbers.
const MAX_ANSWER: usize = 128 << 20;

/// A question about a disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum DiskQuery {
    /// A page of a directory.
    Page(PageQuery),
    /// A part of a file.
    Part(PartQuery),
}

/// What is known of it.
#[derive(Debug, Serialize, Deserialize)]
pub enum DiskAnswer {
    /// The page.
    Page(Page),
    /// The part.
    Part(Part),
    /// Why there is neither.
    Fault(DiskFault),
}

/// Ask about the filesystem on the raw `image` under qcow2 `layers`, bottom first.
///
/// # Errors
/// [`DiskError::Fault`], [`DiskError::Reader`].
pub async fn ask(
    program: &PyroProgram,
    image: PathBuf,
    layers: Vec<PathBuf>,
    query: &DiskQuery,
) -> Result<DiskAnswer, DiskError> {
    let question = serde_json::to_string(query).map_err(unknown)?;
    let args = program.args_for(&[COMMAND, &question]).into_iter();
    let files = std::iter::once(image).chain(layers).map(OsString::from);
    let reader = Program::new(&program.executable).called("the reader of a disk");
    match reader.args(args.chain(files)).output(PATIENCE, MAX_ANSWER).await {
        Ok(bytes) => match serde_json::from_slice(&bytes).map_err(unknown)? {
            DiskAnswer::Fault(fault) => Err(fault.into()),
            answer => Ok(answer),
        },
        // The kernel ended it, or it ended itself where no memory was left.
        Err(ProgramError::Failed { .. } | ProgramError::Silent { .. }) => {
            let why = "its reader came to no end, or needs more memory than there should be";
            Err(DiskFault::Unreadable(why.to_owned()).into())
        }
        Err(error) => Err(DiskError::Reader(error)),
    }
}

fn unknown(error: serde_json::Error) -> DiskError {
    DiskFault::Unreadable(format!("its reader speaks otherwise: {error}")).into()
}

/// Be the process that reads: the answer to a question, over an image and layers, as it is to be
/// printed. Sets limits to this process.
///
/// # Errors
/// When the arguments are none that `ask` gives.
pub fn answer(question: &str, mut files: Vec<PathBuf>) -> Result<Vec<u8>, serde_json::Error> {
    let query: DiskQuery = serde_json::from_str(question)?;
    process::limit(CPU_SECONDS, MEMORY);
    let image = if files.is_empty() { PathBuf::new() } else { files.remove(0) };
    let answered = OfflineDisk::open(&image, &files).and_then(|disk| match &query {
        DiskQuery::Page(query) => disk.page(query).map(DiskAnswer::Page),
        DiskQuery::Part(query) => disk.part(query).map(DiskAnswer::Part),
    });
    serde_json::to_vec(&answered.unwrap_or_else(|error| DiskAnswer::Fault(fault(error))))
}

/// A failure as it crosses to whoever asked.
fn fault(error: DiskError) -> DiskFault {
    match error {
        DiskError::Fault(fault) => fault,
        DiskError::File(error) | DiskError::Filesystem { source: error, .. } => {
            DiskFault::Unreadable(error.to_string())
        }
        error => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            DiskFault::Unreadable(format!("{error}{}", cause.unwrap_or_default()))
        }
    }
}
