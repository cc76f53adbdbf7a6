//! The one place that prints: stdout is data, stderr is talk.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the printer")]

use pyro_core::PyroError;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// Print a line of data; a reader that went away ends the process quietly, as it does any filter.
pub(crate) fn data(text: &str) {
    let mut stdout = io::stdout().lock();
    if writeln!(stdout, "{text}").and_then(|()| stdout.flush()).is_err() {
        std::process::exit(crate::exit::FAILED);
    }
}

/// Print bytes of data as they are.
pub(crate) fn raw(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    if stdout.write_all(bytes).and_then(|()| stdout.flush()).is_err() {
        std::process::exit(crate::exit::FAILED);
    }
}

/// Print one JSON object: two spaces of indent, keys sorted, as the reference does.
pub(crate) fn json(value: &impl Serialize) {
    // `serde_json::Value` keeps its keys sorted.
    let text = serde_json::to_value(value).and_then(|value| serde_json::to_string_pretty(&value));
    match text {
        Ok(text) => data(&text),
        Err(error) => talk(&format!("error: cannot write JSON: {error}")),
    }
}

/// Say something to the person at the terminal.
pub(crate) fn talk(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Tell a failure: words on stderr, or one object on stdout.
pub(crate) fn failure(error: &PyroError, as_json: bool) {
    if as_json {
        json(&serde_json::json!({
            "ok": false,
            "error": error.to_string(),
            "kind": error.kind().name(),
            "causes": error.causes(),
            "hint": error.hint(),
        }));
        return;
    }
    talk(&format!("error: {error}"));
    for cause in error.causes() {
        talk(&format!("  caused by: {}", cause.replace('\n', "\n    ")));
    }
    if let Some(hint) = error.hint() {
        talk(&format!("hint: {hint}"));
    }
}

/// Whether a person watches stderr.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}
