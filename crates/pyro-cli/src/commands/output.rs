//! `pyro output read`: what a command printed beyond what its result holds.

use super::runtime::{block_on, fail, pyro};
use crate::cli::{Output, OutputRead};
use crate::{exit, printer};
use pyro_core::limits::{MAX_KEPT_OUTPUT, page_length};
use pyro_core::{OutputName, PyroError, limits};

/// Bytes of one reading where nobody asks for pages.
const CHUNK_LEN: usize = 1 << 20;

pub(super) fn run(command: Output) -> i32 {
    let Output::Read(args) = command;
    let read = if args.json { page(&args) } else { whole(&args) };
    read.map_or_else(|error| fail(&error, args.json, exit::FAILED), |()| exit::OK)
}

/// Name the files of what a result leaves out, where it does; each with the bytes that its output
/// had.
pub(super) fn hint<'a>(files: impl IntoIterator<Item = (&'a Option<OutputName>, u64)>) {
    for (name, bytes) in files {
        match name {
            Some(name) if bytes > MAX_KEPT_OUTPUT => printer::talk(&format!(
                "hint: the first {MAX_KEPT_OUTPUT} of {bytes} bytes were kept: pyro output read {name}"
            )),
            Some(name) => printer::talk(&format!("hint: full output: pyro output read {name}")),
            None => {}
        }
    }
}

fn page(args: &OutputRead) -> Result<(), PyroError> {
    let length = args.length.unwrap_or(limits::DEFAULT_PAGE_LENGTH.into());
    let length = page_length(u32::try_from(length).unwrap_or(u32::MAX))?;
    let read = pyro()?.read_output(OutputName::parse(&args.name)?, args.offset, length);
    printer::json(&block_on(read)?);
    Ok(())
}

fn whole(args: &OutputRead) -> Result<(), PyroError> {
    let (pyro, name) = (pyro()?, OutputName::parse(&args.name)?);
    let (mut offset, mut left) = (args.offset, args.length.unwrap_or(u64::MAX));
    loop {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_LEN);
        let page = block_on(pyro.read_output(name.clone(), offset, length))?;
        printer::content(&page.bytes);
        left -= page.bytes.len() as u64;
        match page.next_offset {
            Some(next) if left > 0 => offset = next,
            next => {
                if next.is_none() && page.output_bytes > page.total_bytes {
                    printer::talk(&format!(
                        "hint: the output is incomplete: it had {} bytes, and the first {} were kept",
                        page.output_bytes, page.total_bytes
                    ));
                }
                return Ok(());
            }
        }
    }
}
