//! A failure of the surface's own.

use crate::{exit, printer};
use std::error::Error;

/// Tell it, and what to do about it.
pub(super) fn fail(error: &dyn Error, hint: &str) -> i32 {
    printer::talk(&format!("error: {error}"));
    for cause in std::iter::successors(error.source(), |cause| (*cause).source()) {
        printer::talk(&format!("  caused by: {cause}"));
    }
    printer::talk(&format!("hint: {hint}"));
    exit::FAILED
}
